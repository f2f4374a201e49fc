/**
 * How far forecasts are off, in plain numbers. What was not observed (NaN) does not count. A relative error over 0 is
 * 0 where there is none, else infinite.
 */
import { checkNumbers, checkWhole } from '../check'
import { expect, RnnativeError } from '../errors'

export type Numbers = ArrayLike<number>

/** x / y, where 0 / 0 is no error. */
export const relative = (x: number, y: number): number => (x === 0 && y === 0 ? 0 : x / y)

/** Errors of forecasts. */
export interface ForecastScore {
  /** Mean squared error. */
  mse: number
  /** Mean absolute error. */
  mae: number
  /** Root of the mean squared error. */
  rmse: number
  /** Mean absolute error relative to what was observed, in percent. */
  mape: number
  /** Relative to the mean of both magnitudes, in percent: 0 to 200. */
  smape: number
  /** Values that were observed. */
  count: number
}

/** Sums of errors, of any number of forecasts. */
export class ForecastErrors {
  private squares = 0
  private absolutes = 0
  private percents = 0
  private symmetric = 0
  private scaled = 0
  private counted = 0

  /** `scale`: what MASE divides by, that of {@link seasonalError}. */
  add(actual: number, forecast: number, scale = NaN): void {
    if (Number.isNaN(actual)) return
    const error = Math.abs(actual - forecast)
    this.squares += error * error
    this.absolutes += error
    this.percents += relative(error, Math.abs(actual))
    this.symmetric += relative(2 * error, Math.abs(actual) + Math.abs(forecast))
    this.scaled += relative(error, scale)
    ++this.counted
  }

  /** `mase` is NaN where no scale was given. */
  get score(): ForecastScore & { mase: number } {
    const { counted: count } = this
    const mse = this.squares / count
    return {
      ...{ mse, mae: this.absolutes / count, rmse: Math.sqrt(mse) },
      ...{ mape: (100 * this.percents) / count, smape: (100 * this.symmetric) / count },
      ...{ mase: this.scaled / count, count },
    }
  }
}

function checkAlike(op: string, actual: Numbers, forecast: Numbers): void {
  for (const [name, value] of Object.entries({ actual, forecast })) checkNumbers(op, name, value)
  if (actual.length !== forecast.length)
    throw new RnnativeError(
      'ERR_SHAPE',
      `[${op}] forecast: expected ${actual.length} numbers, got ${forecast.length}`,
    )
}

/** Errors of a forecast. `ERR_SHAPE`, or `ERR_EMPTY` where nothing was observed. */
export function forecastScore(actual: Numbers, forecast: Numbers): ForecastScore {
  checkAlike('forecastScore', actual, forecast)
  const errors = new ForecastErrors()
  for (let i = 0; i < actual.length; ++i) errors.add(actual[i] as number, forecast[i] as number)
  const { mase: _, ...score } = errors.score
  if (score.count === 0)
    throw new RnnativeError('ERR_EMPTY', '[forecastScore] actual: expected a number, got none')
  return score
}

/** Mean absolute error of repeating what was a season before, over a history; NaN where it has none. */
export function seasonalError(history: Numbers, season: number): number {
  let [sum, count] = [0, 0]
  for (let i = season; i < history.length; ++i) {
    const error = Math.abs((history[i] as number) - (history[i - season] as number))
    if (Number.isNaN(error)) continue
    sum += error
    ++count
  }
  return sum / count
}

/** Mean absolute error relative to that of repeating the last season (Hyndman & Koehler 2006). */
export function mase(actual: Numbers, forecast: Numbers, history: Numbers, season = 1): number {
  checkAlike('mase', actual, forecast)
  checkNumbers('mase', 'history', history)
  checkWhole('mase', 'season', season, 1)
  const errors = new ForecastErrors()
  const scale = seasonalError(history, season)
  for (let i = 0; i < actual.length; ++i)
    errors.add(actual[i] as number, forecast[i] as number, scale)
  return errors.score.mase
}

/** What quantile forecasts lose, and how often they are not exceeded. */
export class QuantileErrors {
  private loss = 0
  private total = 0
  private below = 0
  private counted = 0

  constructor(readonly level: number) {
    const valid = typeof level === 'number' && level > 0 && level < 1
    expect('quantile', 'level', valid, 'a number between 0 and 1', level)
  }

  add(actual: number, forecast: number): void {
    if (Number.isNaN(actual)) return
    const error = actual - forecast
    this.loss += 2 * Math.max(this.level * error, (this.level - 1) * error)
    this.total += Math.abs(actual)
    if (actual <= forecast) ++this.below
    ++this.counted
  }

  /** Twice the pinball loss over the sum of magnitudes (Salinas et al. 2020: rho-risk). */
  get weightedLoss(): number {
    return relative(this.loss, this.total)
  }

  /** The share of observed values that are at most the forecast. */
  get coverage(): number {
    return this.below / this.counted
  }
}

/** Weighted quantile loss of forecasts of one level. */
export function weightedQuantileLoss(actual: Numbers, forecast: Numbers, level: number): number {
  checkAlike('weightedQuantileLoss', actual, forecast)
  const errors = new QuantileErrors(level)
  for (let i = 0; i < actual.length; ++i) errors.add(actual[i] as number, forecast[i] as number)
  return errors.weightedLoss
}

/** The share of observed values from `low` to `high`. */
export function coverage(actual: Numbers, low: Numbers, high: Numbers): number {
  checkAlike('coverage', actual, low)
  checkAlike('coverage', actual, high)
  let [inside, count] = [0, 0]
  for (let i = 0; i < actual.length; ++i) {
    const value = actual[i] as number
    if (Number.isNaN(value)) continue
    if (value >= (low[i] as number) && value <= (high[i] as number)) ++inside
    ++count
  }
  return inside / count
}
