/** Sentences with words fixed in place: what a chain visits, against all sentences there are. */
import test from 'ava'
import { NgramModel, Tokenizer } from 'rnnative'

const text = 'a b c a\nb c a b\nc c a\na b b c\nb a c b\na c\nc a b c\n'.repeat(3)
const tokenizer = Tokenizer.spaces(text)
const WORDS = ['a', 'b', 'c']

for (const method of ['gibbs', 'metropolis-hastings'] as const)
  test(`${method}: sentences are drawn as often as the model says`, async (t) => {
    const model = new NgramModel({ tokenizer, order: 3 })
    await model.fit(text)
    const all = WORDS.flatMap((x) => WORDS.flatMap((y) => WORDS.map((z) => `${x} b ${y} ${z}`)))
    const weights = (await model.score(all)).map(Math.exp)
    const whole = weights.reduce((a, b) => a + b, 0)
    const { samples, acceptance } = await model.sample('_ b _ _', {
      ...{ method, iterations: 20_000, seed: 3 },
    })
    t.is(samples.length, 18_000)
    const found = new Map<string, number>()
    for (const { text: one } of samples) found.set(one, (found.get(one) ?? 0) + 1)
    for (const [i, one] of all.entries()) {
      const expected = (weights[i] as number) / whole
      const share = (found.get(one) ?? 0) / samples.length
      t.true(Math.abs(share - expected) < 0.015, `${one}: ${share}, expected ${expected}`)
    }
    const [first] = samples
    const [score] = await model.score([first!.text])
    t.true(Math.abs(first!.logProbability - (score as number)) < 1e-9)
    if (method === 'gibbs') t.is(acceptance, 1)
    else t.true(acceptance > 0.3 && acceptance < 1)
  })

test('the same seed draws the same; a list has words of any look', async (t) => {
  const model = new NgramModel({ tokenizer, order: 2 })
  await model.fit(text)
  const draw = () =>
    model.sample(['a', null, 'c', null], { iterations: 20, seed: 4, every: 5, burnIn: 0 })
  const { samples } = await draw()
  t.deepEqual(samples, (await draw()).samples)
  t.is(samples.length, 4)
  for (const { text: one } of samples) t.regex(one, /^a [abc] c [abc]$/)
})
