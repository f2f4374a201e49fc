/**
 * Matrices as whole numbers of -127 .. 127 by rows, each row with a scale. A scale is the largest magnitude of its
 * row by 127, rounded up to 16 bits: then products with it are exact in f32, and what is read and narrowed again is
 * the same.
 */
import { whole } from '../check'

const FLOAT = new Float32Array(1)
const BITS = new Uint32Array(FLOAT.buffer)

/** Rows whose largest magnitude is less are zero: scales would be denormal. */
const NOTHING = 2 ** -100
/** The largest float: rows that reach it have a scale that is rounded down, so that what is loaded is finite. */
const LARGEST = 2 ** 128 - 2 ** 104
/** Added to a float of less than 2^22 in f32, it rounds it to a whole number, ties to even. */
const ROUNDING = 1.5 * 2 ** 23

/** Rows that are gone through without a pause. */
const PART = 1 << 16

function scaleOf(row: Float32Array): number {
  let most = 0
  for (const x of row) {
    const size = Math.abs(x)
    if (!(size < Infinity)) return NaN
    if (size > most) most = size
  }
  if (most < NOTHING) return 0
  FLOAT[0] = most / 127
  BITS[0] = ((BITS[0] as number) + 0xff) & ~0xff
  if (127 * FLOAT[0] > LARGEST) BITS[0] -= 0x100
  return FLOAT[0]
}

/** Rows at a time. */
const rowsOf = (columns: number): number => Math.max(1, Math.floor(PART / Math.max(1, columns)))

/** The scales of a matrix's rows; NaN where a row has what is not finite. */
export function* scalesOf(data: Float32Array, columns: number): Generator<void, Float32Array> {
  const scales = new Float32Array(columns === 0 ? 0 : data.length / columns)
  for (let row = 0, step = rowsOf(columns); row < scales.length; ++row) {
    scales[row] = scaleOf(data.subarray(row * columns, (row + 1) * columns))
    if (row % step === step - 1) yield
  }
  return scales
}

/** Rows as whole numbers. */
export function* wholeNumbers(
  data: Float32Array,
  columns: number,
  scales: Float32Array,
): Generator<void, Int8Array> {
  const numbers = new Int8Array(data.length)
  for (let row = 0, step = rowsOf(columns); row < scales.length; ++row) {
    const scale = scales[row] as number
    for (let i = row * columns; scale > 0 && i < (row + 1) * columns; ++i) {
      const quotient = Math.fround((data[i] as number) / scale)
      numbers[i] = Math.fround(quotient + ROUNDING) - ROUNDING
    }
    if (row % step === step - 1) yield
  }
  return numbers
}

/** What scales cannot be, or whole numbers; null: nothing. */
export function int8Problem(numbers: Int8Array, scales: Float32Array): string | null {
  const scale = scales.find((scale) => !(scale >= 0 && scale < Infinity))
  if (scale !== undefined) return `expected scales of at least 0, got ${scale}`
  return numbers.includes(-128) ? 'expected whole numbers of -127 .. 127, got -128' : null
}

/** Rows of whole numbers by their scales. */
export function* widened(numbers: Int8Array, scales: Float32Array): Generator<void, Float32Array> {
  const data = new Float32Array(numbers.length)
  const columns = scales.length === 0 ? 0 : numbers.length / scales.length
  for (let row = 0, step = rowsOf(columns); row < scales.length; ++row) {
    const scale = scales[row] as number
    for (let i = row * columns; i < (row + 1) * columns; ++i)
      data[i] = (numbers[i] as number) * scale
    if (row % step === step - 1) yield
  }
  return data
}

/** Where the scales of a tensor lie. */
export const scaleName = (name: string): string => `${name}.scale`

/** Whether a tensor is one that int8 narrows: a matrix whose own name has `weight` in it. */
export const narrowsTo8 = (name: string, shape: readonly unknown[]): boolean =>
  shape.length === 2 &&
  whole(shape[1], 1) &&
  name.slice(name.lastIndexOf('.') + 1).includes('weight')
