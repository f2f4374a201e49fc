/** Models that multiply in int8, where they have learned. */
import test from 'ava'
import {
  AbstractiveSummariser,
  Autoencoder,
  Dialogue,
  LanguageModel,
  Seq2Seq,
  Tokenizer,
} from 'rnnative'
import { fitOptions, makeModel, makeText, temporaryDirectory, text } from './language/support.mjs'
import * as seq2seq from './seq2seq/pairs.mjs'

/** What attention, which is f32, rounds in one order and in another may lie on two sides of a whole number's border. */
const SAME = 0.05

for (const cell of ['lstm', 'gru', 'rnn'] as const)
  test.serial(`${cell}: scores as in f32, and not the same`, async (t) => {
    await using model = makeModel({ cell, hidden: 33 })
    await model.fit(text, { ...fitOptions(), epochs: 4 })
    const directory = temporaryDirectory()
    await model.save(directory, { precision: 'int8' })
    await using small = await LanguageModel.load(directory, { precision: 'int8' })
    t.is(small.options.precision, 'int8')
    const held = makeText(400, 5)
    const [single, rounded] = [await model.evaluate(held), await small.evaluate(held)]
    t.not(rounded.nats, single.nats)
    t.true(Math.abs(rounded.nats / single.nats - 1) < 0.02, `${rounded.nats}, f32: ${single.nats}`)

    let written = ''
    for await (const piece of small.generate('the whale', { length: 30, seed: 1 })) written += piece
    t.is(written.length, 30)

    const again = temporaryDirectory()
    await small.save(again)
    await using same = await LanguageModel.load(again)
    t.is(same.options.precision, 'int8')
    t.is((await same.evaluate(held)).nats, rounded.nats)
  })

test.serial('an adaptive softmax scores as in f32, and not the same', async (t) => {
  await using model = makeModel({ softmax: 'adaptive', cutoffs: [8, 16], divisor: 2 })
  await model.fit(text, { ...fitOptions(), epochs: 2 })
  const directory = temporaryDirectory()
  await model.save(directory)
  await using small = await LanguageModel.load(directory, { precision: 'int8' })
  const held = makeText(400, 5)
  const [single, rounded] = [await model.evaluate(held), await small.evaluate(held)]
  t.not(rounded.nats, single.nats)
  t.true(Math.abs(rounded.nats / single.nats - 1) < 0.02, `${rounded.nats}, f32: ${single.nats}`)
})

test('it does not learn, and has no layer norm', async (t) => {
  await using model = makeModel({ precision: 'int8' })
  await t.throwsAsync(model.fit(text, { ...fitOptions(), maxSteps: 1 }), {
    ...{
      code: 'ERR_UNSUPPORTED',
      message: '[fit] precision: int8 has no gradients: expected a model in f32 or bf16',
    },
  })
  t.throws(() => makeModel({ precision: 'int8', layerNorm: true }), {
    ...{ code: 'ERR_ARGUMENT', message: /precision: expected f32 or bf16 with layerNorm/ },
  })
})

for (const [name, options] of Object.entries(seq2seq.VARIANTS)) {
  if (options.precision !== undefined) continue
  test.serial(`${name}: scores and searches as in f32, and not the same`, async (t) => {
    await using model = seq2seq.makeSeq2Seq(options)
    await model.fit(seq2seq.pairs, { ...seq2seq.fitOptions(), maxSteps: 40 })
    const directory = temporaryDirectory()
    await model.save(directory, { precision: 'int8' })
    await using single = await Seq2Seq.load(directory)
    t.is(single.options.precision, 'f32')
    await using small = await Seq2Seq.load(directory, { precision: 'int8' })
    t.is(small.options.precision, 'int8')

    const nats = async (scored: Seq2Seq) => (await scored.evaluate(seq2seq.pairs)).nats
    const [exact, rounded] = [await nats(single), await nats(small)]
    t.not(rounded, exact)
    t.true(Math.abs(rounded / exact - 1) < 0.02, `${rounded}, f32: ${exact}`)

    const search = { beam: 3, maxLength: 6, nBest: 2 }
    const found = await small.translate(seq2seq.SOURCES, search)
    for (const [i, source] of seq2seq.SOURCES.entries())
      t.deepEqual(await small.translate([source], search), [found[i]!], `alone: '${source}'`)
    t.deepEqual(await small.translate(seq2seq.SOURCES, { ...search, batch: 2 }), found)

    // Searches and scores are of one model, whether its steps are folded, tabulated or neither.
    const ended = seq2seq.SOURCES.flatMap((source, i) =>
      found[i]!.nBest.filter(({ tokens }) => tokens.length < search.maxLength).map((best) => ({
        pair: [source, best.text] as [string, string],
        score: best.logProbability,
      })),
    )
    t.true(ended.length > 0)
    const scores = await small.score(ended.map(({ pair }) => pair))
    for (const [i, { pair, score }] of ended.entries())
      t.true(Math.abs(scores[i]!.logProbability - score) < SAME, `${pair.join(' ')}: ${score}`)

    const again = temporaryDirectory()
    await small.save(again)
    await using same = await Seq2Seq.load(again)
    t.is(same.options.precision, 'int8')
    t.is(await nats(same), rounded)
  })
}

test.serial('families over a Seq2Seq', async (t) => {
  for (const Family of [Dialogue, Autoencoder, AbstractiveSummariser]) {
    const options = { tokenizer: Tokenizer.characters('abc\n'), hidden: 12, seed: 3 }
    await using model = new Family(options)
    const directory = temporaryDirectory()
    await model.save(directory)
    await using small = await Family.load(directory, { precision: 'int8' })
    t.is(small.network.options.precision, 'int8')
  }
})

test('a Seq2Seq in int8 does not learn, and has no layer norm', async (t) => {
  await using model = seq2seq.makeSeq2Seq({ precision: 'int8' })
  await t.throwsAsync(model.fit(seq2seq.pairs, { ...seq2seq.fitOptions(), maxSteps: 1 }), {
    code: 'ERR_UNSUPPORTED',
    message:
      '[fit] precision: int8 has no gradients: expected f32 or bf16, or a call within noGrad',
  })
  t.throws(() => seq2seq.makeSeq2Seq({ precision: 'int8', layerNorm: true }), {
    ...{ code: 'ERR_ARGUMENT', message: /precision: expected f32 or bf16 with layerNorm/ },
  })
})
