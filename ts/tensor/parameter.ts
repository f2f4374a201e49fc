import { optionsOf, type Names } from '../check'
import { RnnativeError } from '../errors'
import { resolveDevice, realType, type DeviceOption } from './device'
import { native, type Real } from '../native/index'
import type { GradHolder, Learned, RowUses } from './autograd'
import { checkExtents, type Shape } from './shape'
import { Tensor } from './tensor'

/** Parameters that may still be made without values; null: they are made with values. */
let unfilled: { left: number; most: number } | null = null

/** Whether parameters are made with values now, so that modules initialise them. */
export const fillsParameters = (): boolean => unfilled === null

/**
 * What `make` makes with parameters that have no values yet and take no memory, for a file to give them. Throws
 * `ERR_FORMAT` where it asks for more than `most`: what is asked for came from a file, too.
 */
export function withoutValues<T>(most: number, make: () => T): T {
  const before = unfilled
  unfilled = { left: most, most }
  try {
    return make()
  } finally {
    unfilled = before
  }
}

function takeUnfilled(of: { left: number; most: number }): void {
  if (--of.left < 0)
    throw new RnnativeError('ERR_FORMAT', `[parameter] expected at most ${of.most}, got more`)
}

const NAMES: Names<{ device?: DeviceOption | undefined }> = { device: true }

/**
 * A tensor that a module learns: a leaf that requires a gradient, owned by its module and never by a
 * scope. An optimizer moves its storage into one arena with the others; the object stays the same.
 */
export class Parameter extends Tensor<Real> {
  /** @internal The optimizer that has it. */
  holder: GradHolder | null = null
  /** @internal What a lazy optimizer has of it in place of a gradient. */
  rows: RowUses | null = null
  /** Names of its gates, blocks of as many rows each, one after another; empty where it has none. */
  gates: readonly string[] = []

  /** Zeros, until the module initialises it. */
  constructor(shape: Shape, options: { device?: DeviceOption | undefined } = {}) {
    const { device } = optionsOf('parameter', options, NAMES)
    checkExtents('parameter', shape)
    const place = resolveDevice(device)
    const dtype = realType(place)
    if (unfilled) takeUnfilled(unfilled)
    const handle = unfilled
      ? native.empty(place, dtype, shape)
      : native.full(place, dtype, shape, 0)
    super({ handle, shape: Object.freeze([...shape]), dtype, device: place }, false)
    this.requiresGrad = true
  }

  /** @internal */
  override get learned(): Learned {
    return this
  }
}
