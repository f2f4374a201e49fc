/** What patterns choose of parameters: whole ones, or single gates of a recurrent weight. */
import { matcherOf, type Pattern } from '../patterns'
import type { Parameter } from '../tensor'

/** Rows of a parameter that are treated alike. */
export interface Part {
  /** As `rnn.weight_hh_l0`, or `rnn.weight_hh_l0[f]` of a gate. */
  readonly name: string
  readonly parameter: Parameter
  readonly first: number
  readonly rows: number
  /** Which pattern chose it: the first that matches. -1: none. */
  readonly chosen: number
}

/** A parameter in the parts that patterns tell apart: one unless they choose gates. */
export function partsOf(
  name: string,
  parameter: Parameter,
  patterns: readonly ((name: string) => boolean)[],
): Part[] {
  const { gates, shape } = parameter
  const all = shape[0] ?? 1
  const rows = all / Math.max(1, gates.length)
  const parts = gates.map((gate, i): Part => {
    const own = `${name}[${gate}]`
    const chosen = patterns.findIndex((matches) => matches(name) || matches(own))
    return { name: own, parameter, first: i * rows, rows, chosen }
  })
  const [first] = parts
  if (first && parts.some(({ chosen }) => chosen !== first.chosen)) return parts
  const chosen = first?.chosen ?? patterns.findIndex((matches) => matches(name))
  return [{ name, parameter, first: 0, rows: all, chosen }]
}

/** Those parts of all parameters that a pattern chooses. */
export const chosenParts = (
  named: Iterable<readonly [string, Parameter]>,
  patterns: readonly Pattern[],
): Part[] => {
  const matchers = patterns.map(matcherOf)
  return [...named]
    .flatMap(([name, parameter]) => partsOf(name, parameter, matchers))
    .filter(({ chosen }) => chosen >= 0)
}
