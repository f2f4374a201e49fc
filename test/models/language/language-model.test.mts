import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { io, LanguageModel, nn, optim, Tokenizer, type LanguageModelOptions } from 'rnnative'
import { collectGarbage, liveStorages } from '../../tensor/live.mjs'
import { fitOptions, makeModel, makeText, temporaryDirectory, text, weightsOf } from './support.mjs'

async function collect(pieces: AsyncIterable<string>): Promise<string> {
  let result = ''
  for await (const piece of pieces) result += piece
  return result
}

for (const cell of ['lstm', 'gru', 'rnn'] as const)
  test(`${cell}: learns, and events tell how`, async (t) => {
    await using model = makeModel({ cell })
    const before = await model.evaluate(text)
    const steps: number[] = []
    let validated = 0
    for await (const event of model.fit(text, { ...fitOptions(), epochs: 4 })) {
      steps.push(event.step)
      t.true(event.loss > 0 && event.gradientNorm > 0 && event.learningRate > 0)
      t.true(event.tokensPerSecond > 0 && event.seconds > 0)
      if (event.validation) ++validated
    }
    const after = await model.evaluate(text)
    t.deepEqual(
      steps,
      Array.from({ length: steps.length }, (_, i) => i + 1),
    )
    t.is(validated, 4)
    t.true(after.nats < before.nats - 0.5, `${before.nats} -> ${after.nats}`)
  })

test('three lines on raw strings work', async (t) => {
  const short = makeText(20)
  await using model = new LanguageModel({
    tokenizer: Tokenizer.words(short, { minCount: 1 }),
    hidden: 8,
  })
  await model.fit(short, { steps: 5 })
  t.is(typeof (await collect(model.generate('the whale', { length: 5 }))), 'string')
})

test('evaluation scores all tokens but the first, the same in one stream and many', async (t) => {
  await using model = makeModel()
  await model.fit(text, { ...fitOptions(), maxSteps: 60 })
  const long = makeText(2000, 5)
  const score = await model.evaluate(long)
  t.is(score.tokens, long.length - 1)
  t.true(Math.abs(score.bitsPerCharacter - score.bitsPerToken) < 1e-12)
  t.true(Math.abs(score.perplexity - Math.exp(score.nats)) < 1e-9)
  // One stream per part, with everything before it as context.
  const tokens = model.tokenizer.encode(long)
  const total = (count: number) =>
    model.evaluate(tokens.subarray(0, count)).then((s) => s.nats * s.tokens)
  const alone = await total(1200) // short enough for one stream
  const parts = (await model.evaluate(tokens)).nats
  t.true(Math.abs(parts - score.nats) < 1e-12)
  t.true(alone > 0)
})

test('bits per character count characters, whatever the tokens', async (t) => {
  const mixed = 'größer 鲸鱼 '.repeat(20)
  await using model = new LanguageModel({
    tokenizer: Tokenizer.bytes(),
    layers: 1,
    hidden: 4,
    seed: 1,
  })
  const score = await model.evaluate(mixed)
  t.is(score.tokens, Buffer.byteLength(mixed) - 1)
  const bits = score.bitsPerToken * score.tokens
  t.true(Math.abs(score.bitsPerCharacter - bits / ([...mixed].length - 1)) < 1e-9)
})

test('generation follows its seed and options', async (t) => {
  await using model = makeModel()
  await model.fit(text, { ...fitOptions(), maxSteps: 30 })
  const write = (options: object) => collect(model.generate('the wh', { length: 40, ...options }))
  const first = await write({ seed: 7 })
  t.is(first.length, 40)
  t.false(first.includes('<unk>'))
  t.is(await write({ seed: 7 }), first)
  t.not(await write({ seed: 8 }), first)
  const greedy = await write({ temperature: 0 })
  t.is(await write({ topK: 1, seed: 1 }), greedy)
  t.is(await write({ topP: 1e-9, seed: 2 }), greedy)
  t.is((await collect(model.generate('', { length: 3, seed: 1 }))).length, 3)
  for (const options of [
    { temperature: -1 },
    { topK: 0 },
    { topP: 0 },
    { length: 1.5 },
    { seed: -1 },
  ])
    t.throws(() => model.generate('a', options), { code: 'ERR_ARGUMENT' })
})

test('generation goes on with weights that changed after it began', async (t) => {
  // Without memory each token is a step of `stride` from the one before: W makes it, the rest is as is.
  const letters = 'abcdefghijk'
  const size = letters.length + 1 // <unk> is 0
  const options = { tokenizer: Tokenizer.characters(letters), cell: 'rnn', layers: 1 } as const
  await using model = makeModel({ ...options, hidden: size, embedding: size })
  const matrix = (at: (id: number) => number) => {
    const values = new Float32Array(size * size)
    for (let id = 1; id < size; ++id) values[at(id) * size + id] = 1
    return values
  }
  for (const [, parameter] of model.network.namedParameters()) parameter.fill(0)
  const { embedding, output, rnn } = model.network
  for (const { weight } of [embedding, output as nn.Linear]) weight.assign(matrix((id) => id))
  const walk = (stride: number) =>
    rnn.parameter('weight_ih_l0')?.assign(matrix((id) => ((id - 1 + stride) % letters.length) + 1))
  walk(1)
  const strides: number[] = []
  let before = 0
  for await (const piece of model.generate('a', { length: 80, temperature: 0 })) {
    if (strides.length === 0) {
      // The parameters move to other storage, and change there.
      optim.sgd({ lr: 1 }).bind(model.network)
      walk(3)
    }
    const at = letters.indexOf(piece)
    strides.push((at - before + letters.length) % letters.length)
    before = at
  }
  const changed = strides.indexOf(3)
  t.true(changed > 0)
  t.deepEqual(
    strides,
    strides.map((_, i) => (i < changed ? 1 : 3)),
  )
})

test.serial('a generation that fails midway leaves nothing behind', async (t) => {
  await using model = makeModel()
  const output = model.network.output as nn.Linear
  const forward = output.forward.bind(output)
  let calls = 0
  output.forward = (x) => {
    if (++calls === 5) throw new Error('midway')
    return forward(x)
  }
  await collectGarbage()
  const before = await liveStorages()
  await t.throwsAsync(collect(model.generate('the', { length: 40 })), { message: 'midway' })
  t.is(await liveStorages(), before)
})

for (const tieWeights of [false, true])
  test(`save and load keep the model (tied: ${tieWeights})`, async (t) => {
    const directory = join(temporaryDirectory(), 'model')
    const drops = { dropout: 0.1, recurrentDropout: 0.2, weightDrop: 0.3 }
    const dropped = { ...drops, init: { uniform: 0.2 } } as const
    await using model = makeModel({ tieWeights, hidden: 8, embedding: 8, ...dropped })
    await model.save(directory)
    t.deepEqual(readdirSync(directory).sort(), [
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ])
    await model.fit(text, { ...fitOptions(), maxSteps: 3 })
    await model.save(directory) // replaces
    await using loaded = await LanguageModel.load(directory)
    t.deepEqual(await weightsOf(loaded), await weightsOf(model))
    t.deepEqual(loaded.options, model.options)
    t.is((await loaded.evaluate(text)).nats, (await model.evaluate(text)).nats)
    t.is('output.weight' in (await weightsOf(loaded)), !tieWeights)
  })

test('saving spares directories that hold something else', async (t) => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'thesis.txt'), 'precious')
  await using model = makeModel()
  await t.throwsAsync(model.save(directory), { code: 'ERR_ARGUMENT' })
  t.deepEqual(readdirSync(directory), ['thesis.txt'])
})

test('damaged model directories are refused with what is wrong', async (t) => {
  const directory = join(temporaryDirectory(), 'model')
  await using model = makeModel()
  await model.save(directory)
  const spoil = async (
    file: string,
    change: (content: Buffer) => Buffer | string,
    code: string,
  ) => {
    const path = join(directory, file)
    const content = readFileSync(path)
    writeFileSync(path, change(content))
    const error = await t.throwsAsync(LanguageModel.load(directory), { code })
    t.true(
      error?.message.includes(file) || error?.message.includes('loadStateDict'),
      error?.message,
    )
    writeFileSync(path, content)
  }
  await spoil('config.json', () => '{', 'ERR_FORMAT')
  await spoil('config.json', () => '{}', 'ERR_FORMAT')
  await spoil(
    'config.json',
    (c) => c.toString().replace('"hidden": 12', '"hidden": -12'),
    'ERR_FORMAT',
  )
  await spoil(
    'config.json',
    (c) => c.toString().replace('"hidden": 12', '"hidden": 13'),
    'ERR_FORMAT',
  )
  await spoil('tokenizer.json', () => '[]', 'ERR_FORMAT')
  await spoil('model.safetensors', (c) => c.subarray(0, c.length - 1), 'ERR_FORMAT')
  await t.throwsAsync(LanguageModel.load(join(directory, 'missing')), { code: 'ERR_IO' })
  await t.throwsAsync(LanguageModel.load(temporaryDirectory()), { code: 'ERR_IO' })
})

test("PyTorch's names and shapes: a stack's state dict loads from safetensors", async (t) => {
  const { tensors } = await io.readSafetensors('test/golden/recurrent.safetensors')
  t.true(tensors.size > 0)
  using lstm = new nn.LSTM({ input: 3, hidden: 4, layers: 2, bidirectional: true, seed: 1 })
  const path = join(temporaryDirectory(), 'lstm.safetensors')
  const values = await Promise.all(
    [...lstm.stateDict()].map(
      async ([name, p]) => [name, { shape: p.shape, data: await p.data() }] as const,
    ),
  )
  await io.writeSafetensors(path, new Map(values), { format: 'pt' })
  using other = new nn.LSTM({ input: 3, hidden: 4, layers: 2, bidirectional: true, seed: 2 })
  other.loadStateDict((await io.readSafetensors(path)).tensors)
  for (const [name, { data }] of values) t.deepEqual(await other.parameter(name)?.data(), data)
})

test('bad input has codes, and the model survives it', async (t) => {
  await using model = makeModel()
  const before = await weightsOf(model)
  const rejects = (run: PromiseLike<unknown>, code: string) => t.throwsAsync(run, { code })
  await rejects(model.fit(''), 'ERR_EMPTY')
  await rejects(model.fit('the whale', { batch: 4, steps: 10 }), 'ERR_EMPTY')
  await rejects(model.fit(text, { validation: '' }), 'ERR_EMPTY')
  await rejects(model.fit(5 as unknown as string), 'ERR_ARGUMENT')
  await rejects(model.fit(new Int32Array(3000).fill(999)), 'ERR_INDEX')
  await rejects(model.evaluate(''), 'ERR_EMPTY')
  await rejects(model.evaluate(Int32Array.of(1, 2, -5)), 'ERR_INDEX')
  for (const options of [
    { batch: 0 },
    { steps: 1.5 },
    { accumulate: 99, batch: 4 },
    { epochs: -1 },
    { patience: 0 },
    { resume: true },
  ])
    await rejects(model.fit(text, options), 'ERR_ARGUMENT')
  t.deepEqual(await weightsOf(model), before)
  t.is((await model.fit(text, { ...fitOptions(), maxSteps: 2 })).step, 2)
})

test('init says how all weights begin', async (t) => {
  const begun = async (init: LanguageModelOptions['init']) => {
    await using model = makeModel({ init })
    return weightsOf(model)
  }
  const uniform = Object.entries(await begun({ uniform: 0.05 }))
  for (const [name, values] of uniform) {
    const largest = Math.max(...values.map(Math.abs))
    t.true(largest > 0.02 && largest <= 0.05, `${name}: ${largest}`)
  }
  const orthogonal = await begun('orthogonal')
  t.deepEqual([...new Set(orthogonal['output.bias'])], [0])
  // The forget gate begins open.
  t.deepEqual(orthogonal['rnn.bias_ih_l0']?.slice(0, 25), [
    ...new Array<number>(12).fill(0),
    ...[...new Array<number>(12).fill(1), 0],
  ])
  await using plain = makeModel()
  t.deepEqual(await begun(undefined), await weightsOf(plain))
})

test('recurrentDropout is of training alone', async (t) => {
  const losses = async (recurrentDropout: number) => {
    await using model = makeModel({ recurrentDropout })
    const { nats } = await model.evaluate(text)
    const run = model.fit(text, { ...fitOptions(), maxSteps: 1 })
    return { nats, loss: (await run).loss }
  }
  const [plain, dropped] = [await losses(0), await losses(0.5)]
  t.is(dropped.nats, plain.nats)
  t.not(dropped.loss, plain.loss)
})

test('what a saved model could not say is refused', (t) => {
  const options = {
    seed: -1,
    tieWeights: 1,
    dropout: '0.1',
    recurrentDropout: 1,
    layers: 1.5,
    precision: 'f8',
  }
  for (const [name, value] of Object.entries(options))
    t.throws(() => makeModel({ [name]: value }), { code: 'ERR_ARGUMENT', message: RegExp(name) })
})

test('a line begins and ends where tokens are bytes, too', async (t) => {
  const lines = 'ab\nba\nab\n'.repeat(30)
  for (const tokenizer of [Tokenizer.bytes(), Tokenizer.bpe([lines], { vocabulary: 260 })]) {
    await using lm = new LanguageModel({ tokenizer, layers: 1, hidden: 8, seed: 1 })
    t.is(tokenizer.decode([tokenizer.lineEnd as number]), '\n')
    const [score] = await lm.score(['a'])
    const { nats, tokens } = await lm.evaluate(Int32Array.from([10, 97, 10]))
    t.is(tokens, 2)
    if (tokenizer.unit === 'byte') t.true(Math.abs((score as number) + 2 * nats) < 1e-5)
    t.true((score as number) < 0)
  }
})

test('what does not exist is refused', (t) => {
  t.throws(() => makeModel({ device: 'tpu' as 'cpu' }), { code: 'ERR_DEVICE' })
  t.throws(() => makeModel({ cell: 'xlstm' as 'lstm' }), { code: 'ERR_ARGUMENT' })
  t.throws(() => makeModel({ tieWeights: true }), { code: 'ERR_ARGUMENT' })
  t.throws(() => makeModel({ hidden: 0 }), { code: 'ERR_ARGUMENT' })
})

test('a second fit is refused while one runs; dispose stops the first', async (t) => {
  const model = makeModel()
  const first = model.fit(text, { ...fitOptions(), maxSteps: 1e6 })
  await t.throwsAsync(model.fit(text, fitOptions()), { code: 'ERR_BUSY' })
  await model.dispose()
  t.is((await first).stopped, 'aborted')
  await t.throwsAsync(model.fit(text), { code: 'ERR_DISPOSED' })
  await t.throwsAsync(model.evaluate(text), { code: 'ERR_DISPOSED' })
  t.throws(() => model.generate('a'), { code: 'ERR_DISPOSED' })
  await model.dispose()
})

test('evaluating, generating and saving go on while the model learns', async (t) => {
  await using model = makeModel({ dropout: 0.2 })
  const directory = join(temporaryDirectory(), 'model')
  const run = model.fit(text, { ...fitOptions(), maxSteps: 40 })
  const [score, written] = await Promise.all([
    model.evaluate(text),
    collect(model.generate('the', { length: 10, seed: 1 })),
    model.save(directory),
  ])
  t.true(score.nats > 0 && written.length === 10)
  t.is((await run).step, 40)
  // The same as without the company.
  await using quiet = makeModel({ dropout: 0.2 })
  await quiet.fit(text, { ...fitOptions(), maxSteps: 40 })
  t.deepEqual(await weightsOf(model), await weightsOf(quiet))
})

test('a loss that overflows throws with step, norm and learning rate; weights are unharmed', async (t) => {
  await using model = makeModel({ cell: 'rnn' })
  const before = await weightsOf(model)
  const { bias } = model.network.output as nn.Linear
  bias?.assign(new Float32Array(model.tokenizer.size).fill(NaN))
  const options = { ...fitOptions(), optimizer: optim.sgd({ lr: 0.5 }) }
  const error = await t.throwsAsync(model.fit(text, options), { code: 'ERR_NONFINITE' })
  t.deepEqual((error as unknown as { details: object }).details, {
    step: 1,
    loss: NaN,
    norm: NaN,
    learningRate: 0.5,
  })
  const after = await weightsOf(model)
  delete before['output.bias']
  delete after['output.bias']
  t.deepEqual(after, before)
})
