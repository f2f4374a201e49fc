import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Autoencoder, LanguageModel, loadPretrained, optim, TextClassifier } from 'rnnative'
import { Tokenizer, type AutoencoderOptions } from 'rnnative'
import { halves } from '#dist/models/autoencoder/texts.js'
import { examples, LABELS, makeExamples } from '../classifier/support.mjs'
import { makePairs } from '../seq2seq/pairs.mjs'

const temporary = () => mkdtempSync(join(tmpdir(), 'rnnative-'))
const tokenizer = Tokenizer.characters('abcdef')
const words = makePairs(600).map(([word]) => word)
const held = makePairs(40, 7).map(([word]) => word)

const make = (options: Partial<AutoencoderOptions> = {}) =>
  new Autoencoder({ tokenizer, hidden: 32, cell: 'gru', seed: 3, ...options })
const fitOptions = () => ({ batchTokens: 150, optimizer: optim.adam({ lr: 0.01 }) })

test('learns to repeat; saved and loaded it does the same', async (t) => {
  await using model = make()
  const { validation } = await model.fit(words, { ...fitOptions(), epochs: 20, validation: held })
  const { nats, tokens } = await model.evaluate(held)
  t.is(nats, validation as number)
  t.is(
    tokens,
    held.reduce((sum, word) => sum + word.length + 1, 0),
  )
  const found = await model.predict(held, { beam: 2 })
  const right = found.filter(({ text }, i) => text === held[i]).length
  t.true(right > 30, String(right))

  const directory = join(temporary(), 'model')
  await model.save(directory)
  await using loaded = await Autoencoder.load(directory)
  t.deepEqual(loaded.options, model.options)
  t.is(loaded.seed, 3)
  t.deepEqual(await loaded.represent(['abc']), await model.represent(['abc']))
  t.is((await loaded.evaluate(held)).nats, nats)
})

test('a resumed fit goes on bit for bit, and its checkpoint loads', async (t) => {
  const limits = { ...fitOptions(), validation: held.slice(0, 5) }
  await using whole = make({ task: 'next', dropout: 0.1 })
  const losses: number[] = []
  for await (const { loss } of whole.fit(words, { ...limits, maxSteps: 12 })) losses.push(loss)
  const checkpoint = join(temporary(), 'run')
  await using first = make({ task: 'next', dropout: 0.1 })
  await first.fit(words, { ...limits, maxSteps: 5, checkpoint })
  await using second = make({ task: 'next', dropout: 0.1, seed: 9 })
  const rest: number[] = []
  const more = { ...limits, maxSteps: 12, checkpoint, resume: true }
  for await (const { loss } of second.fit(words, more)) rest.push(loss)
  t.deepEqual(rest, losses.slice(5))
  await using loaded = await Autoencoder.load(checkpoint)
  t.is(loaded.options.task, 'next')
})

test('texts are parted at the space nearest to their middle', (t) => {
  t.deepEqual(halves('one two three four'), ['one two', 'three four'])
  t.deepEqual(halves(' looooooong text '), ['looooooong', 'text'])
  t.deepEqual(halves('你好吗呢'), ['你好', '吗呢'])
  t.deepEqual(halves('a😀'), ['a', '😀'])
  t.deepEqual(halves('😀😀'), ['😀', '😀'])
  for (const none of ['', 'a', ' b ', '😀']) t.is(halves(none), null)
})

const texts = examples.map(({ text }) => text as string)
const spaces = Tokenizer.spaces(texts)

test('a classifier begins with its encoder, tokens and options included', async (t) => {
  const sizes = { layers: 2, hidden: 6, embedding: 5, positions: 'learned' } as const
  await using pretrained = new Autoencoder({
    ...{ tokenizer: spaces, ...sizes, cell: 'gru', encoder: { bidirectional: true }, seed: 2 },
  })
  await pretrained.fit(texts, { ...fitOptions(), maxSteps: 3 })
  await using classifier = await TextClassifier.for(examples, { pretrained, seed: 1 })
  t.like(classifier.options, { ...sizes, cell: 'gru', bidirectional: true })
  t.is(classifier.tokenizer, pretrained.tokenizer)
  const [own, theirs] = [classifier.network.stateDict(), pretrained.network.stateDict()]
  for (const name of ['embedding.weight', 'positions.weight', 'rnn.weight_ih_l1_reverse']) {
    const [a, b] = [own.get(name), theirs.get(`encoder.${name}`)]
    t.deepEqual(await a?.data(), await b?.data(), name)
  }
  await classifier.fit(examples, { epochs: 25, batch: 16, optimizer: optim.adam({ lr: 0.02 }) })
  t.true((await classifier.evaluate(makeExamples(40, 9))).accuracy > 0.8)
  const directory = join(temporary(), 'auto')
  await pretrained.save(directory)
  await using loaded = await loadPretrained(directory)
  t.true(loaded instanceof Autoencoder)
  await t.throwsAsync(loadPretrained(join(temporary(), 'none')), { code: 'ERR_IO' })
})

test('what a classifier is given beside it must agree: each mismatch is named', async (t) => {
  await using auto = make({ hidden: 6, cellClip: undefined, coupled: false })
  await using deep = new LanguageModel({
    tokenizer,
    layers: 2,
    hidden: 6,
    peephole: ['i'],
    seed: 1,
  })
  const refused = (options: object, name: string, pretrained: Autoencoder | LanguageModel = auto) =>
    t.throws(() => new TextClassifier({ labels: LABELS, pretrained, ...options }), {
      code: 'ERR_ARGUMENT',
      message: RegExp(`^\\[text classifier\\] ${name}: expected .* of pretrained, got`),
    })
  refused({ tokenizer: Tokenizer.characters('xyz') }, 'tokenizer')
  refused({ cell: 'lstm' }, 'cell')
  refused({ hidden: 7 }, 'hidden')
  refused({ embedding: 7 }, 'embedding')
  refused({ layers: 2 }, 'layers')
  refused({ positions: 'learned' }, 'positions')
  refused({ layerNorm: true }, 'layerNorm')
  refused({ gateClip: 3 }, 'gateClip')
  refused({ activations: { gate: 'relu', candidate: undefined } }, 'activations.gate')
  refused({ bidirectional: true }, 'bidirectional', deep)
  refused({ peephole: ['o'] }, 'peephole', deep)
  await using one = new TextClassifier({ labels: LABELS, pretrained: auto, bidirectional: true })
  t.true(one.options.bidirectional)
  await using two = new TextClassifier({ labels: LABELS, pretrained: deep })
  t.like(two.options, { layers: 2, peephole: ['i'], bidirectional: false })
  for (const more of [{ unit: 'word' }, { vocabulary: 5 }, { minCount: 1 }] as const)
    await t.throwsAsync(TextClassifier.for(examples, { pretrained: auto, ...more }), {
      message: /expected none beside pretrained/,
    })
  for (const wrong of [5, {}, { tokenizer, options: {} }])
    t.throws(() => new TextClassifier({ labels: LABELS, pretrained: wrong as never }), {
      message: /pretrained/,
    })
})

test('bad options and texts are named', async (t) => {
  for (const [name, value] of Object.entries({
    task: 'forget',
    tokenizer: 5,
    reverseSource: true,
    residual: true,
    hidden: 0,
    feedSummary: 1,
  }))
    t.throws(() => make({ [name]: value }), { code: 'ERR_ARGUMENT', message: RegExp(name) })
  await using model = make()
  const code = 'ERR_ARGUMENT'
  await t.throwsAsync(model.fit('abc'), { code, message: /texts: expected an iterable of texts/ })
  await t.throwsAsync(model.fit(['a', 5 as never]), { code, message: /texts\[1\]/ })
  await t.throwsAsync(model.evaluate(5 as never), { code, message: /texts/ })
  await t.throwsAsync(model.fit([]), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.fit(words, { epoch: 1 } as never), { message: /did you mean epochs/ })
})
