import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { convert, io, LanguageModel, nn, ops, Tokenizer, type Tensor } from 'rnnative'
import { alike, expectedOf, folder, golden } from './support.mjs'

const sizes = { input: 3, hidden: 4, layers: 2, bidirectional: true }
const cells: Record<string, () => nn.Recurrent> = {
  lstm: () => new nn.LSTM(sizes),
  lstm_proj: () => new nn.LSTM({ ...sizes, projection: 2 }),
  gru: () => new nn.GRU(sizes),
  rnn: () => new nn.RNN(sizes),
  rnn_relu: () => new nn.RNN({ ...sizes, nonlinearity: 'relu' }),
  no_bias: () => new nn.LSTM({ ...sizes, bias: false }),
}

for (const [name, make] of Object.entries(cells))
  test(`a stack of PyTorch gives what it gives there, and comes back as it was: ${name}`, async (t) => {
    const path = folder(t)
    const all = await convert.readTorch(golden('cells.pt'))
    const own = [...all].filter(([key]) => key.startsWith(`${name}.`))
    const state = convert.rename(new Map(own), { [name]: '' })
    using layer = make()
    layer.loadStateDict(state)
    const { inputs, outputs } = await expectedOf('cells.pt')
    await alike(t, layer.forward(inputs['x'] as Tensor).output, outputs[name] as Tensor, name)
    await convert.writeTorch(path('own.pt'), state)
    t.deepEqual(await convert.readTorch(path('own.pt')), state)
    await convert.convert(path('own.pt'), path('own.safetensors'))
    await convert.convert(path('own.safetensors'), path('again.pt'))
    t.deepEqual(
      new Map([...(await convert.readTorch(path('again.pt')))].sort()),
      new Map([...state].sort()),
    )
  })

test('a language model of PyTorch', async (t) => {
  const tokenizer = Tokenizer.spaces(
    Array.from({ length: 10 }, (_, i) => `w${i}`),
    { minCount: 1 },
  )
  t.is(tokenizer.size, 11)
  await using lm = new LanguageModel({ tokenizer, embedding: 4, hidden: 5, layers: 2 })
  const names = { encoder: 'embedding', lstm: 'rnn', decoder: 'output' }
  const state = await convert.readTorch(golden('language.pt'))
  lm.network.loadStateDict(convert.rename(state, names))
  lm.network.eval()
  const { inputs, outputs } = await expectedOf('language.pt')
  const { output } = lm.network.forward(inputs['x'] as Tensor, null)
  await alike(t, lm.network.output.forward(output), outputs['y'] as Tensor)
  // And back, from its directory.
  const path = folder(t)
  await lm.save(path('lm'))
  t.deepEqual(await convert.convert(path('lm'), path('lm.pth')), [path('lm.pth')])
  const back = { embedding: 'encoder', rnn: 'lstm', output: 'decoder' }
  t.deepEqual(convert.rename(await convert.readTorch(path('lm.pth')), back), state)
})

test('a classifier of PyTorch', async (t) => {
  const embedding = new nn.Embedding(11, 4)
  const rnn = new nn.GRU({ input: 4, hidden: 3, layers: 2, bidirectional: true })
  const pooled = (x: Tensor) => ops.concat([ops.poolTime(x, 'mean'), ops.poolTime(x, 'max')], -1)
  using classifier = new nn.Sequential(embedding, rnn, pooled, new nn.Linear(12, 3))
  const names = { embedding: '0', rnn: '1', output: '3' }
  const state = await convert.readTorch(golden('classifier.pt'))
  classifier.loadStateDict(convert.rename(state, names))
  const { inputs, outputs } = await expectedOf('classifier.pt')
  await alike(t, classifier.forward(inputs['x'] as Tensor), outputs['y'] as Tensor)
})

test('views, types, lists and parameters', async (t) => {
  const tensors = await convert.readTorch(golden('odd.pt'))
  const { tensors: plain } = await io.readSafetensors(golden('odd.pt.safetensors'))
  for (const [name, value] of plain) t.deepEqual(tensors.get(name.slice(4)), value, name)
  t.deepEqual(tensors.get('double')?.data, Float64Array.of(0, 1, 2, 3, 4, 5))
  t.deepEqual(tensors.get('long'), { shape: [1, 2], data: Int32Array.of(7, -8) })
  t.deepEqual(tensors.get('int'), { shape: [], data: Int32Array.of(-9) })
  t.deepEqual(tensors.get('tied.0'), tensors.get('tied.1'))
  t.deepEqual(tensors.get('parameter'), { shape: [3], data: Float32Array.of(0, 1, 2) })
  t.deepEqual(tensors.get('empty'), { shape: [0, 3], data: new Float32Array() })
})

test('tied weights share a storage; bf16 takes half of it', async (t) => {
  const path = folder(t)
  const data = Float32Array.from({ length: 4096 }, (_, i) => i / 7)
  const tensors = new Map(['a', 'b'].map((name) => [name, { shape: [64, 64], data }]))
  await convert.writeTorch(path('tied.pt'), tensors)
  t.true(readFileSync(path('tied.pt')).length < 4096 * 4 + 2048)
  for (const name of ['half.pt', 'half.safetensors']) {
    await convert.convert(path('tied.pt'), path(name), { precision: 'bf16' })
    const times = name.endsWith('.pt') ? 4 : 4
    t.true(readFileSync(path(name)).length < (4096 * times * 2) / (name.endsWith('.pt') ? 1 : 0.5))
    const read = name.endsWith('.pt')
      ? await convert.readTorch(path(name))
      : (await io.readSafetensors(path(name))).tensors
    const values = read.get('a')?.data as Float32Array
    t.true(values.every((x, i) => Math.abs(x - (data[i] as number)) <= (data[i] as number) / 256))
  }
})

const refused: [string, RegExp][] = [
  ['module.pt', /holds a torch\.nn\.modules\.linear\.Linear/],
  ['number.pt', /epoch: expected a tensor, got 3/],
  ['bool.pt', /torch\.BoolStorage/],
  ['legacy.pt', /legacy format/],
  ['script.pt', /TorchScript/],
]
for (const [name, message] of refused)
  test(`refused by name: ${name}`, async (t) => {
    await t.throwsAsync(convert.readTorch(golden(name)), { code: 'ERR_FORMAT', message })
  })

test('what is none, and names that are wrong, are told', async (t) => {
  const path = folder(t)
  writeFileSync(path('a.pt'), 'hello')
  await t.throwsAsync(convert.readTorch(path('a.pt')), {
    code: 'ERR_FORMAT',
    message: /zip archive/,
  })
  await t.throwsAsync(convert.readTorch(path('none.pt')), { code: 'ERR_IO' })
  await t.throwsAsync(convert.convert(path('a.pt'), path('b.tar')), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(convert.convert(path('a.txt'), path('b.pt')), { code: 'ERR_IO' })
  const int8 = { precision: 'int8' as 'f32' }
  await t.throwsAsync(convert.convert(path('a.pt'), path('b.pt'), int8), { message: /int8/ })
  const state = await convert.readTorch(golden('language.pt'))
  t.throws(() => convert.rename(state, { rnn: 'lstm' }), { code: 'ERR_ARGUMENT' })
  t.throws(() => convert.rename(state, { encoder: 'decoder' }), { code: 'ERR_ARGUMENT' })
  const shape = { shape: [2], data: new Float32Array(3) }
  await t.throwsAsync(convert.writeTorch(path('c.pt'), new Map([['a', shape]])), {
    code: 'ERR_SHAPE',
  })
})
