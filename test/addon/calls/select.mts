import { broadcast, type Calls } from '../maker.mjs'

export const selectCalls = {
  compare: (m) => {
    const [a, b] = broadcast(m)
    const op = m.pick(['equal', 'not_equal', 'less', 'less_equal'] as const)
    return m.bool() ? [op, m.ints(a, 3), m.ints(b, 3)] : [op, m.real(a), m.real(b)]
  },
  where: (m) => {
    const [a, b, y] = broadcast(m)
    return [m.ints(m.pick([a, b, y]), 2), m.real(a), m.real(b)]
  },
  whereBackward: (m) => {
    const [a, b, y] = broadcast(m)
    return [m.ints(m.pick([a, b, y]), 2), m.real(y), m.sinks(a, b), m.add(2)]
  },
  oneHot: (m) => {
    const classes = m.extent(1)
    return [m.ints(m.shape(m.draw.below(4)), classes), classes]
  },
  toReal: (m) => [m.ints(m.shape(), 9)],
} satisfies Partial<Calls>
