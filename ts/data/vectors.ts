/** Sequences of feature vectors: speech frames, regions of a picture. */
import { isListOf } from '../check'
import { expect } from '../errors'
import { isGone, isNumberArray } from '../kinds'

/** A vector for each step, or all of them one after another. */
export type VectorSequence = readonly ArrayLike<number>[] | Float32Array

/** A sequence as it is read: [length, size]. */
export class Vectors {
  constructor(
    readonly data: Float32Array,
    readonly size: number,
  ) {}

  get length(): number {
    return this.data.length / this.size
  }
}

/** A copy; `ERR_ARGUMENT` for what has other vectors than of `size` numbers, all finite. */
export function vectorsOf(op: string, name: string, given: unknown, size: number): Vectors {
  const words = `vectors of ${size} finite numbers`
  if (given instanceof Float32Array) {
    expect(op, name, !isGone(given) && given.length % size === 0, words, given)
    expect(op, name, given.every(Number.isFinite), words, 'others')
    return new Vectors(given.slice(), size)
  }
  const isVector = (x: unknown) =>
    (isNumberArray(x) || Array.isArray(x)) && (x as ArrayLike<unknown>).length === size
  expect(op, name, isListOf(given, isVector), words, given)
  const data = new Float32Array((given as ArrayLike<number>[]).length * size)
  for (const [step, vector] of (given as ArrayLike<number>[]).entries())
    for (let i = 0; i < size; ++i) {
      const value: unknown = vector[i]
      const valid = typeof value === 'number' && Number.isFinite(value)
      expect(op, `${name}[${step}][${i}]`, valid, 'a finite number', value)
      data[step * size + i] = value as number
    }
  return new Vectors(data, size)
}

/** The same steps, last to first. */
export function backwards({ data, size, length }: Vectors): Vectors {
  const all = new Float32Array(data.length)
  for (let step = 0; step < length; ++step)
    all.set(data.subarray(step * size, (step + 1) * size), (length - 1 - step) * size)
  return new Vectors(all, size)
}

/** Sequences of vectors side by side, time-major. */
export interface VectorBatch {
  /** Of the longest. */
  steps: number
  /** [steps, rows, size]; what is beyond a row's length is 0 and means nothing. */
  vectors: Float32Array
  size: number
  /** [rows] */
  lengths: Int32Array
}

export function layOutVectors(all: readonly Vectors[], size: number): VectorBatch {
  const rows = all.length
  const lengths = Int32Array.from(all, ({ length }) => length)
  const steps = lengths.reduce((most, length) => Math.max(most, length), 0)
  const vectors = new Float32Array(steps * rows * size)
  for (const [row, { data, length }] of all.entries())
    for (let step = 0; step < length; ++step)
      vectors.set(data.subarray(step * size, (step + 1) * size), (step * rows + row) * size)
  return { steps, vectors, size, lengths }
}
