/** Language models and n-gram models of the same tokens as one. */
import test from 'ava'
import { Interpolated, LanguageModel, NgramModel, rescore, Tokenizer } from 'rnnative'

const text = 'the cat sat on the mat\nthe dog sat\na cat saw the dog\n'.repeat(12)
const held = 'the dog saw the mat\na dog sat\n'.repeat(3)
const tokenizer = Tokenizer.spaces(text)

async function both() {
  const ngram = new NgramModel({ tokenizer, order: 3 })
  await ngram.fit(text)
  return { ngram, lm: new LanguageModel({ tokenizer, layers: 1, hidden: 6, seed: 2 }) }
}

test("a language model's surprisals are what its evaluation is the mean of", async (t) => {
  const { lm, ngram } = await both()
  for (const long of [held, text.repeat(9)]) {
    const nats = await lm.surprisals(long)
    t.is(nats.length, tokenizer.encode(long).length)
    t.true(Number.isNaN(nats[0]))
    const mean = nats.subarray(1).reduce((a, b) => a + b, 0) / (nats.length - 1)
    t.true(Math.abs(mean - (await lm.evaluate(long)).nats) < 1e-9)
  }
  const score = await ngram.evaluate(held)
  const nats = await ngram.surprisals(held)
  t.is(nats.length, score.tokens)
  t.true(Math.abs(nats.reduce((a, b) => a + b, 0) / score.tokens - score.nats) < 1e-9)
})

test('the probability of a token is the weighted mean of the models', async (t) => {
  const { lm, ngram } = await both()
  const mixed = new Interpolated([lm, ngram], { weights: [1, 3] })
  t.deepEqual(mixed.weights, [0.25, 0.75])
  const [a, b, both_] = [
    await lm.surprisals(held),
    await ngram.surprisals(held),
    await mixed.surprisals(held),
  ]
  for (let at = 1; at < a.length; ++at) {
    const expected = 0.25 * Math.exp(-(a[at] as number)) + 0.75 * Math.exp(-(b[at] as number))
    t.true(Math.abs(Math.exp(-(both_[at] as number)) - expected) < 1e-12)
  }
  const alone = new Interpolated([lm])
  const [own, other] = [await lm.evaluate(held), await alone.evaluate(held)]
  t.true(Math.abs(own.nats - other.nats) < 1e-9)
  t.is(own.bitsPerCharacter.toFixed(9), other.bitsPerCharacter.toFixed(9))
})

test('tuned weights are better than either model and than any others', async (t) => {
  const { lm, ngram } = await both()
  await lm.fit(text, { epochs: 4 })
  const mixed = new Interpolated([lm, ngram])
  const weights = await mixed.tune(held)
  t.true(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) < 1e-12)
  const { nats } = await mixed.evaluate(held)
  for (const share of [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1]) {
    const other = new Interpolated([lm, ngram], { weights: [share, 1 - share] })
    t.true((await other.evaluate(held)).nats >= nats - 1e-6, `${share}`)
  }
})

test('what does not fit is named', async (t) => {
  const { lm, ngram } = await both()
  const other = new NgramModel({ tokenizer: Tokenizer.spaces('x y\n') })
  const refused = (make: () => unknown, message: RegExp) =>
    t.throws(make, { code: 'ERR_ARGUMENT', message })
  refused(() => new Interpolated([]), /models: expected a list/)
  refused(() => new Interpolated([lm, other]), /models\[1\]: expected the tokens of models\[0\]/)
  refused(() => new Interpolated([lm, ngram], { weights: [1] }), /weights: expected 2 numbers/)
  refused(() => new Interpolated([lm, ngram], { weights: [0, 0] }), /weights: expected any above 0/)
  const bare = new NgramModel({ tokenizer: Tokenizer.spaces('x y') })
  refused(() => new Interpolated([bare]), /tokenizer: expected one with line ends/)
  await t.throwsAsync(new Interpolated([lm]).evaluate(''), { code: 'ERR_EMPTY' })
})

test('an n-gram model ranks candidates', async (t) => {
  const { ngram } = await both()
  const nBest = [
    { text: 'sat the on', score: 0 },
    { text: 'the cat sat', score: 0 },
  ]
  const given = [{ ...nBest[0]!, nBest }] as never
  const [best] = await rescore(['x'], given, [{ model: ngram, weight: 1 }])
  t.is(best!.text, 'the cat sat')
  const [score] = await ngram.score(['the cat sat'])
  t.is(best!.score, score as number)
})
