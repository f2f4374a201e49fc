import test from 'ava'
import { MaxEnt, TextClassifier, type Labelled } from 'rnnative'

const examples: Labelled[] = ['film', 'book', 'song', 'play'].flatMap((thing) => [
  { text: `the ${thing} was great`, label: 'good' },
  { text: `the ${thing} was dull`, label: 'bad' },
  { text: `there is a ${thing}`, label: 'none' },
])
const network = { unit: 'space', hidden: 8, embedding: 8, seed: 1 } as const

const sentences = [
  'The film was great!',
  'There is a book.',
  'The song was dull.',
  'The play was dull.',
]
const document = sentences.join(' ')

test('a document is merged out of its sentences: by their mean, by TF-IDF, by votes', async (t) => {
  await using model = await TextClassifier.for(examples, network)
  await model.fit(examples, { epochs: 3 })
  const { labels } = model.options
  const alone = await model.predict(sentences)
  const of = (i: number, label: string) =>
    alone[i]?.probabilities.find((one) => one.label === label)?.probability as number
  for (const merge of ['mean', 'weighted', 'vote'] as const) {
    const [made, odd] = await model.predict([document, '  \n'], { document: merge })
    const told = made?.sentences ?? []
    t.deepEqual(
      told.map(({ text }) => text),
      sentences,
    )
    t.deepEqual(
      told.map(({ label }) => label),
      alone.map(({ label }) => label),
    )
    const weights = told.map(({ weight }) => weight)
    t.true(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) < 1e-12)
    if (merge === 'weighted') {
      // By hand: ln(5 / (1 + sentences with it)) + 1 of each word; the first has great, film; the third song and dull.
      const idf = (many: number) => Math.log(5 / (1 + many)) + 1
      const sums = [
        idf(3) + idf(1) + idf(3) + idf(1),
        idf(1) + idf(1) + idf(1) + idf(1),
        idf(3) + idf(1) + idf(3) + idf(2),
        idf(3) + idf(1) + idf(3) + idf(2),
      ]
      const total = sums.reduce((a, b) => a + b, 0)
      for (const [i, sum] of sums.entries())
        t.true(Math.abs((weights[i] as number) - sum / total) < 1e-12, `${i}`)
    } else t.deepEqual(weights, [0.25, 0.25, 0.25, 0.25])
    for (const { label, probability } of made?.probabilities ?? []) {
      const expected = weights.reduce((sum, weight, i) => {
        const votes = alone[i]?.label === label ? 1 : 0
        return sum + weight * (merge === 'vote' ? votes : of(i, label))
      }, 0)
      t.true(Math.abs(probability - expected) < 1e-5, `${merge} ${label}`)
    }
    t.is(made?.label, made?.probabilities[0]?.label)
    t.is(odd?.sentences?.length, 1)
    t.is(made?.probabilities.length, labels.length)
  }
})

test('several labels: those of a document by votes are those that most sentences have', async (t) => {
  const several = examples.map(({ text, label }) => ({ text, label: [label as string] }))
  await using model = await TextClassifier.for(several, { ...network, task: 'multi-label' })
  const [made] = await model.predict([document], { document: 'vote', top: 1 })
  t.is(made?.probabilities.length, 1)
  t.true(Array.isArray(made?.labels))
})

test('what is no merge, or has fields, is refused; so do models that know no documents', async (t) => {
  await using model = await TextClassifier.for(examples, network)
  const code = 'ERR_ARGUMENT'
  await t.throwsAsync(model.predict(['a'], { document: 'most' as 'mean' }), {
    ...{ code, message: /document/ },
  })
  const pairs = examples.map(({ text, label }) => ({ text: [text as string, 'a'], label }))
  await using two = await TextClassifier.for(pairs, network)
  await t.throwsAsync(two.predict([['a', 'b']], { document: 'mean' }), {
    ...{ code, message: /2 fields/ },
  })
  const linear = new MaxEnt()
  await linear.fit(examples)
  await t.throwsAsync(linear.predict(['a'], { document: 'mean' } as object), {
    ...{ code, message: /document/ },
  })
})
