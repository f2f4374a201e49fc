import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { metrics } from 'rnnative'

interface Golden {
  score: number
  signature: string
  precisions?: number[]
  brevityPenalty?: number
  hypothesisLength?: number
  referenceLength?: number
  edits?: number
}

interface GoldenCase {
  name: string
  hypotheses: string[]
  references: string[][]
  scores: Record<string, Golden>
}

const { cases } = JSON.parse(readFileSync('test/metrics/golden.json', 'utf8')) as {
  cases: GoldenCase[]
}
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

const near = (t: ExecutionContext, actual: unknown, expected: unknown, what: string): void => {
  if (typeof expected !== 'number') return void t.deepEqual(actual, expected, what)
  t.true(
    Math.abs((actual as number) - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${what}: expected ${expected}, got ${String(actual)}`,
  )
}

type Metric = (hypotheses: string[], references: string[][]) => metrics.CorpusScore

const golden: Record<string, Metric> = {
  bleu13a: (h, r) => metrics.bleu(h, r),
  bleuNone: (h, r) => metrics.bleu(h, r, { tokenize: 'none' }),
  bleuLowercase: (h, r) => metrics.bleu(h, r, { lowercase: true }),
  chrf: (h, r) => metrics.chrf(h, r),
  chrfPlusPlus: (h, r) => metrics.chrf(h, r, { wordOrder: 2 }),
  chrfLowercase: (h, r) => metrics.chrf(h, r, { lowercase: true }),
  ter: (h, r) => metrics.ter(h, r),
}

for (const [name, metric] of Object.entries(golden))
  test(`${name} is what sacreBLEU gives`, (t) => {
    t.true(cases.length > 50)
    for (const { name: of, hypotheses, references, scores } of cases) {
      const actual = metric(hypotheses, references) as unknown as Record<string, unknown>
      const { precisions = [], signature, ...figures } = scores[name] as Golden
      for (const [key, value] of Object.entries(figures))
        near(t, actual[key], value, `${of}: ${key}`)
      precisions.forEach((value, i) =>
        near(t, (actual['precisions'] as number[])[i], value, `${of}: precision ${i + 1}`),
      )
      t.is(actual['signature'], signature.replace(/version:.*/, `version:rnnative-${version}`), of)
    }
  })

test('a corpus against itself: BLEU and chrF are 100, TER and token error rate 0', (t) => {
  const corpus = fc.array(
    fc.array(fc.constantFrom('the', 'cat', 'sat', 'ö', ',', '我'), { minLength: 4, maxLength: 9 }),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(corpus, (sentences) => {
      const texts = sentences.map((sentence) => sentence.join(' '))
      const close = (score: number, expected: number) => Math.abs(score - expected) < 1e-9
      return (
        close(metrics.bleu(texts, texts).score, 100) &&
        close(metrics.chrf(texts, texts).score, 100) &&
        metrics.ter(texts, texts).score === 0 &&
        metrics.tokenErrorRate(texts, texts).score === 0 &&
        metrics.exactMatch(texts, texts).score === 100
      )
    }),
  )
  t.pass()
})

test('edit distance: known distances, and the axioms of a metric', (t) => {
  t.is(metrics.editDistance([...'kitten'], [...'sitting']), 3)
  t.is(metrics.editDistance([], [...'abc']), 3)
  t.is(metrics.editDistance([1, 2, 3], [3, 1, 2]), 2)
  const sequence = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 })
  const { editDistance: d } = metrics
  fc.assert(
    fc.property(
      sequence,
      sequence,
      sequence,
      (a, b, c) => d(a, b) === d(b, a) && d(a, a) === 0 && d(a, c) <= d(a, b) + d(b, c),
    ),
  )
})

test('token error rate takes the reference with the fewest edits, and its length', (t) => {
  const hypotheses = ['HH AH L OW', 'W ER D']
  const references = [
    ['HH EH L OW W', 'HH AH L OW'],
    ['W ER L D', 'W AO R D'],
  ]
  t.deepEqual(metrics.tokenErrorRate(hypotheses, references), {
    score: 100 / 8,
    edits: 1,
    referenceLength: 8,
  })
  t.is(metrics.tokenErrorRate(['a b c'], ['a']).score, 200)
  t.is(metrics.tokenErrorRate(['a'], ['']).score, 100)
  t.is(metrics.tokenErrorRate([''], ['']).score, 0)
})

test('exact match accepts any reference', (t) => {
  t.deepEqual(metrics.exactMatch(['a  b', 'A', 'c'], [['x', 'a b'], ['a'], 'c']), {
    score: 200 / 3,
    matched: 2,
    total: 3,
  })
})

test('inputs that do not fit together are refused by every metric', (t) => {
  const { bleu, chrf, ter, tokenErrorRate, exactMatch } = metrics
  for (const metric of [bleu, chrf, ter, tokenErrorRate, exactMatch]) {
    t.throws(() => metric(['a'], []), { code: 'ERR_ARGUMENT' })
    t.throws(() => metric([5 as unknown as string], ['a']), { code: 'ERR_ARGUMENT' })
    t.throws(() => metric([], []), { code: 'ERR_EMPTY' })
    t.throws(() => metric(['a'], [[]]), { code: 'ERR_EMPTY' })
  }
  t.throws(() => bleu(['a'], ['a'], { tokenize: 'intl' as 'none' }), { code: 'ERR_ARGUMENT' })
  t.throws(() => chrf(['a'], ['a'], { wordOrder: -1 }), { code: 'ERR_ARGUMENT' })
})

test('white space within a line takes no longer than it is', (t) => {
  t.is(
    metrics.bleu(['a' + ' '.repeat(1e6) + 'b'], ['a b']).score,
    metrics.bleu(['a b'], ['a b']).score,
  )
})

test('measure gives what the function of that name gives, and leaves the event loop to others', async (t) => {
  const { hypotheses, references } = cases[0] as GoldenCase
  for (const metric of ['bleu', 'chrf', 'ter', 'tokenErrorRate', 'exactMatch'] as const)
    t.deepEqual(
      await metrics.measure(metric, hypotheses, references),
      metrics[metric](hypotheses, references),
    )
  const options = { lowercase: true }
  t.deepEqual(
    await metrics.measure('bleu', hypotheses, references, options),
    metrics.bleu(hypotheses, references, options),
  )

  // One text that is cut up: words, marks, and lines that are joined.
  const line = 'The white whale, Moby-\nDick; (3.5 fathoms) swam . . on.\n Ahab said: "&quot;" -\t'
  const [long, other] = [line.repeat(2000), line.replace('Ahab', 'He').repeat(2000)]
  let turns = 0
  const timer = setInterval(() => ++turns, 1)
  const chrf = await metrics.measure('chrf', [long], [other])
  clearInterval(timer)
  t.true(turns > 4, `${turns} turns`)
  t.true(chrf.score > 90)
  const whole = metrics.bleu([long], [other])
  t.is(whole.hypothesisLength, 2000 * (metrics.bleu([line], [line]).hypothesisLength ?? 0))

  for (const bad of ['toString', 'editDistance'])
    await t.throwsAsync(metrics.measure(bad as 'ter', ['a'], ['a']), { code: 'ERR_ARGUMENT' })
  const wrong = metrics.measure('ter', ['a'], ['a'], options as object)
  await t.throwsAsync(wrong, { code: 'ERR_ARGUMENT', message: /lowercase/ })
})

test('TER of a long text takes memory and time of its length', async (t) => {
  const text = Array.from({ length: 60_000 }, (_, i) => `w${(i * i) % 997}`).join(' ')
  const { edits } = await metrics.measure('ter', [`${text} end`], [text])
  t.is(edits, 1)
})
