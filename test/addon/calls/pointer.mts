import type { Calls, Maker } from '../maker.mjs'

const VOCABULARY = 4

function pointer(m: Maker, time = m.extent()) {
  const [sources, beams, positions] = [m.extent(), m.pick([1, 1, 2]), m.extent()]
  const batch = sources * beams
  const shape = [time, batch]
  const args = [
    m.real(shape),
    m.real([...shape, positions]),
    m.ints([positions, sources], VOCABULARY + 2),
    m.bool() ? m.ints([sources], positions + 1) : null,
    VOCABULARY,
  ] as const
  return { args, shape, batch, positions }
}

function withTargets(m: Maker) {
  const { args, shape, positions } = pointer(m)
  const all = [...args, m.ints(shape, VOCABULARY + 2), m.real(shape)] as const
  return { all, shape, positions }
}

export const pointerCalls = {
  pointerLosses: (m) => [...withTargets(m).all],
  pointerLossesBackward: (m) => {
    const { all, shape, positions } = withTargets(m)
    return [...all, m.real(shape), m.sinks(shape, shape, [...shape, positions]), m.add(3)]
  },
  pointerMixture: (m) => {
    const { args, batch } = pointer(m, 1)
    return [...args, m.real([batch, VOCABULARY]), VOCABULARY + 2]
  },
} satisfies Partial<Calls>
