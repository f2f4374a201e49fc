import { checkFinite, checkWhole, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isFloat32Array, isNumberArray } from '../kinds'
import type { HostTensor } from '../nn'
import type { TypedArray } from '../tensor'

/** Sequences side by side: values [steps, rows], time-major, and lengths i32 [rows]. */
export interface Padded {
  values: HostTensor
  lengths: HostTensor
}

export interface PadOptions {
  /** What is beyond a sequence's end. Default 0. */
  value?: number | undefined
  /** Positions to pad to. Default: those of the longest sequence. */
  steps?: number | undefined
}

const PAD_NAMES: Names<PadOptions> = { value: true, steps: true }

/**
 * Lays sequences of numbers out time-major, as ops want them: f32 where they are Float32Arrays, else i32.
 * Throws `ERR_ARGUMENT` for numbers that are not whole in the latter.
 */
export function pad(sequences: readonly ArrayLike<number>[], options: PadOptions = {}): Padded {
  const { value = 0, steps: wanted = 0 } = optionsOf('pad', options, PAD_NAMES)
  checkFinite('pad', 'value', value)
  checkWhole('pad', 'steps', wanted, 0, 2 ** 31 - 1)
  const lists = isListOf(sequences, (x) => Array.isArray(x) || isNumberArray(x))
  expect('pad', 'sequences', lists, 'a list of lists of numbers', sequences)
  const rows = sequences.length
  const lengths = Int32Array.from(sequences, ({ length }) => length)
  const steps = lengths.reduce((most, length) => Math.max(most, length), wanted)
  const real = sequences.every((sequence) => isFloat32Array(sequence))
  const all: TypedArray = new (real && rows > 0 ? Float32Array : Int32Array)(steps * rows)
  if (value !== 0) all.fill(value)
  sequences.forEach((sequence, row) => {
    for (let t = 0, at = row; t < sequence.length; ++t, at += rows)
      all[at] = real ? (sequence[t] as number) : toWhole(sequence[t] as number)
  })
  return {
    values: { shape: [steps, rows], data: all },
    lengths: { shape: [rows], data: lengths },
  }
}

function toWhole(value: number): number {
  if (typeof value === 'number' && value === (value | 0)) return value
  throw new RnnativeError(
    'ERR_ARGUMENT',
    `[batches] expected whole numbers or a Float32Array, got ${show(value)}`,
  )
}

/** What {@link collate} makes of examples: numbers i32 [rows], arrays of them [steps, rows], the rest a list. */
export type Collated<E> = {
  [K in keyof E]: E[K] extends number | ArrayLike<number> ? HostTensor : E[K][]
} & {
  /** Of each example's arrays, i32 [rows]. */
  lengths: HostTensor
}

const isSequence = (value: unknown): value is ArrayLike<number> =>
  isNumberArray(value) || (Array.isArray(value) && value.every((x) => typeof x === 'number'))

/** How long an example is: its longest field that is an array of numbers, or it itself. */
export function lengthOf(example: unknown): number {
  if (isSequence(example)) return example.length
  return Object.values((example ?? {}) as object).reduce<number>(
    (most, value) => (isSequence(value) ? Math.max(most, value.length) : most),
    0,
  )
}

/**
 * Lays examples that are objects out field by field. All arrays of an example must be of one length.
 * `values`: what to pad a field with, by name; 0 for those that are not named.
 */
export function collate<E>(
  examples: readonly E[],
  padding: { steps: number; values?: Readonly<Record<string, number>> | undefined },
): Collated<E> {
  const { steps, values = {} } = optionsOf('batches', padding, { steps: true, values: true })
  expect('batches', 'examples', Array.isArray(examples), 'a list of examples', examples)
  expect('batches', 'values', isObject(values), 'an object of numbers', values)
  const all = examples as readonly Readonly<Record<string, unknown>>[]
  const [first] = all
  if (typeof first !== 'object' || first === null || Array.isArray(first))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      '[batches] example: expected an object of numbers and arrays of numbers; give collate for others',
    )
  let lengths: HostTensor | undefined
  const fields = Object.keys(first).map((name) => {
    const column = Array.from(all, (example) => (example as typeof example | null)?.[name])
    if (column.every((value) => typeof value === 'number'))
      return [name, { shape: [all.length], data: Int32Array.from(column, toWhole) }]
    if (!column.every(isSequence)) return [name, column]
    const padded = pad(column, { value: values[name], steps })
    lengths ??= padded.lengths
    if (padded.lengths.data.some((length, row) => length !== lengths?.data[row]))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[batches] ${name}: expected as many numbers as the other fields have; give collate for others`,
      )
    return [name, padded.values]
  })
  lengths ??= { shape: [all.length], data: new Int32Array(all.length) }
  return { ...Object.fromEntries(fields), lengths } as Collated<E>
}
