/** Series cut by time into what is learned, what is validated with and what is tested with. */
import { expect, RnnativeError } from '../../errors'
import type { Series, SeriesSet } from './series'

export interface Shares {
  /** Of all steps, the last before the test; 0: none. */
  validation: number
  /** Of all steps, the last; 0: none. */
  test: number
}

/** Walls from which on steps are no longer learned; null where that part is empty. */
export interface Splits {
  validation: number | null
  test: number | null
}

/** The same moments for all series: nothing of one tells what another is tested with. */
export function splitByTime({ all }: SeriesSet, { validation, test }: Shares): Splits {
  const share = `shares that leave something to learn`
  expect('fit', 'validation, test', validation + test < 1, share, [validation, test])
  const first = all.reduce((a, b) => (b.wallAt(0) < a.wallAt(0) ? b : a))
  const end = all.reduce((most, one) => Math.max(most, one.wallAt(one.length - 1)), -Infinity)
  let steps = first.length
  while (first.wallAt(steps - 1) < end) ++steps
  const at = (share: number): number | null =>
    share === 0 ? null : first.wallAt(steps - Math.round(steps * share))
  const tested = at(test)
  return { validation: validation === 0 ? null : at(validation + test), test: tested }
}

/** The first step at or after a wall time. */
export function stepFrom(series: Series, wall: number | null): number {
  if (wall === null) return series.length
  let [low, high] = [0, series.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (series.wallAt(middle) < wall) low = middle + 1
    else high = middle
  }
  return low
}

/** A place to forecast from: of which series, and its first step that is not known. */
export interface Origin {
  series: number
  step: number
}

export interface OriginsOptions {
  /** Steps that must be there before. */
  context: number
  horizon: number
  stride: number
}

/** Origins whose targets lie in [from, to) of a series. */
export function originsIn(
  series: number,
  [from, to]: readonly [number, number],
  { context, horizon, stride }: OriginsOptions,
): Origin[] {
  const found: Origin[] = []
  for (let step = Math.max(from, context); step + horizon <= to; step += stride)
    found.push({ series, step })
  return found
}

/** The last `windows` origins of back-testing, `stride` apart, the last of which ends with the series. `ERR_EMPTY`. */
export function lastOrigins(
  series: number,
  length: number,
  windows: number,
  { context, horizon, stride }: OriginsOptions,
): Origin[] {
  const last = length - horizon
  const first = last - (windows - 1) * stride
  if (first < context)
    throw new RnnativeError(
      'ERR_EMPTY',
      `[evaluate] windows: expected at most ${Math.max(0, Math.floor((last - context) / stride) + 1)} ` +
        `of a series of ${length} steps, got ${windows}`,
    )
  return Array.from({ length: windows }, (_, i) => ({ series, step: first + i * stride }))
}
