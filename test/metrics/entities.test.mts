import { readFileSync } from 'node:fs'
import test from 'ava'
import { data, metrics } from 'rnnative'

interface Rates {
  precision: number
  recall: number
  f1: number
}
interface Golden {
  name: string
  scheme: metrics.TagScheme
  gold: string[][]
  predicted: string[][]
  strict: (Rates & { perType: Record<string, Rates> }) | null
  conlleval: Rates & { accuracy: number; perType: Record<string, Rates> }
}

const cases = JSON.parse(readFileSync('test/metrics/golden_entities.json', 'utf8')) as Golden[]

for (const { name, scheme, gold, predicted, ...expected } of cases)
  for (const mode of ['strict', 'conlleval'] as const)
    test(`${name}: as ${mode === 'strict' ? "seqeval's strict mode" : mode} has it`, (t) => {
      const score = metrics.entityScore(predicted, gold, { scheme, mode })
      t.true(Math.abs(score.accuracy - expected.conlleval.accuracy) < 1e-12)
      const wanted = expected[mode]
      if (wanted === null) return t.is(score.f1, 0)
      const near = (actual: Rates | undefined, one: Rates, what: string) => {
        for (const rate of ['precision', 'recall', 'f1'] as const)
          t.true(Math.abs((actual?.[rate] ?? NaN) - one[rate]) < 1e-12, `${what} ${rate}`)
      }
      near(score, wanted, 'all')
      t.deepEqual(Object.keys(score.perType), Object.keys(wanted.perType).sort())
      for (const [type, rates] of Object.entries(wanted.perType))
        near(score.perType[type], rates, type)
    })

test('parts of speech count as they are', (t) => {
  const score = metrics.entityScore([['NOUN', 'VERB', 'O']], [['NOUN', 'NOUN', 'O']], {
    scheme: 'none',
  })
  t.is(score.accuracy, 2 / 3)
  t.is(score.f1, 2 / 3)
  t.deepEqual(score.perType['NOUN'], { precision: 1, recall: 0.5, f1: 2 / 3, support: 2 })
  t.throws(() => metrics.entityScore([['O']], [['O', 'O']]), {
    message: '[entityScore] predicted[0]: expected 2 tags, got 1',
  })
  t.throws(() => metrics.entityScore([], [['O']]), { code: 'ERR_ARGUMENT' })
})

test('schemes are converted, both ways', (t) => {
  const written = {
    bio: ['B-A', 'B-A', 'I-A', 'I-A', 'O', 'B-B', 'B-A'],
    iob1: ['I-A', 'B-A', 'I-A', 'I-A', 'O', 'I-B', 'I-A'],
    iobes: ['S-A', 'B-A', 'I-A', 'E-A', 'O', 'S-B', 'S-A'],
    bmes: ['S-A', 'B-A', 'M-A', 'E-A', 'O', 'S-B', 'S-A'],
  } as const
  const names = Object.keys(written) as (keyof typeof written)[]
  for (const from of names)
    for (const to of names)
      t.deepEqual(data.convertTags(written[from], from, to), [...written[to]], `${from} to ${to}`)
  // What is not whole is mended.
  t.deepEqual(data.convertTags(['I-A', 'I-B', 'O', 'I-B'], 'bio', 'bio'), [
    'I-A',
    'I-B',
    'O',
    'I-B',
  ])
  t.deepEqual(data.convertTags(['I-A', 'I-B', 'O', 'E-B'], 'iobes', 'bio'), [
    'B-A',
    'B-B',
    'O',
    'B-B',
  ])
  t.throws(() => data.convertTags(['O'], 'bio', 'none'), { code: 'ERR_ARGUMENT' })
})
