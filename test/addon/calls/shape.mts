import type { NativeTensor } from '#dist/native/index.js'
import { axis, changed, type Calls } from '../maker.mjs'

export const shapeCalls = {
  permute: (m) => {
    const shape = m.shape()
    const axes = shape.map((_, i) => i).sort(() => (m.bool() ? 1 : -1))
    const sink = m.maybeReal(axes.map((i) => shape[i] as number))
    return [m.real(shape), axes, sink, m.bool()]
  },
  slice: (m) => {
    const [shape, at] = axis(m)
    const begin = m.draw.below((shape[at] as number) + 1)
    return [m.real(shape), at, begin, m.draw.below((shape[at] as number) - begin + 1)]
  },
  sliceBackward: (m) => {
    const [shape, at] = axis(m)
    const begin = m.draw.below((shape[at] as number) + 1)
    const length = m.draw.below((shape[at] as number) - begin + 1)
    return [m.real(changed(shape, at, length)), at, begin, m.real(shape), m.bool()]
  },
  concat: (m) => {
    const [shape, at] = axis(m)
    const one = (): NativeTensor => m.real(changed(shape, at, m.extent()))
    return [Array.from({ length: 1 + m.draw.below(4) }, one), at]
  },
  maskTime: (m) => {
    const shape = m.shape(2 + m.draw.below(3))
    const [time, batch] = shape as [number, number]
    return [m.real(shape), m.ints([batch], time + 1), m.maybeReal(shape), m.bool()]
  },
  poolTime: (m) => {
    const shape = m.shape(2 + m.draw.below(3))
    const [time, batch] = shape as [number, number]
    const lengths = m.bool() ? m.ints([batch], time + 1) : null
    return [m.pick(['mean', 'max', 'last'] as const), m.real(shape), lengths]
  },
  poolTimeBackward: (m) => {
    const op = m.pick(['mean', 'max', 'last'] as const)
    const shape = m.shape(2 + m.draw.below(3))
    const [time, batch, ...features] = shape as [number, number, ...number[]]
    const lengths = m.bool() ? m.ints([batch], time + 1) : null
    const y = [batch, ...features]
    const steps = op === 'max' ? m.ints(y, time + 1) : null
    return [op, lengths, steps, m.real(y), m.sinks(shape), m.add(1)]
  },
} satisfies Partial<Calls>
