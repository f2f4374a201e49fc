import { checkFinite, checkWhole, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isFloat32Array, isNumberArray, isView } from '../kinds'
import type { HostTensor } from '../nn'
import type { TypedArray } from '../tensor'

/** Sequences side by side: values [steps, rows], time-major, and lengths i32 [rows]. */
export interface Padded {
  /** The sequences, padded. */
  values: HostTensor
  /** Steps of each sequence, `[batch]`. */
  lengths: HostTensor
}

/** The longest that an example may be. */
export const MOST_STEPS = 2 ** 31 - 1

/** Options of {@link pad}. */
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
  checkWhole('pad', 'steps', wanted, 0, MOST_STEPS)
  const lists = isListOf(sequences, (x) => Array.isArray(x) || isNumberArray(x))
  expect('pad', 'sequences', lists, 'a list of lists of numbers', sequences)
  return padded(sequences, wanted, value, 'pad', (row) => `sequences[${row}]`)
}

/** `nameOf`: of each sequence, in errors. */
function padded(
  sequences: readonly ArrayLike<number>[],
  least: number,
  value: number,
  op: string,
  nameOf: (row: number) => string,
): Padded {
  const rows = sequences.length
  const lengths = Int32Array.from(sequences, ({ length }) => length)
  const steps = lengths.reduce((most, length) => Math.max(most, length), least)
  const real = sequences.every((sequence) => isFloat32Array(sequence))
  const all: TypedArray = new (real && rows > 0 ? Float32Array : Int32Array)(steps * rows)
  if (value !== 0) all.fill(value)
  sequences.forEach((sequence, row) => {
    for (let t = 0, at = row; t < sequence.length; ++t, at += rows) {
      const number = sequence[t] as number
      if (!real && !(Number.isInteger(number) && number === (number | 0)))
        throw notWhole(op, `${nameOf(row)}[${t}]`, number)
      all[at] = number
    }
  })
  return {
    values: { shape: [steps, rows], data: all },
    lengths: { shape: [rows], data: lengths },
  }
}

const refused = (op: string, name: string, expected: string, got: unknown) =>
  new RnnativeError('ERR_ARGUMENT', `[${op}] ${name}: expected ${expected}, got ${show(got)}`)

const notWhole = (op: string, name: string, got: unknown) =>
  refused(op, name, 'a whole number, or a Float32Array for others', got)

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

/** A value that is laid out as numbers, if those of the other examples are; an empty list may be one of anything. */
const numeric = (value: unknown): 'a number' | 'a list of numbers' | null =>
  typeof value === 'number'
    ? 'a number'
    : isSequence(value) && value.length > 0
      ? 'a list of numbers'
      : null

/** Throws `ERR_ARGUMENT` where a field is numbers in some examples and something else in others. */
function checkAlike(column: readonly unknown[], nameOf: (row: number) => string): void {
  const kind = column.map(numeric).find((kind) => kind !== null)
  if (kind === undefined) return
  column.forEach((value, row) => {
    const alike = kind === 'a number' ? typeof value === 'number' : isSequence(value)
    const expected = `${kind}, as in other examples; give collate for what is not alike`
    if (!alike) throw refused('batches', nameOf(row), expected, value)
  })
}

const EXAMPLE = 'an object of numbers and arrays of numbers; give collate for others'

/**
 * Lays examples that are objects out field by field. All arrays of an example must be of one length, and a field
 * the same in all examples. `values`: what to pad a field with, by name; 0 for those that are not named.
 */
export const collate = <E>(
  examples: readonly E[],
  padding: { steps: number; values?: Readonly<Record<string, number>> | undefined },
): Collated<E> => collateAt(examples, padding, (row) => row)

/** The same of examples that have other places in the data: errors tell these. */
export function collateAt<E>(
  examples: readonly E[],
  padding: { steps: number; values?: Readonly<Record<string, number>> | undefined },
  placeOf: (row: number) => number,
): Collated<E> {
  const { steps, values = {} } = optionsOf('batches', padding, { steps: true, values: true })
  expect('batches', 'examples', Array.isArray(examples), 'a list of examples', examples)
  checkWhole('batches', 'steps', steps, 0, MOST_STEPS)
  expect('batches', 'values', isObject(values), 'an object of numbers', values)
  for (const [name, value] of Object.entries(values)) checkFinite('batches', `pad.${name}`, value)
  const all = examples as readonly Readonly<Record<string, unknown>>[]
  const example = (row: number) => `examples[${placeOf(row)}]`
  const odd = all.findIndex((one) => !isObject(one) || isView(one))
  if (odd >= 0) throw refused('batches', example(odd), EXAMPLE, all[odd])
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))]
  for (const name of Object.keys(values))
    if (!names.includes(name))
      throw refused('batches', `pad.${name}`, `one of the fields ${names.join(', ')}`, name)
  let first: { name: string; lengths: HostTensor } | undefined
  const fields = names.map((name) => {
    const place = (row: number) => `${example(row)}.${name}`
    const column = all.map((one) => one[name])
    checkAlike(column, place)
    if (column.every((value) => typeof value === 'number')) {
      const odd = column.findIndex((value) => value !== (value | 0))
      if (odd >= 0) throw notWhole('batches', place(odd), column[odd])
      return [name, { shape: [all.length], data: Int32Array.from(column) }]
    }
    if (!column.every(isSequence)) return [name, column]
    const made = padded(column, steps, values[name] ?? 0, 'batches', place)
    first ??= { name, lengths: made.lengths }
    const { name: other, lengths } = first
    made.lengths.data.forEach((length, row) => {
      if (length === lengths.data[row]) return
      const expected = `as many numbers as ${other} has, ${lengths.data[row]}; give collate for others`
      throw refused('batches', place(row), expected, length)
    })
    return [name, made.values]
  })
  const lengths = first?.lengths ?? { shape: [all.length], data: new Int32Array(all.length) }
  return { ...Object.fromEntries(fields), lengths } as Collated<E>
}
