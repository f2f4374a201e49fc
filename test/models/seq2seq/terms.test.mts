/** Language and n-gram models that have a say in a search. */
import test from 'ava'
import { LanguageModel, NgramModel, optim, rescore, Seq2Seq, Tokenizer } from 'rnnative'
import type { decode } from 'rnnative'
import { makePairs } from './pairs.mjs'

const tokenizer = Tokenizer.characters('abc\n')
const words = makePairs(200).map(([word]) => word.replace(/[d-f]/g, 'a'))
const text = `${words.join('\n')}\n`
const sources = ['abc', '', 'cb']
const LONGEST = 4
/** More than there are texts of so many letters. */
const ALL = 400

const made = (async () => {
  const mt = new Seq2Seq({ source: tokenizer, target: tokenizer, hidden: 12, seed: 3 })
  const pairs = words.map((word) => [word, [...word].reverse().join('')] as const)
  await mt.fit(pairs, { batchTokens: 100, maxSteps: 20, optimizer: optim.adam({ lr: 0.02 }) })
  const lm = new LanguageModel({ tokenizer, layers: 1, hidden: 8, positions: 'learned', seed: 1 })
  await lm.fit(text, { maxSteps: 20, batch: 2, steps: 20 })
  const ngram = new NgramModel({ tokenizer, order: 3 })
  await ngram.fit(text)
  return { mt, lm, ngram }
})()

for (const weight of [0.7, -0.4])
  test(`a search with terms finds what rescoring all texts finds; weights of ${weight}`, async (t) => {
    const { mt, lm, ngram } = await made
    for (const model of [lm, ngram]) {
      const terms = [{ model, weight }]
      const limits = { maxLength: LONGEST, beam: ALL, batch: 2 }
      const found = await mt.translate(sources, { ...limits, nBest: 5, terms })
      const all = await mt.translate(sources, { ...limits, nBest: ALL })
      const ranked = await rescore(sources, all, terms)
      for (const [i, { nBest }] of found.entries()) {
        const best = ranked[i]!.nBest.filter(({ text }) => !text.includes('\n')).slice(0, 3)
        const own = nBest.filter(({ text }) => !text.includes('\n')).slice(0, 3)
        for (const [k, { text, score, logProbability }] of own.entries()) {
          t.is(text, best[k]?.text)
          t.true(Math.abs(score - (best[k]?.score ?? NaN)) < 1e-4, `${score} ${best[k]?.score}`)
          t.true(Math.abs(logProbability - (best[k]?.logProbability ?? NaN)) < 1e-4)
        }
      }
      const [alone] = await mt.translate(['cb'], { ...limits, nBest: 5, terms })
      t.deepEqual(
        alone?.nBest.map(({ text }) => text),
        found[2]?.nBest.map(({ text }) => text),
      )
    }
  })

test('a prefix and its score count the terms; only the first tokens are weighed where that is asked for', async (t) => {
  const { mt, ngram } = await made
  const plain = await mt.translate(['abc'], { prefix: 'ab', maxLength: 2 })
  const search = async (terms: readonly decode.SearchTerm[]) =>
    (await mt.translate(['abc'], { prefix: 'ab', maxLength: 2, terms }))[0]!
  const [own] = await ngram.score(['ab'])
  const both = await search([{ model: ngram, weight: 0.5 }])
  t.is(both.text, 'ab')
  t.true(Math.abs(both.logProbability - plain[0]!.logProbability) < 1e-5)
  t.true(Math.abs(both.score - both.logProbability - 0.5 * (own ?? NaN)) < 1e-4)
  const [first] = Array.from((await ngram.surprisals('ab')).slice(0, 1))
  const begun = await search([{ model: ngram, weight: 0.5, first: 1 }])
  t.true(Math.abs(begun.score - begun.logProbability + 0.5 * (first ?? NaN)) < 1e-4)
  const none = await search([{ model: ngram, weight: 0.5, first: 0 }])
  t.true(Math.abs(none.score - none.logProbability) < 1e-5)
})

test('what is no term is named', async (t) => {
  const { mt, lm } = await made
  const refused = (terms: unknown, message: RegExp) =>
    t.throwsAsync(mt.translate(['a'], { terms: terms as never }), { code: 'ERR_ARGUMENT', message })
  await refused(5, /terms: expected a list/)
  await refused([{ model: mt, weight: 1 }], /terms\[0\]\.model/)
  await refused([{ model: lm }], /terms\[0\]\.weight/)
  await refused([{ model: lm, weight: 1, first: -1 }], /terms\[0\]\.first/)
  const other = Tokenizer.characters('abcd\n')
  const stranger = new NgramModel({ tokenizer: other, order: 2 })
  await refused([{ model: stranger, weight: 1 }], /models of the tokens that are written/)
  const plain = Tokenizer.characters('abc')
  await using without = new Seq2Seq({ source: plain, target: plain, hidden: 4 })
  const model = new NgramModel({ tokenizer: plain, order: 2 })
  await t.throwsAsync(without.translate(['a'], { terms: [{ model, weight: 1 }] }), {
    message: /line ends/,
  })
})
