/** Series as a network reads them: scaled once, in memory once, whatever the number of windows. */
import {
  calendarAt,
  PER_FEATURE,
  type CalendarFeature,
  type Series,
  type SeriesSet,
} from '../../data/series'
import type { Fitted, Scale, SeriesScales } from './scales'
import type { ForecasterNetworkOptions } from './options'

/** A series, its targets scaled. NaN is missing. */
export interface Frame {
  readonly series: Series
  readonly scales: SeriesScales
  readonly length: number
  readonly targets: readonly Float32Array[]
  /** Known up to now; 0 where they are missing. */
  readonly past: readonly Float32Array[]
  /** Known ahead, calendar included; as long as there is any row, and a horizon more of the calendar. */
  readonly known: readonly Float32Array[]
}

export interface FrameOptions {
  targets: number
  past: number
  calendar: readonly CalendarFeature[]
  horizon: number
}

export const frameOptions = (options: ForecasterNetworkOptions): FrameOptions => ({
  ...{ targets: options.targets.length, past: options.covariates.length },
  ...{ calendar: options.calendar, horizon: options.horizon },
})

function scaled(column: Float64Array, { mean, deviation }: Scale, missing: number): Float32Array {
  return Float32Array.from(column, (value) =>
    Number.isNaN(value) ? missing : (value - mean) / deviation,
  )
}

export function makeFrame(
  series: Series,
  fitted: Pick<Fitted, 'scales' | 'others'>,
  { targets, past, calendar, horizon }: FrameOptions,
): Frame {
  const scales = fitted.scales[series.key] ?? fitted.others
  const { length, values } = series
  const column = (i: number, missing: number) =>
    scaled(values[i] as Float64Array, scales.columns[i] as Scale, missing)
  const from = (first: number, end: number, missing: number) =>
    Array.from({ length: end - first }, (_, i) => column(first + i, missing))
  const features = calendar.flatMap((feature) => {
    const made = Array.from({ length: PER_FEATURE }, () => new Float32Array(length + horizon))
    for (let step = 0; step < length + horizon; ++step)
      calendarAt(feature, series.wallAt(step)).forEach((value, i) => {
        ;(made[i] as Float32Array)[step] = value
      })
    return made
  })
  return {
    ...{ series, scales, length },
    targets: from(0, targets, NaN),
    past: from(targets, targets + past, 0),
    known: [...from(targets + past, values.length, 0), ...features],
  }
}

export const makeFrames = (
  { all }: SeriesSet,
  fitted: Pick<Fitted, 'scales' | 'others'>,
  options: FrameOptions,
): Frame[] => all.map((series) => makeFrame(series, fitted, options))
