import test from 'ava'
import { nn, ops, randn, tensor, type Tensor } from 'rnnative'

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
