/** Draws arguments for functions of the addon. */
import type { DeviceName, NativeAddon, NativeRandom, NativeTensor } from '#dist/native/index.js'
import { native } from '#dist/native/index.js'
import { Draw, upload } from '../support/host.mjs'

export type Shape = readonly number[]

/** Draws arguments for one call on one device. Tensors are the caller's to dispose: see `made`. */
export class Maker {
  readonly device: DeviceName
  readonly draw: Draw
  readonly made: NativeTensor[] = []

  constructor(seed: number) {
    this.draw = new Draw(seed)
    this.device = this.bool() ? 'cpu' : 'reference'
  }

  bool(): boolean {
    return this.draw.next() < 0.5
  }

  pick<T>(values: readonly T[]): T {
    return values[this.draw.below(values.length)] as T
  }

  /** An extent of at least `least`, sometimes empty. */
  extent(least = 0): number {
    return Math.max(least, this.pick([0, 1, 1, 2, 2, 3, 3, 5, 17]))
  }

  shape(dims = this.draw.below(5), least = 0): number[] {
    return Array.from({ length: dims }, () => this.extent(least))
  }

  get realType(): 'f32' | 'f64' {
    return this.device === 'cpu' ? 'f32' : 'f64'
  }

  keep(tensor: NativeTensor): NativeTensor {
    this.made.push(tensor)
    return tensor
  }

  real(shape: Shape): NativeTensor {
    return this.keep(upload(this.device, this.draw.reals(shape)))
  }

  maybeReal(shape: Shape): NativeTensor | null {
    return this.bool() ? this.real(shape) : null
  }

  /** Integers in 0 .. below - 1; below may be 0 for an empty shape only. */
  ints(shape: Shape, below: number): NativeTensor {
    return this.keep(upload(this.device, this.draw.ints(shape, below)))
  }

  sinks(...shapes: (Shape | null)[]): (NativeTensor | null)[] {
    return shapes.map((shape) => (shape && this.draw.next() < 0.8 ? this.real(shape) : null))
  }

  add(sinks: number): number {
    return this.draw.below(2 ** sinks)
  }

  random(): NativeRandom {
    return {
      key: native.streamKey(this.draw.below(100), 'test'),
      step: 3,
      sampleBase: 7,
      stream: 1,
    }
  }
}

export type Arguments<K extends keyof NativeAddon> = Parameters<NativeAddon[K]>
export type Calls = { [K in keyof NativeAddon]: (m: Maker) => Arguments<K> }

/** Two shapes that broadcast, and what they broadcast to. */
export function broadcast(m: Maker): [number[], number[], number[]] {
  const whole = m.shape()
  const one = (shape: number[]): number[] =>
    shape.map((extent) => (m.bool() ? 1 : extent)).slice(m.draw.below(shape.length + 1))
  const [a, b] = m.bool() ? [one(whole), whole] : [whole, one(whole)]
  return [a, b, whole]
}

/** A shape with an axis in it, and the axis. */
export function axis(m: Maker, least = 0): [number[], number] {
  const shape = m.shape(1 + m.draw.below(4), least)
  return [shape, m.draw.below(shape.length)]
}

export const without = (shape: Shape, at: number): number[] => shape.filter((_, i) => i !== at)
export const changed = (shape: Shape, at: number, extent: number): number[] =>
  shape.map((old, i) => (i === at ? extent : old))
