import { RnnativeError } from '../errors'
import type { NativeTensor } from '../native/index'
import { checkShape, type Shape } from '../tensor/shape'
import { Tensor } from '../tensor/tensor'

/** An op's result: a tensor on the device of `like`, of its dtype. */
export const result = (handle: NativeTensor, shape: Shape, like: Tensor): Tensor =>
  new Tensor({ handle, shape: Object.freeze([...shape]), dtype: like.dtype, device: like.device })

/** Throws `ERR_DEVICE` unless all operands lie on one device. Names and tensors alternate. */
export function checkDevice(
  op: string,
  first: Tensor,
  others: Record<string, Tensor | null>,
): void {
  for (const [name, other] of Object.entries(others))
    if (other !== null && other.device !== first.device)
      throw new RnnativeError(
        'ERR_DEVICE',
        `[${op}] ${name}: expected a tensor on ${first.device}, got ${other.device}`,
      )
}

export function checkReal(op: string, name: string, tensor: Tensor): void {
  if (tensor.dtype === 'i32')
    throw new RnnativeError('ERR_DTYPE', `[${op}] ${name}: expected real numbers, got i32`)
}

export function checkInteger(op: string, name: string, tensor: Tensor): void {
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
  checkShape(op, name, [values.length], [extent])
  const tensor = make(values instanceof Int32Array ? values : Int32Array.from(values))
  return { tensor, release: () => tensor.dispose() }
}
