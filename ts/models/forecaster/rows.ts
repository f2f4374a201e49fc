/** The rows that a forecaster is given. */
import { readSeries } from '../../data/series'
import type { Series, SeriesFormat, SeriesRows, SeriesSet } from '../../data/series'
import { expect, RnnativeError } from '../../errors'
import { isSource } from '../../kinds'
import { frequencyOf, type ForecasterNetworkOptions } from './options'
import type { LayoutOptions } from './windows'

export function checkRows(op: string, rows: SeriesRows): void {
  expect(
    op,
    'rows',
    isSource(rows) && typeof rows !== 'string',
    'rows of a table: an iterable of objects',
    rows,
  )
}

/** The series of rows, as the options of a model say where they are. */
export function readRows(options: ForecasterNetworkOptions, rows: SeriesRows): Promise<SeriesSet> {
  const { targets, covariates, known, time, series, categories, fill, timeZone } = options
  const format: SeriesFormat = {
    ...{ time, series, categories, fill, timeZone, frequency: frequencyOf(options) },
    numbers: [...targets, ...covariates, ...known],
  }
  return readSeries(rows, format)
}

/** The step after the last at which a target was observed. */
export function observedEnd({ values, length }: Series, { targets }: LayoutOptions): number {
  let end = length
  while (end > 0 && values.slice(0, targets).every((of) => Number.isNaN(of[end - 1] as number)))
    --end
  return end
}

/** The step from which a series is forecast. `ERR_EMPTY` where nothing was observed, and as {@link checkKnown}. */
export function forecastFrom(
  options: ForecasterNetworkOptions,
  series: Series,
  layout: LayoutOptions,
): number {
  const step = observedEnd(series, layout)
  if (step === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      `[predict] data: expected a target that was observed${series.key && ` in ${series.key}`}, got none`,
    )
  checkKnown(options, series, step)
  return step
}

/** `ERR_FORMAT` where what is known ahead is not there for a forecast from `step` on. */
function checkKnown(options: ForecasterNetworkOptions, series: Series, step: number): void {
  const { known, targets, covariates, horizon } = options
  known.forEach((name, i) => {
    const values = series.values[targets.length + covariates.length + i] as Float64Array
    for (let h = 0; h < horizon; ++h)
      if (Number.isNaN(values[step + h] ?? NaN))
        throw new RnnativeError(
          'ERR_FORMAT',
          `[predict] ${name}: expected what is known ahead at ${series.timeAt(step + h)}, got nothing`,
        )
  })
}
