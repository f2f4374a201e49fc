import { existsSync } from 'node:fs'
import test from 'ava'
import {
  convert,
  LanguageModel,
  nn,
  tensor,
  TextClassifier,
  Tokenizer,
  type Tensor,
} from 'rnnative'
import { alike, expectedOf, folder, golden } from './support.mjs'

for (const name of ['text', 'steps', 'language'])
  test(`a model of Keras gives what it gives there, and comes back as it was: ${name}`, async (t) => {
    using network = await convert.loadKeras(golden(`${name}.keras`))
    const { inputs, outputs } = await expectedOf(`${name}.keras`)
    const lengths = name === 'text' ? Int32Array.of(5, 3) : null
    const x = inputs['x'] as Tensor
    await alike(t, network.forward(x, { lengths }), outputs['y'] as Tensor)
    const path = folder(t)
    await convert.writeKeras(path('own.keras'), network)
    const state = await convert.readKeras(golden(`${name}.keras`))
    t.deepEqual(await convert.readKeras(path('own.keras')), state)
    using again = await convert.loadKeras(path('own.keras'))
    await alike(t, again.forward(x, { lengths }), outputs['y'] as Tensor)
    await convert.writeKeras(path('own.weights.h5'), network)
    t.deepEqual(sorted(await convert.readKeras(path('own.weights.h5'))), sorted(state))
  })

const sorted = (state: ReadonlyMap<string, unknown>) =>
  new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))

test('weights alone, and a whole model in one .h5, are the same', async (t) => {
  const state = sorted(await convert.readKeras(golden('text.keras')))
  t.deepEqual(sorted(await convert.readKeras(golden('text.weights.h5'))), state)
  t.deepEqual(sorted(await convert.readKeras(golden('text.h5'))), state)
  t.deepEqual(
    [...state.keys()].filter((name) => name.startsWith('bidirectional_1.weight')),
    ['hh_l0', 'hh_l0_reverse', 'ih_l0', 'ih_l0_reverse'].map(
      (end) => `bidirectional_1.weight_${end}`,
    ),
  )
})

test('layers of Keras are layers of a stack, there and back', async (t) => {
  const path = folder(t)
  const tokenizer = Tokenizer.spaces(
    Array.from({ length: 10 }, (_, i) => `w${i}`),
    { minCount: 1 },
  )
  await using lm = new LanguageModel({ tokenizer, embedding: 4, hidden: 5, layers: 2 })
  const state = await convert.readKeras(golden('language.keras'))
  const names = { lstm: 'rnn', lstm_1: { name: 'rnn', layer: 1 }, dense: 'output' }
  lm.network.loadStateDict(convert.rename(state, names))
  lm.network.eval()
  const { inputs, outputs } = await expectedOf('language.keras')
  const ids = inputs['x'] as Tensor
  const { output } = lm.network.forward(ids, null)
  await alike(t, lm.network.output.forward(output), outputs['y'] as Tensor)
  await lm.save(path('lm'))
  await convert.convert(path('lm'), path('lm.keras'))
  t.deepEqual(sorted(await convert.readKeras(path('lm.keras'))), sorted(state))
  using again = await convert.loadKeras(path('lm.keras'))
  await alike(t, again.forward(ids), outputs['y'] as Tensor)
  // From PyTorch's names, too.
  await convert.convert(path('lm'), path('lm.pt'))
  await convert.convert(path('lm.pt'), path('lm.weights.h5'))
  t.deepEqual(sorted(await convert.readKeras(path('lm.weights.h5'))), sorted(state))
})

test('a classifier is a model of Keras where its pooling is one of these', async (t) => {
  const path = folder(t)
  const tokenizer = Tokenizer.spaces(['a', 'b', 'c'], { minCount: 1 })
  const options = { tokenizer, labels: ['x', 'y'], hidden: 4, embedding: 3 }
  const ids = tensor(Int32Array.of(1, 0, 3, 2, 2, 1), [3, 2])
  const lengths = tensor(Int32Array.of(3, 3), [2])
  for (const pooling of ['last', 'mean'] as const) {
    await using classifier = new TextClassifier({ ...options, pooling: [pooling], cell: 'gru' })
    classifier.network.eval()
    await convert.writeKeras(path(`${pooling}.keras`), classifier)
    using network = await convert.loadKeras(path(`${pooling}.keras`))
    await alike(t, network.forward(ids), classifier.network.forward({ ids, lengths }).logits)
  }
  await using classifier = new TextClassifier(options)
  await t.throwsAsync(convert.writeKeras(path('a.keras'), classifier), {
    ...{ code: 'ERR_UNSUPPORTED', message: /pooling: expected last or mean, got mean, max/ },
  })
  t.false(existsSync(path('a.keras')))
})

const beyond: [string, ConstructorParameters<typeof LanguageModel>[0], RegExp][] = [
  ['coupled gates', { coupled: true } as never, /coupled/],
  ['peepholes', { peephole: true } as never, /peephole/],
  ['projection', { projection: 2 } as never, /projection/],
  ['bounds', { gateClip: 1 } as never, /gateClip/],
  ['positions', { positions: 'learned' } as never, /positions/],
]
for (const [name, options, message] of beyond)
  test(`what Keras has not is refused by name: ${name}`, async (t) => {
    const tokenizer = Tokenizer.spaces(['a', 'b', 'c'], { minCount: 1 })
    await using lm = new LanguageModel({ ...options, tokenizer, hidden: 4 })
    const path = folder(t)('a.keras')
    await t.throwsAsync(convert.writeKeras(path, lm), { code: 'ERR_UNSUPPORTED', message })
  })

test('what of Keras is none of ours is refused by name', async (t) => {
  const path = folder(t)
  await t.throwsAsync(convert.readKeras(golden('conv.keras')), { message: /conv1d/ })
  await t.throwsAsync(convert.loadKeras(golden('averaged.keras')), {
    ...{ code: 'ERR_UNSUPPORTED', message: /merge_mode "ave"/ },
  })
  await t.throwsAsync(convert.loadKeras(golden('text.weights.h5')), { message: /weights alone/ })
  const state = await convert.readKeras(golden('language.keras'))
  await t.throwsAsync(convert.writeKeras(path('a.keras'), state), { message: /weights alone/ })
  using rnn = new nn.LSTM({ input: 2, hidden: 3, layerNorm: true })
  const entries = [...rnn.stateDict()].map(
    async ([name, x]) => [`rnn.${name}`, { shape: x.shape, data: await x.data() }] as const,
  )
  const tensors = new Map(await Promise.all(entries))
  await t.throwsAsync(convert.writeKeras(path('b.h5'), tensors), { message: /norm_/ })
})
