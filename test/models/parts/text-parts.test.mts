/** Long texts are read in parts, and are to a model what they are as a whole. */
import test from 'ava'
import { FastTextClassifier, NaiveBayes, summarize, TfIdf } from 'rnnative'
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

test('keywordsOf gives what keywords gives of each text', async (t) => {
  const tfIdf = new TfIdf({ ngrams: [1, 2] })
  await tfIdf.fit(['a coach stood in the street', line, 'the sea'])
  const texts = [long, 'a coach in the sea', ['the ship', 'a coach'], '']
  t.deepEqual(
    await tfIdf.keywordsOf(texts, { top: 3 }),
    texts.map((text) => tfIdf.keywords(text, { top: 3 })),
  )
  await t.throwsAsync(tfIdf.keywordsOf(texts, { top: 0 }), { message: /\[keywordsOf\] top/ })
})

test('sentences are cut the same however long the text, and none is too long', async (t) => {
  const few = 'The whale swam,\nfar. The ship\r\nsailed. '
  const [told] = await summarize([few.repeat(4000)], { method: 'lead', sentences: 1e5 })
  const sentences = told?.sentences ?? []
  t.is(sentences.length, 8000)
  t.deepEqual(
    [...new Set(sentences.map(({ text }) => text))],
    ['The whale swam, far.', 'The ship sailed.'],
  )
  const endless = 'the whale and the ship, '.repeat(10_000)
  for (const text of [
    endless,
    'a'.repeat(300_000),
    '\u{1f40b}'.repeat(100_000),
    '.'.repeat(200_000),
  ]) {
    const [made] = await summarize([`One! ${text}x! Two.`], { method: 'lead', sentences: 9 })
    t.true(made?.summary.startsWith('One! '))
    t.true(made?.summary.endsWith('Two.'))
    t.is(made?.sentences.map((one) => one.text).join(' '), `One! ${text}x! Two.`)
    if (!text.startsWith('.')) t.is(made?.sentences.length, 3)
  }
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
