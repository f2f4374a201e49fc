import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { MaxEnt, NaiveBayes, TfIdf, Vote, type Labelled } from 'rnnative'

interface Case {
  kind: 'NaiveBayes' | 'MaxEnt'
  options: object
  learned: Labelled[]
  asked: string[]
  labels: string[]
  probabilities: number[][]
}
const path = new URL('../../../test/models/baselines/golden.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
const make = (kind: Case['kind'], options: object) =>
  kind === 'NaiveBayes' ? new NaiveBayes(options) : new MaxEnt(options)

/** Of a prediction, in the order of the labels. */
const inOrder = (
  { probabilities }: { probabilities: { label: string; probability: number }[] },
  labels: readonly string[],
) => labels.map((own) => probabilities.find(({ label }) => label === own)!.probability)

for (const [i, { kind, options, learned, asked, labels, probabilities }] of cases.entries())
  test(`case ${i}, ${kind} ${JSON.stringify(options)}, equals scikit-learn's`, async (t) => {
    const model = make(kind, options)
    await model.fit(learned)
    t.deepEqual(model.labels, labels)
    const tolerance = kind === 'NaiveBayes' ? 1e-6 : 2e-3 // where each of the two stops
    for (const [j, made] of (await model.predict(asked)).entries())
      for (const [k, p] of inOrder(made, labels).entries())
        t.true(Math.abs(p - probabilities[j]![k]!) < tolerance, `${p} ${probabilities[j]![k]}`)
  })

const examples = (...all: [text: string, label: string][]): Labelled[] =>
  all.map(([text, label]) => ({ text, label }))

// Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, table 13.1.
const chinese = examples(
  ['Chinese Beijing Chinese', 'China'],
  ['Chinese Chinese Shanghai', 'China'],
  ['Chinese Macao', 'China'],
  ['Tokyo Japan Chinese', 'Japan'],
)
const asked = ['Chinese Chinese Chinese Tokyo Japan']

test('the worked example of Manning, Raghavan and Schütze, chapter 13', async (t) => {
  const model = new NaiveBayes({ ngrams: [1] })
  await model.fit(chinese)
  const [made] = await model.predict(asked)
  const [china, japan] = [(3 / 4) * (3 / 7) ** 3 * (1 / 14) ** 2, (1 / 4) * (2 / 9) ** 5]
  t.is(made!.label, 'China')
  t.true(Math.abs(made!.probabilities[0]!.probability - china / (china + japan)) < 1e-6)
  // Of texts with each term, example 13.2, it is Japan.
  const bernoulli = new NaiveBayes({ ngrams: [1], variant: 'bernoulli' })
  await bernoulli.fit(chinese)
  const [other] = await bernoulli.predict(asked)
  const pChina = (3 / 4) * (4 / 5) * (1 / 5) ** 2 * (1 - 2 / 5) ** 3
  const pJapan = (1 / 4) * (2 / 3) ** 3 * (1 - 1 / 3) ** 3
  t.is(other!.label, 'Japan')
  t.true(Math.abs(other!.probabilities[0]!.probability - pJapan / (pChina + pJapan)) < 1e-6)
})

const kinds = [
  ...(['multinomial', 'complement', 'bernoulli'] as const).map(
    (variant) => () => new NaiveBayes({ variant }),
  ),
  () => new MaxEnt(),
  () => new MaxEnt({ solver: 'adam', iterations: 3, l1: 0.1 }),
]

test('texts of 10,000 words, of none, of unknown words; one label only: probabilities that sum to 1', async (t) => {
  const long = Array.from({ length: 10_000 }, (_, i) => ['good', 'film', '__proto__'][i % 3]).join(
    ' ',
  )
  for (const learned of [
    examples([long, 'constructor'], ['bad toString', '__proto__'], ['', 'c']),
    examples(['only', 'one'], ['of', 'one']),
  ])
    for (const make of kinds) {
      const model = make()
      await model.fit(learned)
      for (const made of await model.predict([long, '', 'unknown', '__proto__ constructor'])) {
        const all = made.probabilities.map(({ probability }) => probability)
        t.true(all.every((p) => p >= 0 && p <= 1))
        t.true(Math.abs(all.reduce((sum, p) => sum + p, 0) - 1) < 1e-9)
      }
    }
})

test('it tells the terms that weighed most; Chinese is taken by characters', async (t) => {
  const learned = examples(['棒极了', 'good'], ['太差了', 'bad'], ['很棒', 'good'], ['很差', 'bad'])
  for (const make of [() => new NaiveBayes({ ngrams: [1] }), () => new MaxEnt({ ngrams: [1] })]) {
    const model = make()
    await model.fit(learned)
    const [made] = await model.predict(['真棒,很好'], { terms: 1 })
    t.is(made!.label, 'good')
    t.is(made!.terms.length, 1)
    t.is(made!.terms[0]!.term, '棒')
    t.true(made!.terms[0]!.weight > 0)
  }
})

test('what is saved and loaded says the same, and its files are not trusted', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-baselines-'))
  for (const [name, model, load] of [
    ['nb', new NaiveBayes(), NaiveBayes.load.bind(NaiveBayes)],
    ['me', new MaxEnt({ analyzer: 'char', ngrams: [1, 3] }), MaxEnt.load.bind(MaxEnt)],
  ] as const) {
    const path = join(directory, name)
    await t.throwsAsync(model.save(path), { code: 'ERR_UNINITIALIZED' })
    await model.fit(chinese)
    await model.save(path)
    const loaded = await load(path)
    t.deepEqual(await loaded.predict(asked), await model.predict(asked))
    t.deepEqual(await loaded.evaluate(chinese), await model.evaluate(chinese))
    t.deepEqual(loaded.terms, model.terms)
    const damage = async (file: string, change: (text: string) => string, message: RegExp) => {
      const text = readFileSync(join(path, file), 'utf8')
      writeFileSync(join(path, file), change(text))
      await t.throwsAsync(load(path), { code: 'ERR_FORMAT', message })
      writeFileSync(join(path, file), text)
    }
    const terms = model.terms.map((term) => JSON.stringify(term))
    await damage(
      'terms.json',
      (text) => text.replace(terms[1]!, terms[0]!),
      /terms\.json: expected/,
    )
    await damage('terms.json', (text) => text.replace(`${terms[0]},`, ''), /weight: expected \[/)
    await damage('config.json', (text) => text.replace('"Japan"', '"China"'), /labels: expected/)
    await damage(
      'config.json',
      (text) => text.replace('rnnative.', 'other.'),
      /model_type: expected/,
    )
  }
})

test('TfIdf equals the formula, tells key words, is saved', async (t) => {
  const texts = ['the cat and the dog', 'the dog', 'a bird and the sky']
  const tfIdf = new TfIdf({ ngrams: [1] })
  const { begins, indices, values, rows, columns } = await tfIdf.fit(texts)
  t.deepEqual([rows, columns, tfIdf.terms.length], [3, 7, 7])
  const [the, dog] = ['the', 'dog'].map((term) => tfIdf.terms.indexOf(term))
  const own = indices.subarray(begins[1], begins[2])
  t.deepEqual([...own], [the, dog])
  const rarity = [Math.log(4 / 4) + 1, Math.log(4 / 3) + 1]
  const norm = Math.hypot(...rarity)
  for (const [i, value] of values.subarray(begins[1], begins[2]).entries())
    t.true(Math.abs(value - rarity[i]! / norm) < 1e-12)
  t.deepEqual(
    tfIdf.keywords('the cat the dog the the bird 7', { top: 2 }).map(({ term }) => term),
    ['bird', 'cat'],
  )
  const path = mkdtempSync(join(tmpdir(), 'rnnative-tfidf-'))
  await tfIdf.save(path)
  const loaded = await TfIdf.load(path)
  t.deepEqual(await loaded.transform(texts), await tfIdf.transform(texts))
})

test('a vote of good and useless voters is as good as the good ones', async (t) => {
  const { learned, labels } = cases[1]!
  const model = new NaiveBayes({ ngrams: [1] })
  await model.fit(learned)
  // Wrong, and sure of it.
  const liar = {
    predict: (texts: readonly string[]) =>
      Promise.resolve(
        texts.map((_, i) => ({
          probabilities: labels.map((label, k) => ({
            label,
            probability: k === i % 3 ? 0.98 : 0.01,
          })),
        })),
      ),
  }
  const asked = learned.toReversed()
  const vote = new Vote([model, liar])
  await vote.fit(asked)
  t.true(vote.weights[0]! > 10 * vote.weights[1]!)
  const [alone, together] = [await model.evaluate(asked), await vote.evaluate(asked)]
  t.true(together.loss <= alone.loss)
  t.true(together.accuracy >= alone.accuracy - 0.03)
  const [made] = await vote.predict([asked[0]!.text as string])
  t.true(Math.abs(inOrder(made!, labels).reduce((sum, p) => sum + p, 0) - 1) < 1e-9)
})

test('what makes no sense is refused by name', async (t) => {
  t.throws(() => new NaiveBayes({ ngrams: [0] }), {
    message: /ngrams: expected different whole numbers/,
  })
  t.throws(() => new NaiveBayes({ alpha: 0 }), { message: /alpha: expected a number above 0/ })
  t.throws(() => new MaxEnt({ solvr: 'adam' } as never), { message: /did you mean solver/ })
  t.throws(() => new Vote([]), { message: /voters: expected a list of classifiers/ })
  const model = new NaiveBayes()
  await t.throwsAsync(model.predict(['a']), { code: 'ERR_UNINITIALIZED' })
  await t.throwsAsync(model.fit([]), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.fit(examples(['...', 'a'])), {
    code: 'ERR_EMPTY',
    message: /expected n-grams/,
  })
  await t.throwsAsync(model.fit([{ text: 'a', label: ['x', 'y'] }]), {
    message: /example 0: label: expected/,
  })
  await t.throwsAsync(model.fit(chinese, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  await model.fit(chinese)
  await t.throwsAsync(model.evaluate(examples(['a', 'Korea'])), {
    message: '[evaluate] example 0: label: expected one of China, Japan, got "Korea"',
  })
  await t.throwsAsync(model.predict('a' as never), { message: /texts: expected a list of texts/ })
})
