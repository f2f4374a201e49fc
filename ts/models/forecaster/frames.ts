/** Series as a network reads them: scaled once, in memory once, whatever the number of windows. */
import {
  calendarAt,
  PER_FEATURE,
  type CalendarFeature,
  type Series,
  type SeriesSet,
} from '../../data/series'
import { inStretches, Pauses } from '../../pauses'
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

/** Numbers between two moments at which there may be a pause. */
const STRETCH = 4096
/** The same of steps, whose dates are asked for. */
const CALENDAR_STRETCH = 256

function* scaled(
  column: Float64Array,
  { mean, deviation }: Scale,
  missing: number,
): Generator<undefined, Float32Array> {
  const made = new Float32Array(column.length)
  for (let i = 0; i < column.length; ++i) {
    const value = column[i] as number
    made[i] = Number.isNaN(value) ? missing : (value - mean) / deviation
    if (i % STRETCH === STRETCH - 1) yield
  }
  return made
}

/** Yields where there may be a pause. */
function* makeFrame(
  series: Series,
  fitted: Pick<Fitted, 'scales' | 'others'>,
  { targets, past, calendar, horizon }: FrameOptions,
): Generator<undefined, Frame> {
  const scales = fitted.scales[series.key] ?? fitted.others
  const { length, values } = series
  const column = (i: number, missing: number) =>
    scaled(values[i] as Float64Array, scales.columns[i] as Scale, missing)
  function* from(first: number, end: number, missing: number) {
    const made: Float32Array[] = []
    for (let i = first; i < end; ++i) made.push(yield* column(i, missing))
    return made
  }
  const features: Float32Array[] = []
  for (const feature of calendar) {
    const made = Array.from({ length: PER_FEATURE }, () => new Float32Array(length + horizon))
    for (let step = 0; step < length + horizon; ++step) {
      for (const [i, value] of calendarAt(feature, series.wallAt(step)).entries())
        (made[i] as Float32Array)[step] = value
      if (step % CALENDAR_STRETCH === CALENDAR_STRETCH - 1) yield
    }
    features.push(...made)
  }
  return {
    ...{ series, scales, length },
    targets: yield* from(0, targets, NaN),
    past: yield* from(targets, targets + past, 0),
    known: [...(yield* from(targets + past, values.length, 0)), ...features],
  }
}

export async function makeFrames(
  { all }: SeriesSet,
  fitted: Pick<Fitted, 'scales' | 'others'>,
  options: FrameOptions,
): Promise<Frame[]> {
  const frames: Frame[] = []
  const pauses = new Pauses()
  for (const series of all) {
    frames.push(await inStretches(makeFrame(series, fitted, options), pauses))
    if (pauses.due) await pauses.pause()
  }
  return frames
}
