import { resolveDevice, realType, type DeviceOption } from './device'
import { native } from '../native/index'
import { checkExtents, type Shape } from './shape'
import { Tensor } from './tensor'

/**
 * A tensor that a module learns: a leaf that requires a gradient, owned by its module and never by a
 * scope. An optimizer moves its storage into one arena with the others; the object stays the same.
 */
export class Parameter extends Tensor {
  /** Zeros, until the module initialises it. */
  constructor(shape: Shape, { device }: { device?: DeviceOption | undefined } = {}) {
    checkExtents('parameter', shape)
    const place = resolveDevice(device)
    const dtype = realType(place)
    const handle = native.full(place, dtype, shape, 0)
    super({ handle, shape: Object.freeze([...shape]), dtype, device: place }, false)
    this.requiresGrad = true
  }
}
