/** Forecasts that take nothing learned: what any other has to be better than. */
import { checkNumbers, checkWhole } from '../check'
import type { Numbers } from './forecast'

/** The last value before `step` that was observed; NaN where none was. */
function lastBefore(history: Numbers, step: number): number {
  for (let i = step - 1; i >= 0; --i) if (!Number.isNaN(history[i])) return history[i] as number
  return NaN
}

/** Far beyond any forecast. */
const MOST_STEPS = 2 ** 24

function check(op: string, history: Numbers, horizon: number): void {
  checkNumbers(op, 'history', history)
  checkWhole(op, 'horizon', horizon, 1, MOST_STEPS)
}

/** The last value, again and again. */
export function naive(history: Numbers, horizon: number): Float64Array {
  check('naive', history, horizon)
  return new Float64Array(horizon).fill(lastBefore(history, history.length))
}

/** What was a season, or several, before; the last value where that was not observed. */
export function seasonalNaive(history: Numbers, horizon: number, season: number): Float64Array {
  check('seasonalNaive', history, horizon)
  checkWhole('seasonalNaive', 'season', season, 1)
  const { length } = history
  const last = lastBefore(history, length)
  return Float64Array.from({ length: horizon }, (_, h) => {
    for (let i = length - season + (h % season); i >= 0; i -= season)
      if (!Number.isNaN(history[i] ?? NaN)) return history[i] as number
    return last
  })
}

/** The line through the first value and the last. */
export function drift(history: Numbers, horizon: number): Float64Array {
  check('drift', history, horizon)
  const { length } = history
  let [first, last] = [0, length - 1]
  while (first < length && Number.isNaN(history[first])) ++first
  while (last >= 0 && Number.isNaN(history[last])) --last
  const [from, to] = [history[first] ?? NaN, history[last] ?? NaN]
  const slope = last > first ? (to - from) / (last - first) : 0
  return Float64Array.from({ length: horizon }, (_, h) => to + slope * (length - last + h))
}
