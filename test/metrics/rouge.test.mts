import { readFileSync } from 'node:fs'
import test from 'ava'
import { metrics } from 'rnnative'
import { stemmer } from '#dist/metrics/stem.js'

type Rates = [precision: number, recall: number, f1: number]
type Scores = Record<'rouge1' | 'rouge2' | 'rougeL', Rates>
interface Case {
  hypothesis: string
  references: string[]
  plain: Scores
  stemmed: Scores
}

const { cases, stems } = JSON.parse(readFileSync('test/metrics/golden_rouge.json', 'utf8')) as {
  cases: Case[]
  stems: Record<string, string>
}

for (const stem of [false, true])
  test(`rouge ${stem ? 'with' : 'without'} stems is what rouge-score gives`, (t) => {
    t.true(cases.length > 50)
    for (const { hypothesis, references, plain, stemmed } of cases) {
      const score = metrics.rouge([hypothesis], [references], { stem })
      for (const [name, [precision, recall, f1]] of Object.entries(stem ? stemmed : plain)) {
        const actual = score[name as keyof Scores]
        const same =
          Math.abs(actual.f1 - 100 * f1) < 1e-9 &&
          Math.abs(actual.precision - 100 * precision) < 1e-9 &&
          Math.abs(actual.recall - 100 * recall) < 1e-9
        t.true(
          same,
          `${hypothesis} / ${references.join(' / ')}: ${name}: ${JSON.stringify(actual)}`,
        )
      }
    }
  })

test('stems are those of NLTK, awkward words included', (t) => {
  t.true(Object.keys(stems).length > 2000)
  const stem = stemmer()
  const wrong = Object.entries(stems).filter(([word, expected]) => stem(word) !== expected)
  t.deepEqual(wrong, [])
})
