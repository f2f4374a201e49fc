import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { io, LanguageModel, optim, TextClassifier, Tokenizer, type Prediction } from 'rnnative'
import {
  examples,
  fitOptions,
  LABELS,
  makeClassifier,
  makeExamples,
  weightsOf,
} from './support.mjs'

const temporary = () => join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'model')

const of = (label: string, { probabilities }: Prediction): number =>
  probabilities.find((one) => one.label === label)?.probability ?? NaN

function near(t: ExecutionContext, a: Prediction, b: Prediction): void {
  for (const { label, probability } of a.probabilities)
    t.true(Math.abs(probability - of(label, b)) < 1e-5)
}

const texts = examples.slice(0, 12).map(({ text }) => text as string)

for (const options of [
  { pooling: ['mean', 'max'] },
  { pooling: ['last', 'attention'], cell: 'gru', layers: 2 },
  { pooling: ['last', 'max'], hidden: 12, projection: 6 },
  { selfAttention: true, cell: 'rnn', bidirectional: false },
  { task: 'ordinal', labels: LABELS, positions: 'learned', maxLength: 8 },
  { unit: 'char', pooling: ['last'], hidden: 16 },
] as const)
  test(`learns, and validations tell accuracy: ${JSON.stringify(options)}`, async (t) => {
    await using model = await makeClassifier(options)
    const accuracies: number[] = []
    const run = model.fit(examples, { ...fitOptions(), validation: 0.2, epochs: 25 })
    for await (const { validation } of run)
      if (validation) accuracies.push(validation.measures?.['accuracy'] as number)
    t.is(accuracies.length, 25)
    t.true((accuracies.at(-1) as number) > 0.9, accuracies.join())
    const fresh = makeExamples(50, 9)
    const score = await model.evaluate(fresh)
    t.true(score.accuracy > 0.9 && score.macroF1 > 0.9 && score.loss < 0.5)
    t.deepEqual(Object.keys(score.perClass), [...LABELS])
    const right = (await model.predict(fresh.map(({ text }) => text))).filter(
      ({ label }, i) => label === fresh[i]?.label,
    )
    t.is(right.length / fresh.length, score.accuracy)
  })

test('several labels: any number of them', async (t) => {
  const several = examples.map(({ text, label }) => ({
    text,
    label: label === 'fair' ? [] : [label as string, 'strong'],
  }))
  await using model = await makeClassifier({ task: 'multi-label' }, several)
  await model.fit(several, {
    ...fitOptions(),
    validation: several,
    epochs: 30,
    classWeights: 'balanced',
  })
  const [good, fair] = await model.predict(['the film was great', 'the film was so so'])
  t.deepEqual(new Set(good?.labels), new Set(['good', 'strong']))
  t.deepEqual(fair?.labels, [])
  const { accuracy, confusion } = await model.evaluate(several)
  t.true(accuracy > 0.9)
  t.is(confusion, null)
})

test('an uninterrupted run and one that is resumed are equal bit for bit', async (t) => {
  const options = {
    dropout: 0.2,
    embeddingDropout: 0.1,
    recurrentDropout: 0.1,
    pooling: ['attention', 'max'],
  } as const
  const fit = { ...fitOptions(), classWeights: { bad: 2 }, labelSmoothing: 0.1 }
  await using whole = await makeClassifier(options)
  const losses: number[] = []
  for await (const { loss } of whole.fit(examples, { ...fit, maxSteps: 14 })) losses.push(loss)
  const checkpoint = temporary()
  await using first = await makeClassifier(options)
  await first.fit(examples, { ...fit, maxSteps: 8, checkpoint }) // amid a pass
  await using second = await makeClassifier({ ...options, seed: 77 })
  const resumed: number[] = []
  const more = { ...fit, maxSteps: 14, checkpoint, resume: true }
  for await (const { loss } of second.fit(examples, more)) resumed.push(loss)
  t.deepEqual(resumed, losses.slice(8))
  t.deepEqual(await weightsOf(second), await weightsOf(whole))
  const other = second.fit(makeExamples(80), more)
  await t.throwsAsync(other, { code: 'ERR_ARGUMENT', message: /examples/ })
})

test('saved and loaded it does the same', async (t) => {
  const directory = temporary()
  await using model = await makeClassifier({ pooling: ['attention'] })
  await model.fit(examples, { ...fitOptions(), epochs: 3 })
  const temperature = await model.calibrate(makeExamples(40, 5))
  t.not(temperature, 1)
  await model.save(directory)
  t.deepEqual(readdirSync(directory).sort(), ['config.json', 'model.safetensors', 'tokenizer.json'])
  await using loaded = await TextClassifier.load(directory)
  t.deepEqual(loaded.options, model.options)
  t.is(loaded.temperature, temperature)
  t.deepEqual(await loaded.predict(texts), await model.predict(texts))
  t.deepEqual(await loaded.evaluate(examples), await model.evaluate(examples))
})

for (const options of [
  { pooling: ['last', 'mean', 'max', 'attention'] },
  { selfAttention: true, pooling: ['mean', 'last'] },
] as const)
  test(`a text's answer does not depend on its company: ${JSON.stringify(options)}`, async (t) => {
    await using model = await makeClassifier(options)
    const odd = ['', 'zzz qqq', ' \n', 'great '.repeat(60)]
    const all = await model.predict([...odd, ...texts])
    for (const [i, text] of [...odd, ...texts].entries()) {
      const [alone] = await model.predict([text])
      near(t, alone as Prediction, all[i] as Prediction)
      const sum = (all[i] as Prediction).probabilities.reduce(
        (sum, one) => sum + one.probability,
        0,
      )
      t.true(Math.abs(sum - 1) < 1e-9)
    }
    // They are learned from like others.
    const labelled = odd.map((text) => ({ text, label: 'fair' }))
    const { stopped } = await model.fit([...labelled, ...examples], { epochs: 1, batch: 4 })
    t.is(stopped, 'epochs')
    t.is((await model.fit([{ text: '', label: 'bad' }], { epochs: 1 })).step, 1)
    t.deepEqual(await model.predict([]), [])
  })

test('attention: a weight for each token that is read, of all fields', async (t) => {
  const two = examples.map(({ text, label }) => ({ text: ['a review', text as string], label }))
  await using model = await makeClassifier({ pooling: ['attention'], maxLength: 3 }, two)
  t.is(model.options.fields, 2)
  await model.fit(two, { epochs: 1, validation: null })
  const [made] = await model.predict([['one two', 'w x y z']], { top: 1 })
  t.deepEqual(made?.attention?.tokens, ['one', 'two', 'w', 'x', 'y'])
  t.is(made?.probabilities.length, 1)
  const weights = made?.attention?.weights as number[]
  const sum = (from: number, to: number) => weights.slice(from, to).reduce((a, b) => a + b, 0)
  t.true(Math.abs(sum(0, 2) - 1) < 1e-5 && Math.abs(sum(2, 5) - 1) < 1e-5)
  await t.throwsAsync(model.predict(['one']), {
    code: 'ERR_ARGUMENT',
    message: /texts\[0\].*2 strings/,
  })
})

test('texts are cut where they are to be', async (t) => {
  await using end = await makeClassifier({ maxLength: 2 })
  await using beginning = await makeClassifier({ maxLength: 2, cut: 'beginning' })
  const read = async (model: TextClassifier, text: string) => (await model.predict([text]))[0]
  t.deepEqual(await read(end, 'the film was'), await read(end, 'the film'))
  t.deepEqual(await read(beginning, 'the film was'), await read(beginning, 'film was'))
  t.notDeepEqual(await read(beginning, 'the film was'), await read(beginning, 'the film'))
})

test('class weights: rare labels count as much as others', async (t) => {
  const rare = [...examples.filter(({ label }) => label === 'good'), ...makeExamples(4, 3)]
  await using model = await makeClassifier({}, examples)
  const losses = []
  for (const classWeights of [undefined, 'balanced', { good: 0, bad: 1 }] as const) {
    await using one = await makeClassifier({}, examples)
    losses.push((await one.fit(rare, { batch: 99, maxSteps: 1, classWeights })).loss)
  }
  t.is(new Set(losses).size, 3)
  const wrong = { code: 'ERR_ARGUMENT', message: /classWeights/ }
  for (const classWeights of [{ god: 1 }, { good: -1 }, { good: 0, bad: 0, fair: 0 }, 'even'])
    await t.throwsAsync(model.fit(examples, { classWeights: classWeights as 'balanced' }), wrong)
})

test('begins with vectors, and keeps them where they are frozen', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'vectors.txt')
  writeFileSync(path, 'great 1 2 3\nawful -1 -2 -3\n')
  const vectors = await io.readVectors(path)
  await using model = await makeClassifier({ vectors, embedding: undefined })
  t.is(model.options.embedding, 3)
  const rowOf = async (word: string) => {
    const id = model.tokenizer.idOf(word) as number
    return [...(await model.network.embedding.weight.data()).slice(3 * id, 3 * id + 3)]
  }
  t.deepEqual(await rowOf('great'), [1, 2, 3])
  const frozen = [{ match: 'embedding', frozen: true }]
  await model.fit(examples, { epochs: 1, groups: frozen })
  t.deepEqual(await rowOf('awful'), [-1, -2, -3])
  await t.throwsAsync(makeClassifier({ vectors, embedding: 4 }), {
    code: 'ERR_ARGUMENT',
    message: /vectors/,
  })
})

test("begins with a language model's embeddings and layers that read forward", async (t) => {
  const tokenizer = Tokenizer.spaces(examples.map(({ text }) => text as string))
  await using pretrained = new LanguageModel({
    tokenizer,
    layers: 1,
    hidden: 6,
    embedding: 5,
    seed: 2,
  })
  const sizes = { hidden: 6, embedding: 5, seed: 1 }
  await using model = new TextClassifier({ tokenizer, labels: LABELS, pretrained, ...sizes })
  const [own, theirs] = [model.network.stateDict(), pretrained.network.stateDict()]
  for (const name of ['embedding.weight', 'rnn.weight_hh_l0', 'rnn.bias_ih_l0'])
    t.deepEqual(await own.get(name)?.data(), await theirs.get(name)?.data())
  const others = Tokenizer.spaces(['another'])
  for (const wrong of [
    { tokenizer: others, ...sizes },
    { tokenizer, ...sizes, embedding: 4 },
  ])
    t.throws(() => new TextClassifier({ labels: LABELS, pretrained, ...wrong }), {
      message: /pretrained/,
    })
})

test('calibration makes held-out probabilities likelier and changes no label', async (t) => {
  const noisy = makeExamples(120, 6).map((one, i) => (i % 4 === 0 ? { ...one, label: 'bad' } : one))
  await using model = await makeClassifier()
  await model.fit(examples, { ...fitOptions(), epochs: 25 })
  const before = await model.evaluate(noisy)
  const temperature = await model.calibrate(noisy)
  const after = await model.evaluate(noisy)
  t.true(temperature > 1)
  t.true(after.loss < before.loss)
  t.is(after.accuracy, before.accuracy)
  await model.fit(examples, { maxSteps: 1 })
  t.is(model.temperature, 1)
})

test('bad options are named', async (t) => {
  const tokenizer = Tokenizer.spaces('a b')
  const make = (options: object) =>
    new TextClassifier({ tokenizer, labels: LABELS, hidden: 4, ...options })
  for (const [name, value] of Object.entries({
    labels: ['one'],
    task: 'multi',
    pooling: ['mean', 'mean'],
    selfAttention: 1,
    positions: true,
    fields: 0,
    maxLength: 0,
    cut: 'middle',
    embeddingDropout: 1,
    recurrentDropout: -1,
    bidirectional: 'both',
    temperature: 0,
    cell: 'cnn',
    vectors: 5,
    pretrained: 5,
  })) {
    const message = RegExp(name)
    t.throws(() => make({ [name]: value }), { code: 'ERR_ARGUMENT', message })
  }
  t.throws(() => make({ labels: ['a', 'a'] }), { message: /labels/ })
  t.throws(() => make({ tokenizer: 'a b' }), { message: /tokenizer/ })
  t.throws(() => make({ poling: ['max'] }), { message: /did you mean pooling/ })
  await using model = make({})
  for (const [name, value] of Object.entries({
    batch: 0,
    batchTokens: 0,
    labelSmoothing: 1,
    validation: 1,
    resume: true,
  }))
    await t.throwsAsync(model.fit(examples, { [name]: value }), { code: 'ERR_ARGUMENT' }, name)
  await t.throwsAsync(model.fit(examples, { batch: 4, batchTokens: 40 }), { message: /batch/ })
  const refused = (of: unknown) =>
    t.throwsAsync(model.fit(of as typeof examples), { code: 'ERR_ARGUMENT', message: /example/ })
  await refused(5)
  await refused([...examples, { text: 'a' }])
  await refused([{ text: ['a', 'b'], label: 'bad' }])
  await refused([{ text: 'a', label: 'sad' }])
  await refused([{ text: 'a', label: ['bad', 'good'] }])
  await t.throwsAsync(model.fit([]), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.evaluate([]), { code: 'ERR_EMPTY' })
  await t.throwsAsync(model.predict('a' as unknown as string[]), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(model.predict(['a'], { top: 0 }), { code: 'ERR_ARGUMENT', message: /top/ })
})

test('batches of so many tokens, and streams of examples', async (t) => {
  await using model = await makeClassifier()
  async function* stream() {
    for (const example of examples) yield await Promise.resolve(example)
  }
  const run = model.fit(stream(), { batchTokens: 50, epochs: 1, optimizer: optim.sgd({ lr: 0.1 }) })
  const { tokens, step } = await run
  const total = examples.reduce((sum, { text }) => sum + (text as string).split(' ').length, 0)
  t.is(tokens, total)
  t.is(step, Math.ceil(total / 50))
})

test('labels such as __proto__ are ordinary', async (t) => {
  const odd = [
    { text: 'constructor', label: '__proto__' },
    { text: '__proto__', label: 'constructor' },
  ]
  await using model = await makeClassifier({}, odd)
  await model.fit(odd, {
    epochs: 60,
    optimizer: optim.adam({ lr: 0.02 }),
    classWeights: 'balanced',
  })
  const made = await model.predict(['constructor', '__proto__'])
  t.deepEqual(
    made.map(({ label }) => label),
    ['__proto__', 'constructor'],
  )
  t.is((await model.evaluate(odd)).accuracy, 1)
})
