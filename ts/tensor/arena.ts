/** Many tensors in one flat buffer, so that what is done to all of them is done in one pass. */
import { native, type DeviceName, type DType } from '../native/index'
import type { Shape } from './shape'
import { Tensor } from './tensor'

/** A buffer of zeros, which no scope disposes. */
export function flatBuffer(size: number, dtype: DType, device: DeviceName): Tensor {
  const shape = [size]
  return new Tensor({ handle: native.full(device, dtype, shape, 0), shape, dtype, device }, false)
}

/** The elements of a buffer from `offset` on, as a tensor of `shape`. It shares the buffer's storage. */
export function partOf({ handle, dtype, device }: Tensor, offset: number, shape: Shape): Tensor {
  return new Tensor({ handle: native.view(handle, offset, shape), shape, dtype, device })
}

/** The same as one run of elements, which no scope disposes. */
export function stretchOf({ handle, dtype, device }: Tensor, offset: number, size: number): Tensor {
  const shape = [size]
  return new Tensor({ handle: native.view(handle, offset, shape), shape, dtype, device }, false)
}

/**
 * Moves a leaf's values and its gradient to `offset` of two buffers; the object stays the same. Without `gradients` it
 * has none.
 */
export function moveInto(
  leaf: Tensor,
  values: Tensor,
  gradients: Tensor | null,
  offset: number,
): void {
  const handle = native.view(values.handle, offset, leaf.shape)
  native.copyInto(handle, leaf.handle)
  leaf.rebind(handle, gradients && native.view(gradients.handle, offset, leaf.shape))
}

/** Makes a leaf's gradient gather at `offset` of a buffer again, after it was frozen and thawed. */
export function gatherAt(leaf: Tensor, gradients: Tensor, offset: number): void {
  leaf.gatherIn(native.view(gradients.handle, offset, leaf.shape))
}
