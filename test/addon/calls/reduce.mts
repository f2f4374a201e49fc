import { axis, without, type Calls } from '../maker.mjs'

export const reduceCalls = {
  reduce: (m) => {
    const op = m.pick(['sum', 'mean', 'max'] as const)
    const [shape, at] = axis(m, op === 'sum' ? 0 : 1)
    return [op, m.real(shape), at]
  },
  reduceBackward: (m) => {
    const op = m.pick(['sum', 'mean', 'max'] as const)
    const [shape, at] = axis(m, op === 'sum' ? 0 : 1)
    const y = without(shape, at)
    const argmax = op === 'max' ? m.ints(y, shape[at] as number) : null
    return [op, shape, at, argmax, m.real(y), m.sinks(shape), m.add(1)]
  },
} satisfies Partial<Calls>
