import { native, type NativeTensor } from '#dist/native/index.js'
import type { Calls, Maker } from '../maker.mjs'

function crossEntropy(m: Maker): {
  args: [
    NativeTensor,
    NativeTensor | null,
    NativeTensor | null,
    NativeTensor,
    NativeTensor | null,
    number,
    number,
  ]
  x: number[]
  weight: number[] | null
  bias: number[] | null
} {
  const lead = m.shape(m.draw.below(3))
  const projected = m.bool()
  const classes = m.extent(1)
  const features = projected ? m.extent(1) : classes
  const x = [...lead, features]
  const weight = projected ? [classes, features] : null
  const bias = projected && m.bool() ? [classes] : null
  const smoothing = m.pick([0, 0.1, 1])
  return {
    args: [
      m.real(x),
      weight && m.real(weight),
      bias && m.real(bias),
      m.ints(lead, classes),
      m.maybeReal([classes]),
      m.pick([-100, 0, classes]),
      smoothing,
    ],
    x,
    weight,
    bias,
  }
}

export const crossEntropyCalls = {
  crossEntropy: (m) => [...crossEntropy(m).args, m.bool()],
  crossEntropyBackward: (m) => {
    const { args, x, weight, bias } = crossEntropy(m)
    const { losses, weights, reserve } = native.crossEntropy(...args, true)
    m.keep(losses)
    m.keep(weights)
    return [
      ...args,
      ...([m.keep(reserve as NativeTensor), m.real(x.slice(0, -1))] as const),
      ...([m.sinks(x, weight, bias), m.add(3)] as const),
    ]
  },
} satisfies Partial<Calls>
