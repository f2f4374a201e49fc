import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LanguageModel, nn, ops, setThreads, tensor } from 'rnnative'
import {
  fitOptions,
  makeModel,
  makeText,
  temporaryDirectory,
  text,
  weightsOf,
} from './language/support.mjs'

for (const cell of ['lstm', 'gru', 'rnn'] as const)
  test.serial(`${cell}: learns as in f32, and not the same`, async (t) => {
    const score = async (precision: 'f32' | 'bf16') => {
      await using model = makeModel({ cell, precision, hidden: 17 })
      const { loss } = await model.fit(text, { ...fitOptions(), epochs: 4 })
      return { loss, nats: (await model.evaluate(makeText(200, 5))).nats }
    }
    const [single, half] = [await score('f32'), await score('bf16')]
    t.not(half.loss, single.loss)
    t.true(Math.abs(half.nats / single.nats - 1) < 0.02, `${half.nats}, f32: ${single.nats}`)
  })

test.serial(
  'resumed training equals uninterrupted training bit for bit, 1 and 2 threads',
  async (t) => {
    const options = { precision: 'bf16', dropout: 0.2, hidden: 13 } as const
    const ends = []
    for (const threads of [1, 2]) {
      setThreads(threads)
      await using straight = makeModel(options)
      await straight.fit(text, { ...fitOptions(), maxSteps: 20 })
      const checkpoint = temporaryDirectory()
      for (const maxSteps of [7, 20]) {
        await using model = makeModel(options)
        await model.fit(text, { ...fitOptions(), checkpoint, resume: true, maxSteps })
        if (maxSteps === 20) t.deepEqual(await weightsOf(model), await weightsOf(straight))
      }
      ends.push(await weightsOf(straight))
    }
    setThreads(0)
    t.deepEqual(ends[0], ends[1])
  },
)

test('the precision is saved, and may be changed when loading', async (t) => {
  await using model = makeModel({ precision: 'bf16' })
  t.is(model.options.precision, 'bf16')
  await model.fit(text, { ...fitOptions(), maxSteps: 20 })
  const [directory, nats] = [temporaryDirectory(), (await model.evaluate(text)).nats]
  await model.save(directory)
  await using same = await LanguageModel.load(directory)
  t.is(same.options.precision, 'bf16')
  t.is((await same.evaluate(text)).nats, nats)
  await using other = await LanguageModel.load(directory, { precision: 'f32' })
  t.is(other.options.precision, 'f32')
  const exact = (await other.evaluate(text)).nats
  t.true(exact !== nats && Math.abs(exact / nats - 1) < 0.02)

  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  const write = (precision: unknown) =>
    writeFileSync(path, JSON.stringify({ ...config, precision }))
  write(undefined) // as models were saved before there was a choice
  await using old = await LanguageModel.load(directory)
  t.is(old.options.precision, 'f32')
  write('fp8')
  await t.throwsAsync(LanguageModel.load(directory), { code: 'ERR_FORMAT', message: /precision/ })
})

test('it generates', async (t) => {
  await using model = makeModel({ precision: 'bf16', cell: 'gru' })
  let written = ''
  for await (const piece of model.generate('the whale', { length: 30, seed: 1 })) written += piece
  t.is(written.length, 30)
})

test('layers and ops round operands; the reference does not', async (t) => {
  const x = [1 + 2 ** -8 + 2 ** -20, 3]
  for (const [device, expected] of [
    ['cpu', 1 + 2 ** -7],
    ['reference', x[0] as number],
  ] as const) {
    using input = tensor([x], [1, 2], { device })
    using weight = tensor([1, 0], [1, 2], { device })
    using y = ops.linear(input, weight, null, { precision: 'bf16' })
    t.is((await y.data())[0], expected)
    using layer = new nn.Linear(2, 1, { precision: 'bf16', bias: false, device })
    layer.weight.assign(weight)
    using z = layer.forward(input)
    t.is((await z.data())[0], expected)
    for (const Layer of [nn.LSTM, nn.GRU, nn.RNN]) {
      using stack = new Layer({ input: 2, hidden: 3, precision: 'bf16', device, seed: 1 })
      using exact = new Layer({ input: 2, hidden: 3, device, seed: 1 })
      using sequence = tensor([...x, ...x], [2, 1, 2], { device })
      const [a, b] = [stack.forward(sequence), exact.forward(sequence)]
      const [rounded, full] = [await a.output.data(), await b.output.data()]
      if (device === 'cpu') t.notDeepEqual(rounded, full)
      else t.deepEqual(rounded, full)
      for (const made of [a, b]) made.output.dispose()
    }
  }
})

test('an unknown precision is refused', (t) => {
  const precision = 'fp16' as 'bf16'
  const refused = { code: 'ERR_ARGUMENT', message: /precision: expected one of f32, bf16, int8/ }
  t.throws(() => makeModel({ precision }), refused)
  t.throws(() => new nn.Linear(2, 2, { precision }), refused)
  t.throws(() => new nn.GRU({ input: 2, hidden: 2, precision }), refused)
  using x = tensor([[1, 2]])
  t.throws(() => ops.linear(x, x, null, { precision }), refused)
  using targets = tensor(Int32Array.of(0), [1])
  t.throws(() => ops.crossEntropy(x, targets, { weight: x, precision }), refused)
})
