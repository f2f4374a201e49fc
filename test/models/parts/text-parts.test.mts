/** Long texts are read in parts, and are to a model what they are as a whole. */
import test from 'ava'
import { FastTextClassifier, NaiveBayes, TfIdf } from 'rnnative'
import { partsOf } from '#dist/models/parts/text-parts.js'

const line = 'The whale swam by  the ship, and\u00a0the ship sailed.\t'
const long = line.repeat(3000)

test('parts begin with white space, are all of the text, and part no run of it', (t) => {
  const parts = [...partsOf(long)]
  t.true(parts.length > 5)
  t.is(parts.join(''), long)
  for (const part of parts.slice(1)) t.regex(part, /^\s/)
  for (const part of parts) t.regex(part.slice(-1), /\S|\t$/)
  const spaces = `a${' '.repeat(40000)}b c`
  t.deepEqual([...partsOf(spaces)], [spaces.slice(0, -2), ' c'])
  const unbroken = 'a'.repeat(50000)
  t.deepEqual([...partsOf(unbroken)], [unbroken])
  t.deepEqual([...partsOf('')], [])
})

test('n-grams of a long text are those of its lines, and those between them', async (t) => {
  for (const analyzer of ['word', 'char', 'space'] as const) {
    const tfIdf = new TfIdf({ analyzer, ngrams: [1, 2], weighting: 'counts' })
    await tfIdf.fit([line, line + line])
    const { values, indices } = await tfIdf.transform([line, line + line, line.repeat(3000)])
    const { begins } = await tfIdf.transform([line, line + line, line.repeat(3000)])
    const countsOf = (row: number) => {
      const [from, to] = [begins[row] as number, begins[row + 1] as number]
      const entries = Array.from({ length: to - from }, (_, i) => [
        indices[from + i],
        values[from + i],
      ])
      return new Map(entries as [number, number][])
    }
    const [once, twice, often] = [0, 1, 2].map(countsOf)
    for (const [term, count] of twice!) {
      const more = count - (once!.get(term) ?? 0) // of one line more, with what is between
      t.is(often!.get(term), (once!.get(term) ?? 0) + 2999 * more)
    }
  }
})

test('a long text has the labels that it has as one of few words', async (t) => {
  const examples = [
    { text: line, label: 'sea' },
    { text: 'a coach stood in the street', label: 'town' },
  ]
  const bayes = new NaiveBayes({ ngrams: [1, 2] })
  await bayes.fit(examples)
  t.is((await bayes.predict([long]))[0]?.label, 'sea')
  await using fast = new FastTextClassifier({ dim: 4, ngrams: 3, buckets: 50, seed: 1 })
  await fast.fit([...examples, { text: long, label: 'sea' }], { epochs: 5, lr: 0.5, threads: 1 })
  const [once, often] = await fast.predict([line, long])
  const [a, b] = [once, often].map((one) => one!.probabilities[0]!.probability)
  // n-grams over the ends of lines are few of all.
  t.true(Math.abs(a! - b!) < 0.2, `${a} ${b}`)
})
