/** Numbers of foreign files as those of ours: 16-bit floats widen, 64-bit integers narrow. */
import { bf16ToNumber, halfToNumber } from '../io/floats'
import type { TypedArray } from '../tensor'

/** Little-endian types of elements: their bytes, and what becomes of one. */
export const ELEMENTS = {
  f32: { bytes: 4, array: Float32Array, read: (v: DataView, at: number) => v.getFloat32(at, true) },
  f64: { bytes: 8, array: Float64Array, read: (v: DataView, at: number) => v.getFloat64(at, true) },
  f16: {
    ...{ bytes: 2, array: Float32Array },
    read: (v: DataView, at: number) => halfToNumber(v.getUint16(at, true)),
  },
  bf16: {
    ...{ bytes: 2, array: Float32Array },
    read: (v: DataView, at: number) => bf16ToNumber(v.getUint16(at, true)),
  },
  i32: { bytes: 4, array: Int32Array, read: (v: DataView, at: number) => v.getInt32(at, true) },
  i64: {
    ...{ bytes: 8, array: Int32Array },
    read: (v: DataView, at: number) => v.getInt32(at + 4, true) * 2 ** 32 + v.getUint32(at, true),
  },
} as const
export type Element = keyof typeof ELEMENTS

const INT32 = 2 ** 31

/** Elements of those bytes by their numbers, in order; a null: one of them does not fit in 32 bits. */
export function decode(
  type: Element,
  bytes: Uint8Array,
  count: number,
  places: (write: (from: number) => void) => void,
): TypedArray | null {
  const { bytes: width, array, read } = ELEMENTS[type]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const made = new array(count)
  let at = 0
  let fits = true
  places((from) => {
    const value = read(view, from * width)
    if (type === 'i64' && !(value >= -INT32 && value < INT32)) fits = false
    made[at++] = value
  })
  return fits ? made : null
}

/** All elements in a row. */
export const decodeAll = (type: Element, bytes: Uint8Array, count: number): TypedArray | null =>
  decode(type, bytes, count, (write) => {
    for (let i = 0; i < count; ++i) write(i)
  })
