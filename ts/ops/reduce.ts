import { record, tracks } from '../tensor/autograd'
import { native, type DType, type NativeAddon, type NativeTensor, type Real } from '../native/index'
import { resolveAxis } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { toReal } from './select'
import { reshape } from './shape'
import { checkReal, checkTensor, integers, result } from './support'

declare module '../native/index' {
  interface NativeAddon {
    /** Over one axis, which disappears. 'max' also returns argmax as i32. */
    reduce(op: 'sum' | 'mean' | 'max', x: N, axis: number): { y: N; argmax: Maybe }
    /** sinks: [dx]; `shape` is x's. */
    reduceBackward(
      op: string,
      shape: readonly number[],
      axis: number,
      argmax: Maybe,
      dy: N,
      sinks: Sinks,
      add: number,
    ): void
  }
}

type ReduceName = Parameters<NativeAddon['reduce']>[0]

interface Reduced<D extends DType> {
  y: Tensor<D>
  argmax: NativeTensor | null
}

/** Reduces one axis, which disappears; `argmax` (of 'max') is the caller's to dispose. */
function reduceAxis<D extends DType>(op: ReduceName, x: Tensor<D>, axis: number): Reduced<D> {
  checkReal(op, 'x', x)
  const at = resolveAxis(op, axis, x.dims)
  const shape = x.shape.filter((_, i) => i !== at)
  const { y: handle, argmax } = native.reduce(op, x.handle, at)
  const y = result(handle, shape, x)
  if (tracks(x)) {
    const from = x.shape
    record({
      op,
      inputs: [x],
      outputs: [y],
      own: [argmax && native.view(argmax, 0, shape)],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.reduceBackward(op, from, at, call.savedOrNull(0), call.dy, sinks, bits)
      },
    })
  }
  return { y, argmax }
}

function reduce<D extends DType>(
  op: ReduceName,
  x: Tensor<D>,
  axis: number | undefined,
): Reduced<D> {
  if (axis !== undefined) return reduceAxis(op, x, axis)
  checkTensor(op, 'x', x)
  const flat = reshape(x, [x.size])
  const reduced = reduceAxis(op, flat, 0)
  flat.dispose()
  return reduced
}

/** Reals of the same dtype; integers give what the device has. */
export type Total<D extends DType> = Tensor<D extends 'i32' ? Real : D>

/** Integers are counted as reals. */
function total(op: 'sum' | 'mean', x: Tensor, axis: number | undefined): Tensor {
  checkTensor(op, 'x', x)
  if (x.dtype !== 'i32') return reduce(op, x, axis).y
  const real = toReal(x)
  const { y } = reduce(op, real, axis)
  real.dispose()
  return y
}

/**
 * Over one axis, which disappears, or over all elements. Integers give a real, so that
 * `sum(equal(a, b))` is a count (exact to 2^24 in f32).
 */
export const sum = <D extends DType>(x: Tensor<D>, axis?: number): Total<D> =>
  total('sum', x, axis) as Total<D>

/** See {@link sum}. */
export const mean = <D extends DType>(x: Tensor<D>, axis?: number): Total<D> =>
  total('mean', x, axis) as Total<D>

/** See {@link sum}. The gradient goes to the first maximum. */
export function max<D extends DType>(x: Tensor<D>, axis?: number): Tensor<D> {
  const { y, argmax } = reduce('max', x, axis)
  if (argmax !== null) native.dispose(argmax)
  return y
}

/** Index (i32) of the first maximum along an axis. */
export function argmax(x: Tensor, axis = -1): Tensor<'i32'> {
  checkReal('argmax', 'x', x)
  const at = resolveAxis('argmax', axis, x.dims)
  const shape = x.shape.filter((_, i) => i !== at)
  const reduced = native.reduce('max', x.handle, at)
  native.dispose(reduced.y)
  return integers(reduced.argmax as NativeTensor, shape, x)
}
