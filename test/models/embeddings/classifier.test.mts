import test from 'ava'
import { FastTextClassifier, loadClassifier, type Labelled } from 'rnnative'
import { ngramBuckets } from '#dist/models/embeddings/ngram-hash.js'
import { fresh, topics } from './support.mjs'

const examples: Labelled[] = topics(300).map((text, i) => ({ text, label: i % 2 ? 'sea' : 'town' }))
const held: Labelled[] = topics(50, 9).map((text, i) => ({ text, label: i % 2 ? 'sea' : 'town' }))
const fit = { epochs: 5, lr: 0.5, threads: 1 }

test('topics are told; saved and loaded it says the same; one thread gives the same bits', async (t) => {
  for (const own of [
    {},
    { ngrams: 2 },
    { minPart: 2, maxPart: 4, ngrams: 3 },
    { unit: 'char' },
  ] as const) {
    const options = { dim: 10, seed: 1, ...own }
    await using model = new FastTextClassifier(options)
    const result = await model.fit(examples, fit)
    t.is(result.examples, 300)
    t.deepEqual(model.labels, ['sea', 'town'])
    const score = await model.evaluate(held)
    t.true(score.accuracy > 0.95, JSON.stringify(own))
    const directory = fresh('model')
    await model.save(directory)
    await using loaded = await loadClassifier(directory)
    t.deepEqual(await loaded.evaluate(held), score)
    const texts = ['the whale and the ship', 'a town', '', 'unknown words']
    t.deepEqual(await loaded.predict(texts), await model.predict(texts))
    await using again = new FastTextClassifier(options)
    await again.fit(examples, fit)
    t.deepEqual(await again.predict(texts), await model.predict(texts))
  }
})

test('predictions: likeliest first, probabilities sum to 1', async (t) => {
  await using model = new FastTextClassifier({ dim: 8 })
  await model.fit(examples, fit)
  const [one] = await model.predict(['whale ship wave'])
  t.is(one?.label, 'sea')
  const sum = one?.probabilities.reduce((a, b) => a + b.probability, 0) as number
  t.true(Math.abs(sum - 1) < 1e-9)
  t.is((await model.predict(['house'], { top: 1 }))[0]?.probabilities.length, 1)
  t.deepEqual(await model.predict([]), [])
})

test('what is wrong is named', async (t) => {
  await using model = new FastTextClassifier()
  await t.throwsAsync(model.predict(['a']), { code: 'ERR_UNINITIALIZED' })
  await t.throwsAsync(model.fit([]).then(), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.fit([{ text: 'a', label: ['x', 'y'] }]).then(), {
    code: 'ERR_ARGUMENT',
  })
  t.throws(() => new FastTextClassifier({ ngrams: 0 }), { message: /ngrams: expected/ })
})

test('n-grams are hashed as in 64 bits', (t) => {
  const hashes = Int32Array.of(-5, 2 ** 31 - 1, -(2 ** 31), 123456789, 0, -1)
  for (const buckets of [1, 7, 2_000_000, 2 ** 28]) {
    const expected: number[] = []
    for (let i = 0; i < hashes.length; ++i) {
      let h = BigInt.asUintN(64, BigInt(hashes[i] as number))
      for (let j = i + 1; j < Math.min(hashes.length, i + 4); ++j) {
        h = BigInt.asUintN(64, h * 116049371n + BigInt.asUintN(64, BigInt(hashes[j] as number)))
        expected.push(Number(h % BigInt(buckets)))
      }
    }
    t.deepEqual(ngramBuckets(hashes, 4, buckets), expected)
  }
})
