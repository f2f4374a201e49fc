import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { convert, LanguageModel, nn, Seq2Seq, tensor, TextClassifier, Tokenizer } from 'rnnative'
import type { Tensor } from 'rnnative'
import { alike, expectedOf, folder, golden } from './support.mjs'

const nodes = [
  ...['lstm', 'lstm_bare', 'lstm_both', 'lstm_reverse', 'lstm_coupled', 'lstm_functions'],
  ...['lstm_layout', 'gru_before', 'gru_after', 'gru_layout', 'gru_reverse', 'rnn', 'rnn_reverse'],
]
for (const name of nodes)
  test(`a node gives what it gives in onnxruntime: ${name}`, async (t) => {
    using network = await convert.readOnnx(golden(`${name}.onnx`))
    const { inputs, outputs } = await expectedOf(`${name}.onnx`)
    const given: Record<string, Tensor | Int32Array> = { ...inputs }
    const lengths = inputs['sequence_lens']
    if (lengths) given['sequence_lens'] = (await lengths.data()) as Int32Array
    const made = network.forward(given)
    t.deepEqual(Object.keys(made).sort(), Object.keys(outputs).sort())
    for (const [key, wanted] of Object.entries(outputs)) {
      t.deepEqual(made[key]?.shape, wanted.shape, key)
      await alike(t, made[key] as Tensor, wanted, `${name} ${key}`)
    }
    // And written again, read again.
    const [layer] = network.layers.values()
    t.true(layer instanceof nn.Recurrent)
  })

for (const name of ['language', 'classifier', 'language_dynamo', 'classifier_dynamo'])
  test(`a model that PyTorch exported: ${name}`, async (t) => {
    using network = await convert.readOnnx(golden(`torch_${name}.onnx`))
    const { inputs, outputs } = await expectedOf(`torch_${name}.onnx`)
    await alike(t, network.forward(inputs)['y'] as Tensor, outputs['y'] as Tensor)
    t.is(network.layers.size, 2)
    const path = folder(t)
    await convert.convert(golden(`torch_${name}.onnx`), path('weights.safetensors'))
  })

const refused: [string, RegExp][] = [
  ['leaky', /activations: "LeakyRelu" is none of ours/],
  ['mixed', /the two directions have different ones/],
]
for (const [name, message] of refused)
  test(`refused by name: ${name}`, async (t) => {
    await t.throwsAsync(convert.readOnnx(golden(`${name}.onnx`)), {
      code: 'ERR_UNSUPPORTED',
      message,
    })
  })

const sizes = { input: 3, hidden: 4, seed: 1 }
const layers: Record<string, () => nn.Recurrent> = {
  lstm: () => new nn.LSTM({ ...sizes, layers: 2, bidirectional: true }),
  peepholes: () => new nn.LSTM({ ...sizes, peephole: ['i', 'o'], gateClip: 0.3 }),
  coupled: () => new nn.LSTM({ ...sizes, coupled: true, peephole: true }),
  hard: () => new nn.LSTM({ ...sizes, activations: { gate: 'hard_sigmoid', output: 'relu' } }),
  identity: () => new nn.LSTM({ ...sizes, activations: { candidate: 'identity' } }),
  thresholds: () => new nn.LSTM({ ...sizes, thresholds: { f: 1 } }),
  noBias: () => new nn.GRU({ ...sizes, bias: false }),
  gru: () => new nn.GRU({ ...sizes, layers: 2, bidirectional: true }),
  before: () => new nn.GRU({ ...sizes, resetBefore: true, layers: 2, gateClip: 1 }),
  rnn: () => new nn.RNN({ ...sizes, layers: 2, nonlinearity: 'relu' }),
}
for (const [name, make] of Object.entries(layers))
  test(`a layer that was written gives the same when it is read: ${name}`, async (t) => {
    const path = folder(t)('layer.onnx')
    using layer = make()
    await convert.writeOnnx(path, layer)
    using network = await convert.readOnnx(path)
    const draw = (...shape: number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) =>
          Math.sin(i + shape.length),
        ),
        shape,
      )
    const count = layer.layers * layer.directions
    const lengths = tensor(Int32Array.of(5, 2), [2])
    const x = draw(5, 2, 3)
    const state: { h: Tensor; c?: Tensor } = { h: draw(count, 2, 4) }
    if (network.inputs.includes('c')) state.c = draw(count, 2, 4)
    const own = layer.forward(x, { lengths, state })
    const made = network.forward({ x, lengths, ...state })
    await alike(t, made['output'] as Tensor, own.output, 'output')
    await alike(t, made['next_h'] as Tensor, own.state.h, 'h')
    if (own.state.c) await alike(t, made['next_c'] as Tensor, own.state.c, 'c')
  })

const beyond: [string, () => nn.Recurrent, RegExp][] = [
  ['projection', () => new nn.LSTM({ ...sizes, projection: 2 }), /projection/],
  ['layer norm', () => new nn.GRU({ ...sizes, layerNorm: true }), /layer norm/],
  ['a bound of c', () => new nn.LSTM({ ...sizes, cellClip: 1 }), /cellClip/],
  ['zoneout', () => new nn.RNN({ ...sizes, zoneout: 0.1 }), /zoneout/],
]
for (const [name, make, message] of beyond)
  test(`what ONNX has not is refused by name: ${name}`, async (t) => {
    using layer = make()
    const path = folder(t)('layer.onnx')
    await t.throwsAsync(convert.writeOnnx(path, layer), { code: 'ERR_UNSUPPORTED', message })
  })

const tokenizer = Tokenizer.spaces(['a', 'b', 'c', 'd'], { minCount: 1 })
const small = { tokenizer, hidden: 6, embedding: 5, seed: 2 }

test('a language model, and its vocabulary of logits, come back', async (t) => {
  const path = folder(t)
  await using lm = new LanguageModel({ ...small, layers: 2 })
  await lm.save(path('lm'))
  t.deepEqual(await convert.convert(path('lm'), path('lm.onnx')), [path('lm.onnx')])
  using network = await convert.readOnnx(path('lm.onnx'))
  t.deepEqual(network.inputs, ['ids', 'h', 'c'])
  t.deepEqual(network.outputs, ['logits', 'next_h', 'next_c'])
  const ids = tensor(Int32Array.of(1, 0, 3, 2, 2, 4), [3, 2])
  const [h, c] = [1, 2].map((scale) =>
    tensor(
      Float32Array.from({ length: 24 }, (_, i) => Math.cos(i * scale)),
      [2, 2, 6],
    ),
  ) as [Tensor, Tensor]
  lm.network.eval()
  const own = lm.network.forward(ids, { h, c })
  const made = network.forward({ ids, h, c })
  await alike(t, made['logits'] as Tensor, lm.network.output.forward(own.output), 'logits')
  await alike(t, made['next_c'] as Tensor, own.state.c as Tensor, 'c')
})

test('a classifier comes back', async (t) => {
  const path = folder(t)('classifier.onnx')
  const pooling = ['mean', 'max', 'attention', 'last'] as const
  await using classifier = new TextClassifier({ ...small, labels: ['x', 'y'], pooling })
  await convert.writeOnnx(path, classifier)
  using network = await convert.readOnnx(path)
  const ids = tensor(Int32Array.of(1, 0, 3, 2, 2, 4), [3, 2])
  const lengths = tensor(Int32Array.of(3, 1), [2])
  classifier.network.eval()
  const { logits } = classifier.network.forward({ ids, lengths })
  await alike(t, network.forward({ ids, lengths })['logits'] as Tensor, logits)
})

test('a Seq2Seq is two files; what is none is refused by name', async (t) => {
  const path = folder(t)
  await using mt = new Seq2Seq({ source: tokenizer, target: tokenizer, hidden: 6, embedding: 5 })
  const files = await convert.writeOnnx(path('mt.onnx'), mt)
  t.deepEqual(files, [path('mt.encoder.onnx'), path('mt.decoder.onnx')])
  await using classifier = new TextClassifier({ ...small, labels: ['x', 'y'] })
  await classifier.save(path('classifier'))
  await convert.convert(path('classifier'), path('classifier.onnx'))
  t.true(readFileSync(path('classifier.onnx')).length > 1000)
  await t.throwsAsync(convert.writeOnnx(path('a.onnx'), {} as nn.Recurrent), { message: /Object/ })
  await t.throwsAsync(convert.convert(golden('language.pt'), path('a.onnx')), {
    ...{ code: 'ERR_UNSUPPORTED', message: /weights alone/ },
  })
  const bf16 = { precision: 'bf16' } as const
  await t.throwsAsync(convert.convert(path('classifier'), path('b.onnx'), bf16), {
    ...{ code: 'ERR_UNSUPPORTED', message: /bf16/ },
  })
  writeFileSync(path('c.onnx'), 'hello')
  await t.throwsAsync(convert.readOnnx(path('c.onnx')), { code: 'ERR_FORMAT' })
})
