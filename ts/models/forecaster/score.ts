/** How good forecasts are, beside those that take nothing learned. */
import type { Origin } from '../../data/series'
import { ForecastErrors, QuantileErrors, type ForecastScore } from '../../metrics/forecast'
import { drift, naive, seasonalNaive } from '../../metrics/naive'
import { forecastAll, windowsAtOnce, type ForecastPlan } from './forecast'
import type { Frame } from './frames'
import type { ForecasterNetwork } from './network'

/** Errors of forecasts, in the data's units. */
export type Errors = Omit<ForecastScore, 'count'> & {
  /** Relative to the error of repeating the last season over what was learned. */
  mase: number
}

/** How good the forecasts of a quantile are. */
export interface LevelScore {
  /** The quantile, in (0, 1). */
  level: number
  /** Weighted quantile loss. */
  loss: number
  /** The share of observed values that were at most the forecast. */
  coverage: number
}

/** What `evaluate` gives of a {@link Forecaster}. */
export interface ForecasterScore extends Errors {
  /** Windows that were forecast. */
  windows: number
  /** Values that were observed in them. */
  values: number
  /** Errors of numbers as they are scaled by their series. */
  scaled: { mse: number; mae: number }
  /** By target. */
  targets: Readonly<Record<string, Errors>>
  /** Of repeating the last value. */
  naive: Errors
  /** Of repeating the last season. */
  seasonalNaive: Errors
  /** Of going on in a line from the first value through the last. */
  drift: Errors
  /** Of each level that was asked for. */
  quantiles?: readonly LevelScore[]
}

class Score {
  readonly all = new ForecastErrors()
  readonly targets: ForecastErrors[]

  constructor(targets: number) {
    this.targets = Array.from({ length: targets }, () => new ForecastErrors())
  }

  add(target: number, actual: Float64Array, forecast: Float64Array, scale: number): void {
    for (let h = 0; h < forecast.length; ++h)
      for (const errors of [this.all, this.targets[target] as ForecastErrors])
        errors.add(actual[h] as number, forecast[h] as number, scale)
  }
}

const errorsOf = (errors: ForecastErrors): Errors => {
  const { count: _, ...score } = errors.score
  return score
}

/** Forecasts from all origins and compares. `season`: steps. */
export async function scoreOrigins(
  network: ForecasterNetwork,
  frames: readonly Frame[],
  origins: readonly Origin[],
  season: number,
  plan: ForecastPlan,
): Promise<ForecasterScore> {
  const { options, layout, levels } = plan
  const names = options.targets
  const score = new Score(names.length)
  const baselines = [naive, seasonalNaive, drift].map(() => new ForecastErrors())
  const quantiles = levels.map((level) => new QuantileErrors(level))
  const scaled = new ForecastErrors()
  const atOnce = windowsAtOnce(plan)
  for (let begin = 0; begin < origins.length; begin += atOnce) {
    const some = origins.slice(begin, begin + atOnce)
    const numbers = some.map((_, i) => begin + i)
    const made = await forecastAll(network, frames, some, numbers, plan)
    some.forEach(({ series, step }, i) => {
      const frame = frames[series] as Frame
      names.forEach((_, target) => {
        const of = frame.series.values[target] as Float64Array
        const actual = of.subarray(step, step + layout.horizon)
        const history = of.subarray(0, step)
        const forecast = made[i]?.[target]
        if (forecast === undefined) return
        const scale = frame.scales.seasonal[target] ?? NaN
        score.add(target, actual, forecast.values, scale)
        const { deviation } = frame.scales.columns[target] as { deviation: number }
        for (const [h, value] of forecast.values.entries())
          scaled.add((actual[h] as number) / deviation, value / deviation)
        forecast.quantiles.forEach((values, at) =>
          values.forEach((value, h) => quantiles[at]?.add(actual[h] as number, value)),
        )
        const simple = [
          naive(history, layout.horizon),
          seasonalNaive(history, layout.horizon, season),
          drift(history, layout.horizon),
        ]
        simple.forEach((values, at) =>
          values.forEach((value, h) => baselines[at]?.add(actual[h] as number, value, scale)),
        )
      })
    })
  }
  const [last, seasonal, line] = baselines.map(errorsOf) as [Errors, Errors, Errors]
  const { mse, mae } = scaled.score
  return {
    ...errorsOf(score.all),
    ...{ windows: origins.length, values: score.all.score.count, scaled: { mse, mae } },
    targets: Object.fromEntries(
      names.map((name, i) => [name, errorsOf(score.targets[i] as ForecastErrors)]),
    ),
    ...{ naive: last, seasonalNaive: seasonal, drift: line },
    ...(levels.length > 0 && {
      quantiles: quantiles.map(({ level, weightedLoss, coverage }) => ({
        ...{ level, loss: weightedLoss, coverage },
      })),
    }),
  }
}
