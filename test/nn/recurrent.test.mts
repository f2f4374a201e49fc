import test from 'ava'
import { nn, ops, optim, randn, tensor, type Tensor } from 'rnnative'

const values = async (x: Tensor | null) => Array.from((await x?.data()) ?? [])

for (const Layer of [nn.LSTM, nn.GRU, nn.RNN])
  test(`${Layer.name}: rows of a projected table are as good as projected inputs`, async (t) => {
    using layer = new Layer({ input: 3, hidden: 5, layers: 2, bidirectional: true, seed: 1 })
    using embeddings = randn([4, 3], { seed: 2, requiresGrad: true })
    using ids = tensor(new Int32Array([0, 3, 1, 1, 2, 0]), [3, 2])
    const lengths = [3, 2]
    const run = async (projected: boolean) => {
      const source = projected ? layer.project(embeddings) : embeddings
      const { output, state } = layer.forward(ops.embedding(ids, source), { lengths, projected })
      using loss = ops.sum(ops.square(output))
      loss.backward()
      const gradients = [embeddings, ...layer.parameters()].map(({ grad }) => values(grad))
      const found = [await values(output), await values(state.h), ...(await Promise.all(gradients))]
      embeddings.zeroGrad()
      layer.zeroGrad()
      return found
    }
    const [plain, looked] = [await run(false), await run(true)]
    t.is(plain.length, looked.length)
    plain.forEach((all, i) => {
      t.true(all.length > 0)
      const worst = Math.max(...all.map((x, j) => Math.abs(x - (looked[i]?.[j] as number))))
      t.true(worst < 1e-5, `${i}: ${worst}`)
    })
  })

test('inputs of another width than the gates are refused where they should be projected', (t) => {
  using layer = new nn.LSTM({ input: 3, hidden: 5, seed: 1 })
  using x = randn([2, 1, 3], { seed: 2 })
  t.throws(() => layer.forward(x, { projected: true }), {
    message: '[lstm] x: expected [time, batch, 20] without weight_ih_l0, got [2, 1, 3]',
  })
})

for (const [Layer, drop] of [nn.LSTM, nn.GRU, nn.RNN].flatMap((Layer) => [
  [Layer, 'recurrentDropout'] as const,
  [Layer, 'weightDrop'] as const,
]))
  test(`${Layer.name}: ${drop} acts while training only, and draws anew for each call`, async (t) => {
    const sizes = { input: 3, hidden: 8, layers: 2, bidirectional: true, seed: 1 }
    using plain = new Layer(sizes)
    using layer = new Layer({ ...sizes, [drop]: 0.5 })
    using x = randn([4, 2, 3], { seed: 2 })
    const run = async (of: typeof layer) => values(of.forward(x).output)
    const first = await run(layer)
    t.notDeepEqual(first, await run(layer))
    t.notDeepEqual(first, await run(plain))
    layer.eval()
    t.deepEqual(await run(layer), await run(plain))
    for (const p of [-0.1, 1, NaN])
      t.throws(() => new Layer({ ...sizes, [drop]: p }), {
        code: 'ERR_ARGUMENT',
        message: new RegExp(`${drop}: expected a number in \\[0, 1\\), got ${p}$`),
      })
  })

test('phases that do not exist, amounts that they cannot have, and no stream to draw from', (t) => {
  using layer = new nn.LSTM({ input: 3, hidden: 5, seed: 1 })
  using x = randn([2, 1, 3], { seed: 2 })
  for (const [phases, expected] of [
    [
      { zoning: 1 },
      'phases.zoning: expected one of the phases state_dropout, zoneout_hidden, zoneout_cell, got 1',
    ],
    [{ zoneout_cell: 1 }, 'phases.zoneout_cell: expected a number in [0, 1), got 1'],
    [{ state_dropout: 1 }, 'phases.state_dropout: expected a number in [0, 1), got 1'],
    [{ state_dropout: 0.5 }, 'random: expected a stream for dropout'],
  ] as const)
    t.throws(
      () =>
        ops.recurrent(x, layer.cells(), {
          cell: 'lstm',
          phases: phases as { state_dropout: number },
        }),
      {
        code: 'ERR_ARGUMENT',
        message: `[lstm] ${expected}`,
      },
    )
})

test('a stack that has run is checked again where its input or its parameters are others', (t) => {
  using x = randn([2, 1, 3], { seed: 2 })
  using wide = randn([2, 1, 4], { seed: 2 })
  const layer = new nn.LSTM({ input: 3, hidden: 5, layers: 2, seed: 1 })
  layer.forward(x)
  t.throws(() => layer.forward(wide), { code: 'ERR_SHAPE', message: /weight_ih_l0/ })
  optim.adam().bind(layer).dispose() // puts the parameters somewhere else
  layer.forward(x)
  layer.dispose()
  t.throws(() => layer.forward(x), { code: 'ERR_DISPOSED' })
})
