import test, { type ExecutionContext } from 'ava'
import { metrics } from 'rnnative'

const near = (t: ExecutionContext, got: number, wanted: number) =>
  t.true(Math.abs(got - wanted) < 1e-12, `${got}, expected ${wanted}`)

test('errors by hand; what was not observed does not count', (t) => {
  const score = metrics.forecastScore([2, 4, NaN, 10], [1, 6, 100, 10])
  t.is(score.count, 3)
  near(t, score.mse, 5 / 3)
  near(t, score.rmse, Math.sqrt(5 / 3))
  near(t, score.mae, 1)
  near(t, score.mape, (100 * (1 / 2 + 2 / 4)) / 3)
  near(t, score.smape, (100 * (2 / 3 + 4 / 10)) / 3)
  t.throws(() => metrics.forecastScore([1], [1, 2]), { code: 'ERR_SHAPE' })
  t.throws(() => metrics.forecastScore([NaN], [1]), { code: 'ERR_EMPTY' })
})

test('0 / 0 is no error, and any other error over 0 infinite', (t) => {
  const right = metrics.forecastScore([0, 1], [0, 1])
  t.deepEqual([right.mape, right.smape], [0, 0])
  const wrong = metrics.forecastScore([0, 1], [1, 1])
  t.is(wrong.mape, Infinity)
  t.is(wrong.smape, 100)
  t.is(metrics.mase([5], [5], [5, 5, 5]), 0)
  t.is(metrics.mase([6], [5], [5, 5, 5]), Infinity)
  t.is(metrics.weightedQuantileLoss([0], [0], 0.5), 0)
  t.is(metrics.weightedQuantileLoss([0], [1], 0.5), Infinity)
})

test('MASE, quantile loss and coverage by hand', (t) => {
  // A season of two: errors of 1, 2 and 3 over the history.
  near(t, metrics.mase([10, 10], [12, 9], [1, 2, 2, 4, 5, NaN], 2), 1.5 / 2)
  near(t, metrics.weightedQuantileLoss([10, 20], [8, 24], 0.9), (2 * (0.9 * 2 + 0.1 * 4)) / 30)
  near(t, metrics.weightedQuantileLoss([10, 20], [8, 24], 0.5), 6 / 30)
  near(t, metrics.coverage([1, 2, 3, NaN], [1, 3, 2, 0], [2, 4, 3, 0]), 2 / 3)
})

test('forecasts that take nothing learned', (t) => {
  const history = [1, 2, 3, 4, NaN]
  t.deepEqual([...metrics.naive(history, 2)], [4, 4])
  t.deepEqual([...metrics.seasonalNaive(history, 4, 3)], [3, 4, 2, 3])
  t.deepEqual([...metrics.seasonalNaive([5], 2, 3)], [5, 5])
  t.deepEqual([...metrics.drift(history, 2)], [6, 7])
  t.deepEqual([...metrics.drift([5], 2)], [5, 5])
  t.deepEqual([...metrics.naive([NaN], 1)], [NaN])
})
