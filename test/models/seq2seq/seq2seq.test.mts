import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { optim, RnnativeError, scheduledSampling, Seq2Seq, Tokenizer, type Pair } from 'rnnative'
import { ScheduledSampling } from '#dist/models/seq2seq/sampled-inputs.js'
import { PairSet } from '#dist/data/index.js'
import { collectGarbage, liveStorages } from '../../tensor/live.mjs'
import { temporaryDirectory } from '../language/support.mjs'
import {
  fitOptions,
  makePairs,
  makeSeq2Seq,
  pairs,
  SOURCES as sources,
  VARIANTS,
} from './pairs.mjs'

const weights = async (model: Seq2Seq) =>
  Promise.all([...model.network.stateDict()].map(async ([, p]) => Array.from(await p.data())))

for (const [name, options] of Object.entries(VARIANTS))
  test.serial(`${name}: every parameter learns; the search agrees with the score`, async (t) => {
    await using model = makeSeq2Seq({ dropout: 0.1, ...options })
    const before = new Map<string, number[]>()
    for (const [key, p] of model.network.namedParameters()) before.set(key, [...(await p.data())])
    const { loss } = await model.fit([...pairs, ['', 'ab'], ['ab', '']], {
      ...fitOptions(),
      ...{ maxSteps: 12, labelSmoothing: options.copy ? 0 : 0.1 },
    })
    t.true(loss !== null && Number.isFinite(loss))
    for (const [key, p] of model.network.namedParameters())
      t.notDeepEqual([...(await p.data())], before.get(key), key)

    const limits = { maxLength: 6, batch: 4 }
    const found = await model.translate(sources, { ...limits, beam: 3, nBest: 2 })
    const scores = await model.score(
      sources.map((source, i): Pair => [source, found[i]?.text as string]),
    )
    const bound = options.precision === 'bf16' ? 0.05 : 1e-4
    found.forEach(({ logProbability, nBest, truncated }, i) => {
      const difference = Math.abs(logProbability - (scores[i]?.logProbability ?? NaN))
      t.true(difference < bound, `${i}: ${difference}, ${truncated}`)
      t.is(nBest.length, 2)
    })
    const [alone] = await model.translate(['cafe'], { ...limits, beam: 3, nBest: 2 })
    t.is(alone?.text, found[5]?.text)
    t.deepEqual(alone?.tokens, found[5]?.tokens)
    // Too few tokens for tables to be made.
    const [short] = await model.translate(['b'], { ...limits, beam: 1 })
    const [score] = await model.score([['b', short?.text as string]])
    t.true(Math.abs((short?.logProbability ?? NaN) - (score?.logProbability ?? NaN)) < bound)
  })

test.serial('learns to reverse', async (t) => {
  await using model = makeSeq2Seq({ cell: 'gru', hidden: 32, encoder: { bidirectional: true } })
  const held = makePairs(40, 7)
  const run = model.fit(makePairs(600), {
    ...fitOptions(),
    ...{ batchTokens: 250, epochs: 14, validation: held },
  })
  const { validation } = await run
  t.true(validation !== null && validation < 0.2, String(validation))
  const { nats, perplexity, tokens } = await model.evaluate(held)
  t.true(Math.abs(nats - (validation as number)) < 1e-6)
  t.is(perplexity, Math.exp(nats))
  t.is(
    tokens,
    held.reduce((sum, [, target]) => sum + target.length + 1, 0),
  )
  const found = await model.translate(
    held.map(([source]) => source),
    { beam: 2, alignments: true },
  )
  const right = found.filter(({ text }, i) => text === held[i]?.[1]).length
  t.true(right >= 36, String(right))
  const { attention, text } = found[0]!
  t.deepEqual(attention?.source, [...(held[0]?.[0] as string)])
  t.deepEqual(attention?.target, [...text, '</s>'])
  t.is(attention?.weights.length, text.length + 1)
})

test.serial('resumed training equals uninterrupted training bit for bit', async (t) => {
  const options = { dropout: 0.2, encoder: { bidirectional: true } }
  const training = {
    ...{ ...fitOptions(), labelSmoothing: 0.1, validation: makePairs(10, 5) },
    scheduledSampling: scheduledSampling.linear({ steps: 10, min: 0.2 }),
  }
  await using straight = makeSeq2Seq(options)
  await straight.fit(pairs, { ...training, maxSteps: 15 })
  const checkpoint = temporaryDirectory()
  for (const maxSteps of [6, 15]) {
    await using model = makeSeq2Seq(options)
    await model.fit(pairs, { ...training, checkpoint, resume: true, maxSteps })
    if (maxSteps === 15) t.deepEqual(await weights(model), await weights(straight))
  }
  // All that matters is in the checkpoint: seeds need not be given again.
  const seeds = temporaryDirectory()
  for (const [seed, maxSteps] of [
    [3, 6],
    [4, 15],
  ] as const) {
    await using model = makeSeq2Seq({ ...options, seed })
    await model.fit(pairs, { ...training, checkpoint: seeds, resume: true, maxSteps })
    if (maxSteps === 15) t.deepEqual(await weights(model), await weights(straight))
  }
  await using other = makeSeq2Seq(options)
  const changed = other.fit(makePairs(80, 9), { ...training, checkpoint, resume: true })
  await t.throwsAsync(Promise.resolve(changed), { code: 'ERR_ARGUMENT', message: /text/ })
})

test.serial('decodes without dropout while a fit goes on', async (t) => {
  await using model = makeSeq2Seq({ dropout: 0.5 })
  const none = { ...fitOptions(), optimizer: optim.sgd({ lr: 0 }), maxSteps: 30 }
  const alone = await model.translate(sources, { maxLength: 8 })
  const run = model.fit(pairs, none)
  t.deepEqual(await model.translate(sources, { maxLength: 8 }), alone)
  await run
})

for (const changed of [
  'decoder.embedding.weight',
  'decoder.attending.weight_ih_l0',
  'decoder.readout.weight',
])
  test.serial(`a batch is decoded with the ${changed} there is as it begins`, async (t) => {
    await using model = makeSeq2Seq({ cell: 'gru' })
    const options = { batch: 1, beam: 3, maxLength: 6 }
    // The two longest begin at once; each of the others when an earlier one has ended.
    const begun = sources.toSorted((a, b) => b.length - a.length).slice(0, 2)
    const rest = <T,>(all: T[]) => all.filter((_, i) => !begun.includes(sources[i]!))
    const before = await model.translate(sources, options)
    const parameter = model.network.stateDict().get(changed)!
    const negated = (await parameter.data()).map((value: number) => -value)
    await collectGarbage()
    const storages = await liveStorages()
    const translating = model.translate(sources, options)
    parameter.assign(negated)
    const found = await translating
    t.is(await liveStorages(), storages)
    t.deepEqual(rest(found), rest(await model.translate(sources, options)))
    t.notDeepEqual(rest(found), rest(before))
  })

test.serial('a saved model loads and translates the same', async (t) => {
  await using model = makeSeq2Seq({ ...VARIANTS['residual GRU, input feeding, all tied'] })
  await model.fit(pairs, { ...fitOptions(), maxSteps: 10 })
  const directory = temporaryDirectory()
  await model.save(directory)
  await using same = await Seq2Seq.load(directory)
  t.deepEqual(same.options, model.options)
  t.deepEqual(await same.translate(sources), await model.translate(sources))

  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  for (const [name, value] of Object.entries({
    ...{ model_type: 'x', seed: -1, encoder: null, layers: '2', hidden: 1e9, attention: 7 },
    ...{ bridge: 'plank', dropout: 'much', precision: 'f8', residual: 'yes', tieEmbeddings: 1 },
  })) {
    writeFileSync(path, JSON.stringify({ ...config, [name]: value }))
    const error = await t.throwsAsync(Seq2Seq.load(directory), { instanceOf: RnnativeError })
    t.true(['ERR_FORMAT', 'ERR_OUT_OF_MEMORY'].includes(error?.code as string), `${name}: ${error}`)
  }
  writeFileSync(path, JSON.stringify({ ...config, attentionSize: 13 }))
  await t.throwsAsync(Seq2Seq.load(directory), { code: 'ERR_FORMAT', message: /expected \[/ })
  await t.throwsAsync(Seq2Seq.load(join(directory, 'none')), { code: 'ERR_IO' })
})

test.serial('scheduled sampling reads what the model itself would write', async (t) => {
  for (const attention of ['additive', 'none'] as const) {
    await using model = makeSeq2Seq({ attention, dropout: 0.3 })
    await model.fit(pairs, { ...fitOptions(), maxSteps: 20 })
    const { source, target, network } = model
    const set = await PairSet.encode(pairs.slice(0, 6), { source, target })
    const batch = set.assemble([0, 1, 2, 3, 4, 5])
    const never = new ScheduledSampling(scheduledSampling.exponential({ k: 1e-12 }), 1)
    t.is(never.inputs(network, batch, 1), undefined)
    const inputs = never.inputs(network, batch, 3)
    const ids = await inputs!.data()
    inputs!.dispose()
    const own = await model.sample(
      pairs.slice(0, 6).map(([text]) => text),
      { temperature: 0, maxLength: batch.target.steps },
    )
    own.forEach(({ tokens }, row) => {
      t.is(ids[row], target.begin as number)
      for (let step = 1; step < batch.target.steps && step <= tokens.length; ++step)
        if (!tokens.includes(target.unknown as number))
          t.is(ids[step * batch.rows + row], tokens[step - 1] as number)
    })
    const half = new ScheduledSampling(scheduledSampling.exponential({ k: 0.5 }), 1)
    const mixed = half.inputs(network, batch, 2)
    const read = await mixed!.data()
    mixed!.dispose()
    const same = batch.target.ids.filter((id, i) => id === read[i]).length
    t.true(same > batch.rows && same < batch.target.ids.length)
  }
})

test.serial('represents a source by what the encoder makes of it', async (t) => {
  await using model = makeSeq2Seq({ encoder: { bidirectional: true, hidden: 5 } })
  const vectors = await model.represent(sources)
  t.is(vectors.length, sources.length)
  t.true(vectors.every((vector) => vector.length === 10))
  const [alone] = await model.represent(['fedcb'])
  const close = (a: number, i: number) => Math.abs(a - (vectors[2]?.[i] ?? NaN)) < 1e-6
  t.true(alone?.every(close))
  t.deepEqual(await model.represent([]), [])
})

test.serial('a fit can be stopped while it waits for pairs', async (t) => {
  await using model = makeSeq2Seq({})
  let ended = 0
  async function* stalled(): AsyncGenerator<Pair, void, void> {
    try {
      yield ['ab', 'ba']
      await new Promise((resolve) => setTimeout(resolve, 300))
      yield ['cd', 'dc']
    } finally {
      ++ended
    }
  }
  const run = model.fit(stalled())
  setTimeout(() => run.abort(), 20)
  t.like(await run, { stopped: 'aborted', step: 0 })
  const signal = AbortSignal.timeout(20)
  await t.throwsAsync(Promise.resolve(model.fit(stalled(), { signal })), { code: 'ERR_ABORTED' })
  const { step } = await model.fit(stalled(), { maxSteps: 1 })
  t.is(step, 1)
  t.is(ended, 3)
})

test.serial('nothing is left behind', async (t) => {
  const model = makeSeq2Seq({ dropout: 0.1, attention: 'none', feedSummary: true })
  await model.fit(pairs, { ...fitOptions(), maxSteps: 3, validation: pairs })
  await model.translate(sources)
  await collectGarbage()
  const before = await liveStorages()
  await model.fit(pairs, { ...fitOptions(), maxSteps: 3, validation: pairs })
  await model.translate(sources, { beam: 3 })
  await model.sample(sources, { maxLength: 4 })
  await model.score([['ab', 'ba']])
  t.is(await liveStorages(), before)
  await model.dispose()
})

test('nonsense is refused by name', async (t) => {
  const refused = (options: object, message: RegExp) =>
    t.throws(() => makeSeq2Seq(options), { code: 'ERR_ARGUMENT', message })
  refused({ attention: 'hard' }, /attention: expected one of additive/)
  refused({ cell: 'sru' }, /cell/)
  refused({ layers: 0 }, /layers/)
  refused({ encoder: { hidden: 1.5 } }, /encoder\.hidden/)
  refused({ dropout: 1 }, /dropout/)
  refused({ seed: -1 }, /seed/)
  refused({ bridge: 'plank' }, /bridge/)
  refused({ bridge: 'copy', encoder: { hidden: 5 } }, /bridge: expected dense/)
  refused(
    { attention: 'dot', encoder: { hidden: 5 }, bridge: 'dense' },
    /attention: expected another/,
  )
  refused({ tieEmbeddings: 'most' }, /tieEmbeddings/)
  refused({ attention: 'none', inputFeeding: true }, /inputFeeding/)
  refused({ feedSummary: true }, /feedSummary/)
  refused({ source: 'abc' }, /source: expected a Tokenizer/)
  const other = Tokenizer.characters('xyz')
  refused({ source: other, tieEmbeddings: 'all' }, /tieEmbeddings/)

  await using model = makeSeq2Seq({ attention: 'none' })
  const fails = (promise: PromiseLike<unknown>, message: RegExp, code = 'ERR_ARGUMENT') =>
    t.throwsAsync(Promise.resolve(promise), { code, message })
  await fails(model.fit(null as never), /pairs: expected an iterable of pairs, got null/)
  await fails(model.fit('ab' as never), /pair 0/)
  await fails(model.evaluate(7 as never), /pairs: expected an iterable/)
  await fails(model.translate(['a'], { beam: 0 }), /beam/)
  await fails(model.translate(['a'], { coveragePenalty: 1 }), /coveragePenalty/)
  await fails(model.translate(['a'], { replaceUnknown: true }), /replaceUnknown/)
  await fails(model.translate(['a'], { maxLength: [1, 2] }), /maxLength/)
  await fails(model.translate(['a'], { prefix: ['a', 'b'] }), /prefix/)
  await fails(model.translate('a' as unknown as string[]), /texts/)
  await fails(model.sample(['a'], { topP: 2 }), /topP/)
  await fails(model.fit(pairs, { batchTokens: 0 }), /batchTokens/)
  await fails(model.fit(pairs, { labelSmoothing: 1 }), /labelSmoothing/)
  await fails(model.fit([]), /pair/, 'ERR_EMPTY')
  await fails(model.fit([['a']] as unknown as Pair[]), /pair 0/)
  t.deepEqual(await model.translate([]), [])
  t.deepEqual(await model.score([]), [])
})

test('step by step gives what whole targets give, on the reference', async (t) => {
  await using model = makeSeq2Seq({ ...VARIANTS['residual, additive'], device: 'reference' })
  const [best] = await model.translate(['abcd'], { beam: 2, nBest: 2, maxLength: 4 })
  for (const { text, logProbability } of best?.nBest ?? []) {
    const [score] = await model.score([['abcd', text]])
    t.true(Math.abs((score?.logProbability ?? NaN) - logProbability) < 1e-5)
  }
  t.is(best?.nBest.length, 2)
})
