import { checkFlag, checkWhole, optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { isInt32Array } from '../kinds'
import { freshSeed } from '../seed'
import { resolveDevice, resolveDType, toTypedArray, type DeviceOption } from './device'
import { native, type DType, type NativeRandom, type TypedArray } from '../native/index'
import { checkExtents, checkThere, flatten, formatShape } from './shape'
import { isTypedArray, shapeError, sizeOf } from './shape'
import type { NestedNumbers, Shape } from './shape'
import { Tensor } from './tensor'

/** What all that makes tensors takes. */
export interface TensorOptions {
  /** `f32` (`f64` on `reference`) unless the data is an Int32Array; `i32` for ids and lengths. */
  dtype?: DType | undefined
  /** Default: `defaultDevice()`. */
  device?: DeviceOption | undefined
  /** Whether gradients are wanted. */
  requiresGrad?: boolean | undefined
}

type Asked<O, Name extends string> = Name extends keyof O ? O[Name] : undefined

/**
 * The dtype that options ask for, as far as the compiler knows; `Natural` where they ask for none. A device that is not
 * named counts as one whose reals are f32: after `setDefaultDevice('reference')` name it where that matters.
 */
export type DTypeOf<O, Natural extends DType = RealOn<Asked<O, 'device'>>> =
  Asked<O, 'dtype'> extends infer D ? (D extends DType ? D : Natural) : never
type RealOn<Device> = Device extends 'reference' ? 'f64' : 'f32'

const NAMES: Names<TensorOptions> = { dtype: true, device: true, requiresGrad: true }

function make(
  { dtype, device, requiresGrad }: TensorOptions,
  shape: Shape,
  build: (...place: [ReturnType<typeof resolveDevice>, DType, Shape]) => Tensor['handle'],
): Tensor<never> {
  checkExtents('tensor', shape)
  if (requiresGrad !== undefined) checkFlag('tensor', 'requiresGrad', requiresGrad)
  const place = resolveDevice(device)
  const type = resolveDType(place, dtype)
  const made = new Tensor({
    handle: build(place, type, shape),
    shape: Object.freeze([...shape]),
    dtype: type,
    device: place,
  })
  if (requiresGrad) made.requiresGrad = true
  return made as Tensor<never> // of the caller's dtype
}

/**
 * A tensor of the given numbers, copied at the call: a typed array with its shape (default: one
 * axis), or nested arrays, whose shape is their own. Throws `ERR_SHAPE` when the counts differ.
 */
export function tensor<O extends TensorOptions = object>(
  data: Float32Array | Float64Array | NestedNumbers,
  shape?: Shape,
  options?: O,
): Tensor<DTypeOf<O>>
export function tensor<O extends TensorOptions = object>(
  data: Int32Array,
  shape?: Shape,
  options?: O,
): Tensor<DTypeOf<O, 'i32'>>
export function tensor<O extends TensorOptions = object>(
  data: TypedArray | NestedNumbers,
  shape?: Shape,
  options?: O,
): Tensor<DTypeOf<O> | DTypeOf<O, 'i32'>>
export function tensor(
  data: TypedArray | NestedNumbers,
  shape?: Shape,
  options: TensorOptions = {},
): Tensor {
  optionsOf('tensor', options, NAMES)
  if (isTypedArray(data)) checkThere('tensor', 'data', data)
  const { values, shape: own }: { values: TypedArray | readonly number[]; shape: Shape } =
    isTypedArray(data) ? { values: data, shape: [data.length] } : flatten('tensor', data)
  const wanted = shape ?? own
  checkExtents('tensor', wanted)
  if (sizeOf(wanted) !== values.length)
    throw shapeError(
      'tensor',
      'data',
      `${sizeOf(wanted)} numbers for ${formatShape(wanted)}`,
      String(values.length),
    )
  const dtype = options.dtype ?? (isInt32Array(values) ? 'i32' : undefined)
  return make({ ...options, dtype }, wanted, (device, type) =>
    native.fromData(device, type, wanted, toTypedArray('tensor', 'data', type, values)),
  )
}

/** A tensor of one value. */
export function full<O extends TensorOptions = object>(
  shape: Shape,
  value: number,
  options?: O,
): Tensor<DTypeOf<O>>
/** A tensor of one value. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  optionsOf('tensor', options, NAMES)
  expect('tensor', 'value', typeof value === 'number', 'a number', value)
  return make(options, shape, (device, dtype) => native.full(device, dtype, shape, value))
}

/** A tensor of zeros. */
export const zeros = <O extends TensorOptions = object>(
  shape: Shape,
  options?: O,
): Tensor<DTypeOf<O>> => full(shape, 0, options)

/** A tensor of ones. */
export const ones = <O extends TensorOptions = object>(
  shape: Shape,
  options?: O,
): Tensor<DTypeOf<O>> => full(shape, 1, options)

export { freshSeed }

/** What draws take besides. */
export interface RandomTensorOptions extends TensorOptions {
  /** The same seed gives the same values on every device. Default: a new one each call. */
  seed?: number | undefined
}

const RANDOM_NAMES: Names<RandomTensorOptions> = { ...NAMES, seed: true }

function random(
  shape: Shape,
  distribution: 'uniform' | 'normal',
  a: number,
  b: number,
  given: RandomTensorOptions = {},
): Tensor<never> {
  const { seed = freshSeed(), ...options } = optionsOf(distribution, given, RANDOM_NAMES)
  checkWhole(distribution, 'seed', seed, 0)
  if (options.dtype === 'i32')
    throw new RnnativeError('ERR_DTYPE', `[${distribution}] dtype: expected real numbers, got i32`)
  const stream: NativeRandom = { key: native.streamKey(seed, distribution), step: 0, sampleBase: 0 }
  return make(options, shape, (device, dtype) =>
    native.random(device, dtype, shape, distribution, a, b, stream),
  )
}

/** Normal with mean 0 and deviation 1. */
export const randn = <O extends RandomTensorOptions = object>(
  shape: Shape,
  options?: O,
): Tensor<DTypeOf<O>> => random(shape, 'normal', 0, 1, options)

/** Uniform in [low, high). */
export const uniform = <O extends RandomTensorOptions = object>(
  shape: Shape,
  low = 0,
  high = 1,
  options?: O,
): Tensor<DTypeOf<O>> => random(shape, 'uniform', low, high, options)
