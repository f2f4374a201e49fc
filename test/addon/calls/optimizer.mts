import { native, type NativeTensor } from '#dist/native/index.js'
import type { OptimizerOptions } from '#dist/ops/optimizer.js'
import type { Calls, Maker } from '../maker.mjs'

function optimizer(m: Maker): OptimizerOptions {
  return {
    kind: m.pick(['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad']),
    clipNorm: m.pick([0, 1]),
    lr: 0.1,
    weightDecay: m.pick([0, 0.01]),
    momentum: m.pick([0, 0.9]),
    dampening: 0,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    alpha: 0.9,
    lrDecay: 0,
    nesterov: false,
    centered: m.bool(),
    step: 1 + m.draw.below(10),
  }
}

function states({ kind, momentum, centered }: OptimizerOptions): boolean[] {
  if (kind === 'sgd') return [momentum !== 0]
  if (kind === 'adagrad') return [true]
  if (kind === 'rmsprop') return [true, momentum !== 0, centered]
  return [true, true]
}

export const optimizerCalls = {
  globalNorm: (m) => [Array.from({ length: 1 + m.draw.below(4) }, () => m.real(m.shape()))],
  optimizerStep: (m) => {
    const [options, byRows] = [optimizer(m), m.bool()]
    const shape = byRows ? m.shape(2, 1) : m.shape()
    const named = byRows ? m.extent() : 0
    const gradient = byRows ? [named, shape[1] as number] : shape
    const zeros = (): NativeTensor => m.keep(native.full(m.device, m.realType, shape, 0))
    return [
      options,
      ...([m.real(shape), m.real(gradient)] as const),
      states(options).map((kept) => (kept ? zeros() : null)),
      options.clipNorm > 0 || m.bool() ? m.real([]) : null,
      byRows ? m.ints([named], shape[0] as number) : null,
    ]
  },
} satisfies Partial<Calls>
