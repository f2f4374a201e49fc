import { native, type NativeAddon } from '#dist/native/index.js'
import type { Calls, Maker } from '../maker.mjs'

interface Attention {
  args: Parameters<NativeAddon['attention']>
  /** Of queries, keys, values, v; null where absent. */
  shapes: (number[] | null)[]
  context: number[]
  weights: number[]
}

function attention(m: Maker): Attention {
  const score = m.pick(['additive', 'dot', 'scaled_dot'] as const)
  const [steps, time, batch] = [m.extent(), m.extent(), m.extent()]
  const [features, width] = [m.extent(1), m.extent(1)]
  const [queries, keys, values] = [
    [steps, batch, features],
    [time, batch, features],
    [time, batch, width],
  ]
  const v = score === 'additive' ? [features] : null
  return {
    args: [
      ...([score, m.real(queries), m.real(keys), m.real(values), v && m.real(v)] as const),
      m.bool() ? m.ints([batch], steps + 1) : null,
      m.bool() ? m.ints([batch], time + 1) : null,
    ],
    shapes: [queries, keys, values, v],
    context: [steps, batch, width],
    weights: [steps, batch, time],
  }
}

export const attentionCalls = {
  attention: (m) => attention(m).args,
  attentionBackward: (m) => {
    const { args, shapes, context, weights } = attention(m)
    const made = native.attention(...args)
    m.keep(made.context)
    return [
      ...args,
      m.keep(made.weights),
      m.maybeReal(context),
      m.maybeReal(weights),
      m.sinks(...shapes),
      m.add(4),
    ]
  },
} satisfies Partial<Calls>
