import { readFileSync } from 'node:fs'
import test from 'ava'
import { metrics } from 'rnnative'

// golden-classification.py makes it, of scikit-learn.
const path = new URL('../../test/metrics/golden-classification.json', import.meta.url)
interface Golden {
  single: { predicted: string[]; actual: string[]; expected: Record<string, unknown> }[]
  several: { predicted: string[][]; actual: string[][]; expected: Record<string, unknown> }[]
  ranked: {
    labels: string[]
    actual: string[]
    probabilities: number[][]
    perClass: { rocArea: number; prArea: number }[]
    logLoss: number
  }[]
}
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden

/** Numbers to 12 digits. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, x: unknown) =>
    typeof x === 'number' ? Number(x.toPrecision(12)) : x,
  )

test('classification equals scikit-learn, labels such as __proto__ included', (t) => {
  for (const { predicted, actual, expected } of golden.single)
    t.deepEqual(rounded(metrics.classification(predicted, actual)), rounded(expected))
})

test('so it does where examples have several labels, or none', (t) => {
  for (const { predicted, actual, expected } of golden.several) {
    const score = metrics.classification(predicted, actual)
    t.like(rounded(score), rounded(expected) as object)
    t.is(score.confusion, null)
  }
})

test('areas under curves and log loss equal scikit-learn, ties included', (t) => {
  for (const { labels, actual, probabilities, perClass, logLoss } of golden.ranked) {
    const score = metrics.ranking(probabilities, actual, labels)
    t.deepEqual(
      rounded(score.perClass),
      rounded(Object.fromEntries(perClass.map((area, i) => [labels[i], area]))),
    )
    const mean = perClass.reduce((sum, { rocArea }) => sum + rocArea, 0) / perClass.length
    t.is(rounded(score.rocArea), rounded(mean))
    t.is(rounded(metrics.logLoss(probabilities, actual, labels)), rounded(logLoss))
  }
})

test('labels may be listed: in their order, those that do not occur among them', (t) => {
  const score = metrics.classification(['b', 'a'], ['b', 'b'], { labels: ['c', 'b', 'a'] })
  t.deepEqual(score.labels, ['c', 'b', 'a'])
  t.deepEqual(score.confusion, [
    [0, 0, 0],
    [0, 1, 1],
    [0, 0, 0],
  ])
  t.is(score.perClass['c']?.f1, 0)
})

test('areas of what is all of one class are no numbers; a probability of 0 loses much, but not all', (t) => {
  t.is(metrics.rocArea([1, 2], [true, true]), NaN)
  t.is(metrics.prArea([1, 2], [false, false]), NaN)
  t.is(metrics.rocArea(Float32Array.of(1, 2, 3), [false, true, true]), 1)
  t.true(metrics.logLoss([[1, 0]], ['b'], ['a', 'b']) > 30)
})

test('what does not fit together is refused', (t) => {
  const { classification, logLoss, rocArea } = metrics
  t.throws(() => classification(['a'], []), {
    message: '[classification] actual: expected 1, one entry per prediction, got 0',
  })
  t.throws(() => classification([], []), { code: 'ERR_EMPTY' })
  t.throws(() => classification([1] as never, ['a']), { message: /\] predicted: expected a list/ })
  t.throws(() => classification(['a'], ['b'], { labels: ['a'] }), {
    message: '[classification] example 0: expected labels that are listed, got "b"',
  })
  t.throws(() => classification(['a'], ['a'], { labels: ['a', 'a'] }), {
    message: /each label once/,
  })
  t.throws(() => logLoss([[1]], ['a'], ['a', 'b']), {
    message: /example 0: expected 2 numbers, got 1/,
  })
  t.throws(() => logLoss([[1, NaN]], ['a'], ['a', 'b']), { code: 'ERR_ARGUMENT' })
  t.throws(() => rocArea([NaN], [true]), { message: /\] scores: expected a list of numbers/ })
})
