/** Which windows of series are learned, validated with and tested with. */
import { originsIn, stepFrom, type Origin, type SeriesSet } from '../../data/series'
import type { Fitted } from './scales'
import type { Frame } from './frames'
import type { Part } from './parts-names'
import type { LayoutOptions } from './windows'

/** The first step of each series that is not learned. */
export const learnedEnds = ({ all }: SeriesSet, { validation, test }: Fitted['splits']): number[] =>
  all.map((series) => stepFrom(series, validation ?? test))

/** Windows without a target that was observed teach nothing, and tell nothing. */
function hasTargets({ targets }: Frame, step: number, horizon: number): boolean {
  for (let h = 0; h < horizon; ++h)
    if (targets.some((values) => !Number.isNaN(values[step + h] ?? NaN))) return true
  return false
}

/** Origins of all frames, by the range of steps that targets of each are in. */
export function originsOf(
  frames: readonly Frame[],
  range: (series: number) => readonly [number, number],
  { context, horizon }: LayoutOptions,
  stride: number,
): Origin[] {
  return frames.flatMap((frame, series) =>
    originsIn(series, range(series), { context, horizon, stride }).filter(({ step }) =>
      hasTargets(frame, step, horizon),
    ),
  )
}

/** The steps of a part, by series. */
export function rangeOf(
  frames: readonly Frame[],
  { validation, test }: Fitted['splits'],
  part: Part,
): (series: number) => [number, number] {
  return (i) => {
    const { series } = frames[i] as Frame
    const tested = stepFrom(series, test)
    if (part === 'test') return [test === null ? series.length : tested, series.length]
    if (part === 'all') return [0, series.length]
    return [validation === null ? tested : stepFrom(series, validation), tested]
  }
}

/** The part that is looked at unless another is asked for: what was learned last. */
export const usualPart = ({ validation, test }: Fitted['splits']): Part =>
  test !== null ? 'test' : validation !== null ? 'validation' : 'all'
