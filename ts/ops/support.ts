import { expect, RnnativeError } from '../errors'
import { isNumberArray } from '../kinds'
import type { DType, NativeTensor, Real } from '../native/index'
import { realType, toTypedArray } from '../tensor/device'
import { checkShape, checkThere, formatShape, shapeError, type Shape } from '../tensor/shape'
import { Tensor, type TensorInit } from '../tensor/tensor'

/** An op's result: a tensor on the device of `like`, of its dtype. */
export const result = <D extends DType>(
  handle: NativeTensor,
  shape: Shape,
  { device, dtype }: Pick<TensorInit<D>, 'device' | 'dtype'>,
): Tensor<D> => new Tensor({ handle, shape: Object.freeze([...shape]), dtype, device })

/** The same of i32. */
export const integers = (handle: NativeTensor, shape: Shape, { device }: Tensor): Tensor<'i32'> =>
  result(handle, shape, { device, dtype: 'i32' })

/** The same of reals. */
export const reals = (handle: NativeTensor, shape: Shape, { device }: Tensor): Tensor<Real> =>
  result(handle, shape, { device, dtype: realType(device) })

/** A tensor, or a number that stands for a scalar. */
export type Operand<D extends DType = DType> = Tensor<D> | number

/** What two shapes broadcast to, as NumPy's do; `ERR_SHAPE` names the second. */
export function broadcastShape(op: string, a: Shape, name: string, b: Shape): number[] {
  const dims = Math.max(a.length, b.length)
  return Array.from({ length: dims }, (_, i) => {
    const m = a[i - dims + a.length] ?? 1
    const n = b[i - dims + b.length] ?? 1
    if (m !== n && m !== 1 && n !== 1)
      throw shapeError(op, name, `a shape that broadcasts with ${formatShape(a)}`, formatShape(b))
    return m === 1 ? n : m
  })
}

/** Throws `ERR_ARGUMENT` unless it is a tensor. */
export function checkTensor(op: string, name: string, tensor: Tensor): void {
  if (!(tensor instanceof Tensor)) expect(op, name, false, 'a tensor', tensor)
}

/** Throws `ERR_DEVICE` unless all operands, those that are given, are tensors on one device. */
export function checkDevice(
  op: string,
  first: Tensor,
  others: Record<string, Tensor | null>,
): void {
  for (const name in others) {
    const other = others[name] as Tensor | null
    if (other === null) continue
    checkTensor(op, name, other)
    if (other.device !== first.device)
      throw new RnnativeError(
        'ERR_DEVICE',
        `[${op}] ${name}: expected a tensor on ${first.device}, got ${other.device}`,
      )
  }
}

export function checkReal<D extends DType>(
  op: string,
  name: string,
  tensor: Tensor<D>,
): asserts tensor is Tensor<D & Real> {
  checkTensor(op, name, tensor)
  if (tensor.dtype === 'i32')
    throw new RnnativeError('ERR_DTYPE', `[${op}] ${name}: expected real numbers, got i32`)
}

export function checkInteger(op: string, name: string, tensor: Tensor): void {
  checkTensor(op, name, tensor)
  if (tensor.dtype !== 'i32')
    throw new RnnativeError('ERR_DTYPE', `[${op}] ${name}: expected i32, got ${tensor.dtype}`)
}

/** Integers as a tensor, or as plain numbers that an op copies at the call. */
export type Integers = Tensor | Int32Array | readonly number[]

/** A tensor of sequence lengths or such, with what disposes it if it was made here. */
export interface Borrowed {
  readonly tensor: Tensor
  release(): void
}

/** `values` as an i32 tensor of one axis of `extent` on the device of `like`. */
export function borrowIntegers(
  op: string,
  name: string,
  values: Integers,
  extent: number,
  like: Tensor,
  make: (data: Int32Array) => Tensor,
): Borrowed {
  if (values instanceof Tensor) {
    checkInteger(op, name, values)
    checkDevice(op, like, { [name]: values })
    checkShape(op, name, values.shape, [extent])
    return { tensor: values, release: () => undefined }
  }
  const all = toIntegers(op, name, values)
  checkShape(op, name, [all.length], [extent])
  const tensor = make(all)
  return { tensor, release: () => tensor.dispose() }
}

/** Throws `ERR_ARGUMENT` unless it is an array of numbers or a typed one. */
export function checkNumbers(op: string, name: string, values: unknown): void {
  const list = Array.isArray(values) || isNumberArray(values)
  if (!list) expect(op, name, false, 'a list of numbers', values)
  checkThere(op, name, values)
}

/** A list of integers as ops take it; `ERR_DTYPE` names the first that is none of 32 bits. */
export function toIntegers(
  op: string,
  name: string,
  values: Int32Array | readonly number[],
): Int32Array {
  checkNumbers(op, name, values)
  return toTypedArray(op, name, 'i32', values) as Int32Array
}
