import test from 'ava'
import { metrics } from 'rnnative'

// As scipy.stats.spearmanr has them.
test("Spearman's rank correlation, with ties", (t) => {
  const near = (a: number[], b: number[], expected: number) =>
    t.true(Math.abs(metrics.rankCorrelation(a, b) - expected) < 1e-12)
  near([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233)
  near([3, 1, 2], [30, 10, 20], 1)
  near([1, 1, 2, 3], [4, 3, 2, 2], -0.8888888888888888)
  t.true(Number.isNaN(metrics.rankCorrelation([], [])))
  t.true(Number.isNaN(metrics.rankCorrelation([1, 1], [1, 2])))
  t.throws(() => metrics.rankCorrelation([1], [1, 2]), { code: 'ERR_ARGUMENT' })
})
