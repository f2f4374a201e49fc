import test from 'ava'
import { memory, nn, ops, tensor } from 'rnnative'

const build = (seed = 3) =>
  new nn.Sequential(
    new nn.Embedding(11, 5, { seed }),
    new nn.LSTM({ input: 5, hidden: 4, bidirectional: true, seed }),
    (x, { lengths }) => ops.poolTime(x, 'max', lengths),
    ops.tanh,
    new nn.Linear(8, 3, { seed }),
  )

const ids = () => tensor(Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [4, 2])

test.serial('steps run one after another, and lengths reach those that take them', async (t) => {
  using model = build()
  using x = ids()
  const [embedding, lstm, , , linear] = model.steps as [
    nn.Embedding,
    nn.LSTM,
    unknown,
    unknown,
    nn.Linear,
  ]
  for (const lengths of [undefined, [4, 2]]) {
    using y = model.forward(x, { lengths })
    const states = lstm.forward(embedding.forward(x), { lengths }).output
    using expected = linear.forward(ops.tanh(ops.poolTime(states, 'max', lengths)))
    t.deepEqual(await y.data(), await expected.data())
  }
})

test.serial(
  'parameters have the names of their places, and state goes from one to another',
  async (t) => {
    using model = build()
    using other = build(4)
    t.deepEqual(
      [...model.stateDict().keys()].filter((name) => !name.startsWith('1.')),
      ['0.weight', '4.weight', '4.bias'],
    )
    t.true(model.stateDict().has('1.weight_hh_l0_reverse'))
    other.loadStateDict(model.stateDict())
    using x = ids()
    using a = model.forward(x)
    using b = other.forward(x)
    t.deepEqual(await a.data(), await b.data())
    t.is(model.eval().training, false)
    t.is((model.steps[1] as nn.LSTM).training, false)
  },
)

test.serial('gradients reach every parameter, and nothing is left over', async (t) => {
  using model = build()
  using x = ids()
  const step = (): void => {
    using y = model.forward(x, { lengths: [3, 4] })
    using loss = ops.sum(y)
    loss.backward()
  }
  step()
  for (const [name, parameter] of model.namedParameters()) t.truthy(parameter.grad, name)
  await model.parameters()[0]!.grad!.data()
  const before = memory().devices.cpu.tensors
  for (let i = 0; i < 3; ++i) step()
  await model.parameters()[0]!.grad!.data()
  t.true(memory().devices.cpu.tensors <= before)
})

test.serial('a step may give what it was given; without any there is nothing', async (t) => {
  using x = tensor([1, 2])
  const same = new nn.Sequential((y) => y)
  t.is(same.forward(x), x)
  t.throws(() => new nn.Sequential(), { code: 'ERR_EMPTY' })
  using twice = new nn.Sequential(
    (y) => ops.add(y, 1),
    (y) => y,
    (y) => ops.mul(y, 2),
  ).forward(x)
  t.deepEqual([...(await twice.data())], [4, 6])
})

test.serial('attention pools the steps that a row has', async (t) => {
  using pooling = new nn.AttentionPooling({ features: 3, size: 5, seed: 2 })
  using x = tensor(Array.from({ length: 24 }, (_, i) => Math.sin(i))).reshape(4, 2, 3)
  const { output, weights } = pooling.forward(x, { lengths: [4, 0] })
  t.deepEqual(output.shape, [2, 3])
  t.deepEqual(weights.shape, [2, 4])
  const shares = [...(await weights.data())]
  t.true(Math.abs(shares.slice(0, 4).reduce((sum, w) => sum + w, 0) - 1) < 1e-6)
  t.deepEqual(shares.slice(4), [0, 0, 0, 0])
  const values = [...(await output.data())]
  t.deepEqual(values.slice(3), [0, 0, 0])

  // By its formula.
  using hidden = ops.tanh(ops.linear(x, pooling.weight, pooling.bias))
  using scores = ops.sum(ops.mul(hidden, pooling.v), -1)
  const first = [...(await ops.softmax(scores, 0).data())].filter((_, i) => i % 2 === 0)
  for (const [i, share] of first.entries()) t.true(Math.abs(share - shares[i]!) < 1e-6)
  ops.sum(output).backward()
  for (const parameter of pooling.parameters()) t.truthy(parameter.grad)
})
