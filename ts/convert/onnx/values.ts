/** Tensors of ONNX files: floats as they are to be learned or read, integers as numbers of the host. */
import { RnnativeError, show } from '../../errors'
import { Tensor } from '../../tensor'
import { decodeAll, ELEMENTS } from '../dtypes'
import { DATA_TYPES, type TensorProto } from './messages'

export type Fail = (problem: string) => RnnativeError

/** Integers that shapes are reckoned with. */
export interface Ints {
  readonly shape: readonly number[]
  readonly ints: readonly number[]
}

/** Floats of a file. */
export interface Floats {
  readonly shape: readonly number[]
  readonly floats: Float32Array
}

export type Value = Tensor | Ints
export const isTensor = (value: Value): value is Tensor => value instanceof Tensor

/** Most integers of a shape's arithmetic, and most axes of a tensor. */
const MOST_INTS = 1 << 16
const MOST_AXES = 8

const isExtents = (dims: readonly unknown[]): boolean =>
  dims.length <= MOST_AXES && dims.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)

/** The numbers of a tensor in a file; `ERR_FORMAT` for what does not fit together. */
export function readTensor(proto: TensorProto, fail: Fail): Floats | Ints {
  const { name, dims: shape, dataType, rawData, externalData, dataLocation } = proto
  const bad = (problem: string) => fail(`tensor ${show(name)}: ${problem}`)
  if (externalData.length > 0 || dataLocation !== 0)
    throw bad('its numbers lie in another file: save the model in one')
  if (!isExtents(shape)) throw bad(`expected a shape, got ${show(shape)}`)
  const element = Object.hasOwn(DATA_TYPES, dataType)
    ? DATA_TYPES[dataType as keyof typeof DATA_TYPES]
    : undefined
  if (element === undefined) throw bad(`numbers of type ${dataType} of ONNX are not read`)
  const count = shape.reduce((n, extent) => n * extent, 1)
  const listed: readonly number[] = {
    ...{ f32: proto.floatData, f64: proto.doubleData, i32: proto.int32Data, i64: proto.int64Data },
    ...{ f16: [] as number[], bf16: [] as number[] },
  }[element]
  const isInt = element === 'i32' || element === 'i64'
  const given = rawData.length > 0 ? rawData.length / ELEMENTS[element].bytes : listed.length
  if (given !== count) throw bad(`expected ${count} numbers, got ${given}`)
  if (isInt && count > MOST_INTS) throw bad(`expected at most ${MOST_INTS} integers, got ${count}`)
  const data = rawData.length > 0 ? decodeAll(element, rawData, count) : listed
  if (data === null) return { shape, ints: beyond(rawData) }
  return isInt ? { shape, ints: Array.from(data) } : { shape, floats: Float32Array.from(data) }
}

/** Integers of 64 bits, as which ends of slices are told that are as far as can be. */
const beyond = (rawData: Uint8Array): number[] => {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength)
  return Array.from({ length: rawData.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)))
}

export const intsOf = (ints: readonly number[], shape?: readonly number[]): Ints => ({
  shape: shape ?? [ints.length],
  ints,
})
