import { record, tracks } from '../tensor/autograd'
import { native, type NativeAddon, type NativeTensor } from '../native/index'
import { resolveAxis } from '../tensor/shape'
import { Tensor } from '../tensor/tensor'
import { reshape } from './shape'
import { checkReal, result } from './support'

type ReduceName = Parameters<NativeAddon['reduce']>[0]

interface Reduced {
  y: Tensor
  argmax: NativeTensor | null
}

/** Reduces one axis, which disappears; `argmax` (of 'max') is the caller's to dispose. */
function reduceAxis(op: ReduceName, x: Tensor, axis: number): Reduced {
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

function reduce(op: ReduceName, x: Tensor, axis: number | undefined): Reduced {
  if (axis !== undefined) return reduceAxis(op, x, axis)
  const flat = reshape(x, [x.size])
  const reduced = reduceAxis(op, flat, 0)
  flat.dispose()
  return reduced
}

/** Over one axis, which disappears, or over all elements. */
export const sum = (x: Tensor, axis?: number): Tensor => reduce('sum', x, axis).y

/** See {@link sum}. */
export const mean = (x: Tensor, axis?: number): Tensor => reduce('mean', x, axis).y

/** See {@link sum}. The gradient goes to the first maximum. */
export function max(x: Tensor, axis?: number): Tensor {
  const { y, argmax } = reduce('max', x, axis)
  if (argmax !== null) native.dispose(argmax)
  return y
}

/** Index (i32) of the first maximum along an axis. */
export function argmax(x: Tensor, axis = -1): Tensor {
  checkReal('argmax', 'x', x)
  const at = resolveAxis('argmax', axis, x.dims)
  const shape = Object.freeze(x.shape.filter((_, i) => i !== at))
  const reduced = native.reduce('max', x.handle, at)
  native.dispose(reduced.y)
  const handle = reduced.argmax as NativeTensor
  return new Tensor({ handle, shape, dtype: 'i32', device: x.device })
}
