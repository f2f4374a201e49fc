import type { Calls, Maker } from '../maker.mjs'

/** Lists for topk and sampleTokens. */
function penalties(
  m: Maker,
  rows: number,
  vocabulary: number,
): [Int32Array | null, Int32Array | null, Float64Array | null] {
  if (rows === 0 || m.bool()) return [null, null, null]
  const count = [m.extent()]
  const ints = (below: number) => m.draw.ints(count, below).data as Int32Array
  return [ints(rows), ints(vocabulary), m.draw.reals(count).data as Float64Array]
}

export const searchCalls = {
  topk: (m) => {
    const [beams, vocabulary] = [1 + m.draw.below(3), m.extent(1)]
    const rows = m.extent() * beams
    return [
      ...([m.real([rows, vocabulary]), m.real([rows]), beams] as const),
      ...([1 + m.draw.below(beams * vocabulary), ...penalties(m, rows, vocabulary)] as const),
    ]
  },
  extendBeams: (m) => {
    const [beams, vocabulary] = [1 + m.draw.below(3), m.extent(1)]
    const [groups, k, known] = [m.extent(), m.extent(1), 1 + m.draw.below(vocabulary)]
    return [
      ...([m.ints([groups, k], beams * vocabulary), m.real([groups, k]), beams] as const),
      ...([vocabulary, m.draw.below(vocabulary), known, m.draw.below(known)] as const),
    ]
  },
  sampleTokens: (m) => {
    const [rows, vocabulary, temperature] = [m.extent(), m.extent(1), m.pick([0, 0.5, 1])]
    const words = m.draw.ints([2 * rows], 2 ** 31).data as Int32Array
    return [
      m.real([rows, vocabulary]),
      m.bool() ? m.ints([rows], vocabulary) : null,
      temperature > 0 || m.bool() ? words : null,
      ...([temperature, m.draw.below(vocabulary + 2), m.pick([1, 0.5, 1e-9])] as const),
      ...penalties(m, rows, vocabulary),
    ]
  },
} satisfies Partial<Calls>
