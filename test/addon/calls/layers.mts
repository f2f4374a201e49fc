import { size } from '../../support/host.mjs'
import { axis, type Calls } from '../maker.mjs'

export const layersCalls = {
  embedding: (m) => {
    const vocabulary = m.extent(1)
    return [m.ints(m.shape(), vocabulary), m.real([vocabulary, m.extent()])]
  },
  embeddingBackward: (m) => {
    const [vocabulary, features, ids] = [m.extent(1), m.extent(), m.shape(m.draw.below(3))]
    return [
      ...([m.ints(ids, vocabulary), m.real([...ids, features])] as const),
      ...([m.sinks([vocabulary, features]), m.add(1)] as const),
    ]
  },
  touchedRows: (m) => {
    const [vocabulary, lists] = [m.extent(1), 1 + m.draw.below(3)]
    const ids = Array.from({ length: lists }, () => m.shape(m.draw.below(3)))
    const rows = ids.reduce((sum, shape) => sum + size(shape), 0)
    return [
      ids.map((shape) => m.ints(shape, vocabulary)),
      ids.map(() => m.pick([-1, 0])),
      ...([m.real([rows, m.extent()]), vocabulary] as const),
    ]
  },
  dropout: (m) => {
    const [shape, at] = axis(m)
    return [m.real(shape), m.pick([0, 0.5]), at, m.random(), m.maybeReal(shape), m.bool()]
  },
  layerNorm: (m) => {
    const features = m.extent(1)
    const x = [...m.shape(m.draw.below(3)), features]
    return [m.real(x), m.maybeReal([features]), m.maybeReal([features]), 1e-5, m.bool()]
  },
  layerNormBackward: (m) => {
    const features = m.extent(1)
    const x = [...m.shape(m.draw.below(3)), features]
    const gain = m.maybeReal([features])
    return [
      ...([m.real(x), gain, m.real([size(x) / features, 2]), m.real(x)] as const),
      ...([m.sinks(x, gain && [features], [features]), m.add(3)] as const),
    ]
  },
  softmax: (m) => [m.real(m.shape(1 + m.draw.below(4))), m.bool()],
  softmaxBackward: (m) => {
    const shape = m.shape(1 + m.draw.below(4))
    return [m.real(shape), m.real(shape), m.bool(), m.sinks(shape), m.add(1)]
  },
} satisfies Partial<Calls>
