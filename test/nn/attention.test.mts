import test from 'ava'
import { nn, randn, ops, noGrad } from 'rnnative'

const KINDS: nn.AttentionKind[] = ['additive', 'concat', 'dot', 'scaled-dot', 'general']

for (const kind of KINDS)
  test(`${kind}: parameters, and gradients for all of them`, async (t) => {
    const memorySize = kind.includes('dot') ? 4 : 5
    using layer = new nn.Attention({ kind, query: 4, memory: memorySize, size: 3, seed: 1 })
    using x = randn([2, 3, 4], { seed: 2, requiresGrad: true })
    using memory = randn([6, 3, memorySize], { seed: 3, requiresGrad: true })
    const { context, weights } = layer.forward(x, memory, { memoryLengths: [6, 0, 2] })
    t.deepEqual([...context.shape], [2, 3, memorySize])
    t.deepEqual([...weights.shape], [2, 3, 6])
    using loss = ops.sum(context)
    loss.backward()
    for (const [name, parameter] of [
      ...layer.namedParameters(),
      ['x', x],
      ['memory', memory],
    ] as const)
      t.true(
        (await parameter.grad!.data()).some((g) => g !== 0),
        name,
      )
    const rows = [...(await weights.data())]
    for (let i = 0; i < 6; ++i) {
      const sum = rows.slice(6 * i, 6 * i + 6).reduce((a, b) => a + b, 0)
      t.true(Math.abs(sum - (i % 3 === 1 ? 0 : 1)) < 1e-6)
    }
    context.dispose()
    weights.dispose()
  })

test('general scores are q W m', async (t) => {
  using layer = new nn.Attention({ kind: 'general', query: 2, memory: 3, seed: 1 })
  using x = randn([1, 1, 2], { seed: 2 })
  using memory = randn([2, 1, 3], { seed: 3 })
  const { context, weights } = noGrad(() => layer.forward(x, memory))
  const [q, m, w] = [await x.data(), await memory.data(), await layer.weight_key!.data()]
  const score = (j: number) =>
    [0, 1].reduce(
      (sum, a) => sum + q[a]! * [0, 1, 2].reduce((s, f) => s + w[a * 3 + f]! * m[j * 3 + f]!, 0),
      0,
    )
  const first = 1 / (1 + Math.exp(score(1) - score(0)))
  t.true(Math.abs((await weights.data())[0]! - first) < 1e-6)
  context.dispose()
  weights.dispose()
})

test('nonsense is refused by name', (t) => {
  t.throws(() => new nn.Attention({ kind: 'none' as 'dot', query: 2, memory: 2 }), {
    code: 'ERR_ARGUMENT',
    message: /\[attention\] kind: expected one of additive/,
  })
  t.throws(() => new nn.Attention({ kind: 'dot', query: 2, memory: 3 }), { code: 'ERR_SHAPE' })
  using x = randn([2, 3, 4])
  using keys = randn([5, 3, 3])
  using values = randn([5, 3, 6])
  t.throws(() => ops.attention(x, keys, values, { score: 'dot' }), {
    code: 'ERR_SHAPE',
    message: '[attention] keys: expected [5, 3, 4], got [5, 3, 3]',
  })
  using good = randn([5, 3, 4])
  t.throws(() => ops.attention(x, good, values, { score: 'additive' }), { code: 'ERR_ARGUMENT' })
})
