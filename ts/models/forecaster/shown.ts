/** Forecasts as they are told: by the names of targets, with times as the data has them. */
import type { Series } from '../../data/series'
import type { ForecastPlan, TargetForecast } from './forecast'
import type { ForecasterNetworkOptions } from './options'

/** What comes next in a series. */
export interface SeriesForecast {
  /** Its name in the column `series`; null where there is one. */
  series: string | null
  /** Of each step, written as in the data. */
  times: string[]
  /** By target. */
  values: Record<string, number[]>
  /** By target and level. */
  quantiles?: Record<string, Record<string, number[]>>
  /** By target, path by path. */
  paths?: Record<string, number[][]>
  /** What was before, where it was asked for; null: not observed. */
  history?: { times: string[]; values: Record<string, (number | null)[]> }
}

/** A forecast from `step` on, as it is told. */
export function shown(
  options: ForecasterNetworkOptions,
  series: Series,
  step: number,
  made: readonly TargetForecast[],
  { plan, paths, history }: { plan: ForecastPlan; paths: boolean; history: number },
): SeriesForecast {
  const { targets, horizon } = options
  const by = <T>(of: (made: TargetForecast, target: number) => T): Record<string, T> =>
    Object.fromEntries(targets.map((name, i) => [name, of(made[i] as TargetForecast, i)]))
  const first = Math.max(0, step - history)
  const timesFrom = (from: number, length: number) =>
    Array.from({ length }, (_, h) => series.timeAt(from + h))
  const { levels } = plan
  return {
    series: options.series === undefined ? null : series.key,
    times: timesFrom(step, horizon),
    values: by(({ values }) => [...values]),
    ...(levels.length > 0 && {
      quantiles: by(({ quantiles }) =>
        Object.fromEntries(levels.map((level, i) => [String(level), [...(quantiles[i] ?? [])]])),
      ),
    }),
    ...(paths && { paths: by(({ samples }) => samples.map((path) => [...path])) }),
    ...(history > 0 && {
      history: {
        times: timesFrom(first, step - first),
        values: by((_, i) =>
          Array.from(series.values[i]?.subarray(first, step) ?? [], (value) =>
            Number.isNaN(value) ? null : value,
          ),
        ),
      },
    }),
  }
}
