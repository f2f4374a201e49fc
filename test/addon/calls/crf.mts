import { native, type NativeTensor } from '#dist/native/index.js'
import type { Calls, Maker } from '../maker.mjs'

function crf(m: Maker) {
  const [steps, batch, tags] = [m.extent(), m.extent(), m.extent(1)]
  const shapes = [[steps, batch, tags], [tags, tags], [tags], [tags]]
  const [emissions, transitions, start, end] = shapes.map((shape) => m.real(shape)) as [
    ...[NativeTensor, NativeTensor, NativeTensor, NativeTensor],
  ]
  const targets = m.ints([steps, batch], tags)
  const lengths = m.bool() ? m.ints([batch], steps + 1) : null
  const args = [emissions, transitions, start, end, targets, lengths] as const
  return { args, shapes, batch }
}

export const crfCalls = {
  crf: (m) => [...crf(m).args, m.bool()],
  crfBackward: (m) => {
    const { args, shapes, batch } = crf(m)
    const { likelihoods, reserve } = native.crf(...args, true)
    m.keep(likelihoods)
    return [
      ...args,
      ...([m.keep(reserve as NativeTensor), m.real([batch])] as const),
      ...([m.sinks(...shapes), m.add(4)] as const),
    ]
  },
} satisfies Partial<Calls>
