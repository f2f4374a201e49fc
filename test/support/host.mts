/** Tensors on the host: inputs of op tests, and what comes back. */
import { native, type DeviceName, type NativeTensor } from '#dist/native/index.js'
import type { Tensor } from 'rnnative'

export interface Host {
  shape: readonly number[]
  /** Reals are kept in double; an Int32Array holds ids, targets or lengths. */
  data: Float64Array | Int32Array
}

/** What the addon knows a tensor by, which declarations do not show. */
export const handleOf = (x: Tensor): NativeTensor =>
  (x as unknown as { handle: NativeTensor }).handle

export const size = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1)

export const reals = (shape: readonly number[], data: Iterable<number>): Host => ({
  shape,
  data: Float64Array.from(data),
})

export const ints = (shape: readonly number[], data: Iterable<number>): Host => ({
  shape,
  data: Int32Array.from(data),
})

/** A small deterministic generator (Marsaglia's xorshift32), so that a failing case can be run again. */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1
  }

  /** Uniform in [0, 1). */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  /** Numbers that f32 represents, so that every backend gets the same input. */
  reals(shape: readonly number[], low = -1, high = 1): Host {
    const data = Float64Array.from({ length: size(shape) }, () =>
      Math.fround(low + (high - low) * this.next()),
    )
    return { shape, data }
  }

  ints(shape: readonly number[], below: number): Host {
    return { shape, data: Int32Array.from({ length: size(shape) }, () => this.below(below)) }
  }
}

const known = new WeakMap<Float64Array, Float32Array>()

/** As kernels take them. The same inputs go to every kernel many times, so what was made of them is kept. */
export function valuesOf({ data }: Host): Float32Array | Int32Array {
  if (data instanceof Int32Array) return data
  let singles = known.get(data)
  if (!singles) known.set(data, (singles = new Float32Array(data)))
  return singles
}

export function upload(device: DeviceName, host: Host): NativeTensor {
  const isInt = host.data instanceof Int32Array
  if (device === 'reference' && !isInt) return native.fromData(device, 'f64', host.shape, host.data)
  return native.fromData(device, isInt ? 'i32' : 'f32', host.shape, valuesOf(host))
}

const GUARD = 3

/**
 * The same, as a view into a larger tensor: the elements around it are NaN, so that a kernel that
 * reads past either end shows.
 */
export function uploadView(
  device: DeviceName,
  host: Host,
): { view: NativeTensor; whole: NativeTensor } {
  const data = withGuards(host.data)
  const whole = upload(device, { shape: [data.length], data })
  return { view: native.view(whole, GUARD, host.shape), whole }
}

export function withGuards<Data extends Host['data']>(values: Data): Data {
  const size = values.length + 2 * GUARD
  const isInt = values instanceof Int32Array
  const data = isInt ? new Int32Array(size).fill(-1) : new Float64Array(size).fill(NaN)
  data.set(values, GUARD)
  return data as Data
}

/** Whether the elements around a view made by {@link uploadView} are still what they were. */
export async function guardsIntact(whole: NativeTensor): Promise<boolean> {
  const data = await native.read(whole)
  return [...data.subarray(0, GUARD), ...data.subarray(-GUARD)].every(Number.isNaN)
}

export async function download(tensor: NativeTensor): Promise<Float64Array> {
  return new Float64Array(await native.read(tensor))
}

/** The same tensor [time, batch, width] with NaN past each row's length. */
export function poisoned({ shape, data }: Host, lengths: readonly number[]): Host {
  const [, batch, width] = shape as [number, number, number]
  return {
    shape,
    data: Float64Array.from(data, (x, i) => {
      const row = Math.floor(i / width)
      return Math.floor(row / batch) < (lengths[row % batch] as number) ? x : NaN
    }),
  }
}

/** The first `steps` of row b of [time, batch, width] alone. */
export function cut({ shape, data }: Host, b: number, steps: number): Host {
  const [, batch, width] = shape as [number, number, number]
  const rows = Array.from({ length: steps }, (_, t) => [
    ...data.slice((t * batch + b) * width, (t * batch + b + 1) * width),
  ])
  return { shape: [steps, 1, width], data: Float64Array.from(rows.flat()) }
}
