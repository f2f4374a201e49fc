/** Texts out of models: searching, sampling, streams, ensembles, rescoring. */
import test from 'ava'
import {
  LanguageModel,
  rescore,
  Seq2Seq,
  Seq2SeqEnsemble,
  Tokenizer,
  type Pair,
  type Translation,
} from 'rnnative'
import { collectGarbage, liveStorages } from '../../tensor/live.mjs'
import { fitOptions, makeSeq2Seq, pairs, SOURCES as sources } from './pairs.mjs'

test.serial('sampling: reproducible, whatever the batch', async (t) => {
  await using model = makeSeq2Seq({})
  await model.fit(pairs, { ...fitOptions(), maxSteps: 10 })
  const options = { seed: 5, samples: 3, maxLength: 5 }
  const first = await model.sample(sources, options)
  t.deepEqual(await model.sample(sources, { ...options, batch: 2 }), first)
  t.is(first[0]?.nBest.length, 3)
  t.notDeepEqual(await model.sample(sources, { ...options, seed: 6 }), first)
})

test.serial('a stream draws what sampling draws; greedily, what a beam of 1 finds', async (t) => {
  await using model = makeSeq2Seq({})
  await model.fit(pairs, { ...fitOptions(), maxSteps: 20 })
  const streamed = async (options: object) => {
    let text = ''
    for await (const piece of model.stream('cafe', { maxLength: 6, ...options })) text += piece
    return text
  }
  const [drawn] = await model.sample(['cafe'], { seed: 4, maxLength: 6 })
  t.is(await streamed({ seed: 4 }), drawn?.text)
  const [greedy] = await model.translate(['cafe'], { beam: 1, maxLength: 6 })
  t.is(await streamed({ temperature: 0 }), greedy?.text)
  const begun = await streamed({ temperature: 0, prefix: 'dd' })
  t.true(begun.startsWith('dd'))
})

test.serial('an ensemble of one equals the model; of two, it is neither', async (t) => {
  await using first = makeSeq2Seq({})
  await using second = makeSeq2Seq({ cell: 'gru', seed: 8, reverseSource: true })
  for (const model of [first, second]) await model.fit(pairs, { ...fitOptions(), maxSteps: 15 })
  const options = { beam: 3, maxLength: 6 }
  t.deepEqual(
    await new Seq2SeqEnsemble([first]).translate(sources, options),
    await first.translate(sources, options),
  )
  const scores = async (models: { translate: Seq2Seq['translate'] }) =>
    (await models.translate(sources, options)).map(({ score }) => score)
  const together = await scores(new Seq2SeqEnsemble([first, second], { combine: 'linear' }))
  t.notDeepEqual(together, await scores(first))
  t.notDeepEqual(together, await scores(second))
  // One reads forwards, the other backwards: their attention has no average.
  await t.throwsAsync(
    new Seq2SeqEnsemble([first, second]).translate(['ab'], { alignments: true }),
    {
      ...{ code: 'ERR_ARGUMENT', message: /alignments/ },
    },
  )
  const other = new Seq2Seq({ source: first.source!, target: Tokenizer.characters('xy') })
  t.throws(() => new Seq2SeqEnsemble([first, other]), { code: 'ERR_ARGUMENT', message: /models/ })
  t.throws(() => new Seq2SeqEnsemble([]), { code: 'ERR_ARGUMENT' })
  await other.dispose()
})

test.serial('rescoring is a weighted sum, with a language model, too', async (t) => {
  await using model = makeSeq2Seq({})
  await using judge = makeSeq2Seq({ seed: 9 })
  await using lm = new LanguageModel({ tokenizer: Tokenizer.characters('abcdef\n'), hidden: 8 })
  for (const one of [model, judge]) await one.fit(pairs, { ...fitOptions(), maxSteps: 15 })
  const found = await model.translate(['abc', 'fed'], { beam: 4, nBest: 4, maxLength: 5 })
  t.deepEqual(await rescore(['abc', 'fed'], found, []), found)
  const terms = [
    { model: judge, weight: 0.7 },
    { model: lm, weight: 0.3 },
  ]
  const ranked = await rescore(['abc', 'fed'], found, terms, { weight: 2 })
  for (const [i, source] of ['abc', 'fed'].entries())
    for (const { text, score, logProbability } of ranked[i]?.nBest ?? []) {
      const [given] = await judge.score([[source, text]])
      const [alone] = await lm.score([text])
      const expected =
        2 * logProbability + 0.7 * (given?.logProbability ?? NaN) + 0.3 * (alone ?? NaN)
      t.true(Math.abs(score - expected) < 1e-4)
    }
  t.true(ranked.every(({ nBest, text }) => nBest[0]?.text === text))
  const { nats } = await lm.evaluate('\nab\n')
  t.true(Math.abs((await lm.score(['ab']))[0]! + 3 * nats) < 1e-5)
  const refused = { code: 'ERR_ARGUMENT', message: /terms\[0\]/ }
  await t.throwsAsync(rescore(['abc', 'fed'], found, [{ model: lm, weight: NaN }]), refused)
})

test.serial('prefixes, reversed alignments, unknown words', async (t) => {
  const words = Tokenizer.spaces(['ein hund', 'eine katze'])
  const english = Tokenizer.spaces(['a dog', 'a cat'])
  await using model = new Seq2Seq({
    ...{ source: words, target: english, hidden: 16, seed: 1, reverseSource: true },
  })
  const known: Pair[] = [
    ['ein hund', 'a dog'],
    ['eine katze', 'a cat'],
  ]
  await model.fit([...known, ['ein xyz', 'a xyz'], ['eine uvw', 'a uvw']], {
    ...fitOptions(),
    ...{ batchTokens: 20, epochs: 150 },
  })
  const [plain, kept] = await Promise.all([
    model.translate(['ein zebra'], { beam: 2 }),
    model.translate(['ein zebra'], { beam: 2, replaceUnknown: true, alignments: true }),
  ])
  t.false(plain[0]?.text.includes('<unk>'))
  t.regex(kept[0]?.text ?? '', /^a (zebra|ein)$/)
  t.deepEqual(kept[0]?.attention?.source, ['ein', 'zebra'])
  t.deepEqual(
    (await model.translate(['ein hund', 'ein hund'], { prefix: ['a cat', null] })).map(
      ({ text }) => text,
    ),
    ['a cat', 'a dog'],
  )
})

test.serial('lengths that nobody gave leave room for what was asked for', async (t) => {
  await using model = makeSeq2Seq({})
  await model.fit(pairs, { ...fitOptions(), maxSteps: 5 })
  const tokensOf = (all: readonly Translation[]) => all.map(({ tokens }) => tokens.length)
  const long = await model.translate(['a', 'bb'], { beam: 1, minLength: 70 })
  t.true(tokensOf(long).every((count) => count >= 70))
  const prefix = 'abcdef'.repeat(12)
  const begun = await model.translate(['a', 'bb'], { beam: 1, prefix: [null, prefix] })
  t.true(begun[1]?.text.startsWith(prefix))
  const fails = (options: object, message: RegExp) =>
    t.throwsAsync(model.translate(['a', 'bb'], options), { code: 'ERR_ARGUMENT', message })
  await fails({ prefix: [null, prefix], maxLength: 9 }, /prefix 1: expected at most the maxLength/)
  await model.translate(['a', 'bb'], { beam: 9 }) // keeps what it made of the weights
  await collectGarbage()
  const before = await liveStorages()
  await fails({ maxLength: [5] }, /maxLength: expected .* or 2 of them/)
  await fails({ maxLength: null }, /maxLength/)
  await fails({ minLength: 9, maxLength: [5, 10] }, /minLength/)
  t.is(await liveStorages(), before)
})

test.serial('there is a block for each source, also where constraints leave nothing', async (t) => {
  await using model = makeSeq2Seq({})
  await model.fit(pairs, { ...fitOptions(), maxSteps: 5 })
  const options = { blockNgrams: 1, minLength: 10, beam: 4, nBest: 3 }
  const found = await model.translate(['abc', 'fed'], options)
  t.is(found.length, 2)
  for (const { text, score, logProbability, tokens, nBest } of found) {
    t.deepEqual([text, score, logProbability, tokens.length], ['', -Infinity, -Infinity, 0])
    t.is(nBest.length, 1)
  }
  const ranked = await rescore(['abc', 'fed'], found, [{ model, weight: 1 }], { weight: 0 })
  t.true(ranked.every(({ score }) => Number.isFinite(score)))
})

test.serial(
  'of a truncated text a search counts the end that it forced, sampling does not',
  async (t) => {
    await using model = makeSeq2Seq({})
    await model.fit(pairs, { ...fitOptions(), maxSteps: 20 })
    const limits = { minLength: 1, maxLength: 1 }
    const [found] = await model.translate(['abc'], { ...limits, beam: 1 })
    const [drawn] = await model.sample(['abc'], { ...limits, temperature: 0 })
    t.true(found?.truncated && drawn?.truncated)
    t.is(found?.text, drawn?.text)
    const [scored] = await model.score([['abc', found?.text ?? '']])
    const [first = NaN, end = NaN] = scored?.logProbabilities ?? []
    t.true(Math.abs((found?.logProbability ?? NaN) - (first + end)) < 1e-4)
    t.true(Math.abs((drawn?.logProbability ?? NaN) - first) < 1e-4)
  },
)

test.serial(
  'what is made of the weights is kept between calls, and made anew once they change',
  async (t) => {
    const options = { attention: 'additive', inputFeeding: false, seed: 3 } as const
    for (const positions of [false, true]) {
      const how = { ...options, ...(positions && { positions: 'learned' as const }) }
      await using model = makeSeq2Seq(how)
      await using other = makeSeq2Seq(how)
      for (const one of [model, other]) await one.fit(pairs, { ...fitOptions(), maxSteps: 5 })
      const first = await model.translate(sources, { beam: 3 })
      // One by one, with a table and without, two at a time.
      for (const [i, source] of sources.entries())
        t.deepEqual(await other.translate([source], { beam: 3 }), [first[i]!])
      const again = await Promise.all(
        [1, 2].map(() => model.translate(sources, { beam: 3, batch: 3 })),
      )
      t.deepEqual(again, [first, first])
      const running = model.translate(sources, { beam: 3, batch: 2 })
      for (const one of [model, other]) await one.fit(pairs, { ...fitOptions(), maxSteps: 15 })
      await running
      const later = await model.translate(sources, { beam: 3 })
      t.notDeepEqual(later, first)
      t.deepEqual(await other.translate(sources, { beam: 3 }), later)
    }
  },
)
