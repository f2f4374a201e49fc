import test from 'ava'
import { data, LanguageModel, nn, ops, report, Seq2Seq, tensor, Tokenizer, Trainer } from 'rnnative'
import type { Tensor } from 'rnnative'

const numbers = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed))
const sequence = () => tensor(numbers(7 * 3 * 4, 1), [7, 3, 4])
const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values))
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), 1e-3)

const weighed = (part: Tensor, seed: number) =>
  ops.sum(ops.mul(part, tensor(numbers(part.size, seed), [...part.shape])))

const CELLS = {
  rnn: (options: nn.RecurrentOptions) => new nn.RNN(options),
  lstm: (options: nn.RecurrentOptions) => new nn.LSTM(options),
  gru: (options: nn.RecurrentOptions) => new nn.GRU(options),
}

for (const [name, make] of Object.entries(CELLS)) {
  test(`${name}: what reaches a state is the gradient of a run that begins with it`, async (t) => {
    using stack = make({ input: 4, hidden: 5, seed: 3 })
    using x = sequence()
    const last = (state: { h: Tensor }) => weighed(state.h, 2)
    const [flow] = await report.gradientFlow(stack, () => last(stack.forward(x).state))
    t.is(flow?.name, 'l0')
    t.is(flow?.c !== undefined, name === 'lstm')
    t.is(flow?.bound !== undefined, name === 'rnn')
    for (const step of [0, 3, 5]) {
      const { h, c } = stack.forward(ops.slice(x, 0, 0, step + 1)).state
      const state = { h: h.detach(), ...(c && { c: c.detach() }) }
      for (const part of Object.values(state)) part.requiresGrad = true
      last(stack.forward(ops.slice(x, 0, step + 1, 6 - step), { state }).state).backward()
      const expected = norm((await state.h.grad?.data()) as Float32Array)
      t.true(near(flow?.h[step] as number, expected), `${flow?.h[step]} and ${expected}`)
      if (state.c)
        t.true(near(flow?.c?.[step] as number, norm((await state.c.grad?.data()) as Float32Array)))
    }
    t.true(near(flow?.h[6] as number, norm(numbers(15, 2))))
  })

  test(`${name}: layers, directions and lengths, computed as they are fused`, async (t) => {
    using stack = make({
      input: 4,
      hidden: 5,
      layers: 2,
      bidirectional: true,
      dropout: 0.5,
      seed: 3,
    })
    using x = sequence()
    const lengths = [7, 0, 4]
    const loss = () => {
      const { output, state } = stack.forward(x, { lengths })
      return ops.add(weighed(output, 3), weighed(state.h, 4))
    }
    const values: number[] = []
    const flows = await report.gradientFlow(stack, () => {
      const made = loss()
      void made.item().then((value) => values.push(value))
      return made
    })
    t.true(stack.training)
    stack.eval()
    t.true(near(values[0] as number, await loss().item()))
    t.deepEqual(
      flows.map((flow) => flow.name),
      ['l0', 'l0_reverse', 'l1', 'l1_reverse'],
    )
    for (const { h, bound = h } of flows)
      for (let step = 0; step < 7; ++step) {
        t.true((h[step] as number) > 0)
        t.true((h[step] as number) <= (bound[step] as number) * 1.00001)
      }
    for (const parameter of stack.parameters()) {
      t.true(parameter.requiresGrad)
      t.is(parameter.grad, null)
    }
  })
}

test('an RNN of equal singular values has the bound on what reaches its states', async (t) => {
  using stack = new nn.RNN({ input: 4, hidden: 5, nonlinearity: 'relu', seed: 1 })
  const weights = stack.parameters()
  for (const weight of weights) weight.fill(0)
  const [, recurrent] = weights
  recurrent?.assign(Float32Array.from({ length: 25 }, (_, i) => (i % 6 === 0 ? 0.9 : 0)))
  stack.parameter('bias_hh_l0')?.fill(1)
  using x = sequence()
  const [flow] = await report.gradientFlow(stack, () => weighed(stack.forward(x).state.h, 2))
  t.true(near(flow?.eta as number, 0.9))
  flow?.h.forEach((value, step) => {
    t.true(near(value, norm(numbers(15, 2)) * 0.9 ** (6 - step)))
    t.true(near(value, flow.bound?.[step] as number))
  })
})

test('models and a Trainer bring their own loss', async (t) => {
  const text = 'abcabdabe'.repeat(60)
  await using lm = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 8, seed: 1 })
  const [flow] = await report.gradientFlow(lm, text)
  t.is(flow?.name, 'rnn.l0')
  t.is(flow?.h.length, 200)

  const letters = Tokenizer.characters('abc')
  await using mt = new Seq2Seq({
    source: letters,
    target: letters,
    hidden: 8,
    embedding: 4,
    seed: 1,
  })
  const pairs: [string, string][] = [
    ['abc', 'cba'],
    ['ab', 'ba'],
  ]
  const names = (await report.gradientFlow(mt, pairs)).map(({ name }) => name)
  t.true(names.includes('encoder.rnn.l0'), names.join())

  class Sum extends nn.Module {
    readonly gru = new nn.GRU({ input: 1, hidden: 4 })
  }
  const module = new Sum().reset(1)
  const feed = data.batches([{ x: [1, 2, 3], y: 6 }], { rows: 1 })
  const trainer = new Trainer({
    module,
    feed,
    loss: ({ x }) => {
      const steps = ops.reshape(ops.toReal(x), [3, 1, 1])
      return { sum: ops.sum(module.gru.forward(steps).state.h), count: 1 }
    },
  })
  const [own] = await report.gradientFlow(trainer, feed)
  t.is(own?.name, 'gru.l0')
  t.is(own?.h.length, 3)
})

test('what has no stack, or no loss, is refused', async (t) => {
  using linear = new nn.Linear(2, 2)
  using stack = new nn.GRU({ input: 4, hidden: 5 })
  const x = sequence()
  const code = 'ERR_ARGUMENT'
  await t.throwsAsync(
    report.gradientFlow(linear, () => ops.sum(linear.forward(tensor([1, 2], [1, 2])))),
    { code, message: /\[gradientFlow\] model: expected a module that runs recurrent stacks/ },
  )
  await t.throwsAsync(
    report.gradientFlow(stack, () => stack.forward(x).output),
    { code, message: /loss: expected a scalar tensor/ },
  )
  await t.throwsAsync(report.gradientFlow(stack, 'text' as never), { code, message: /a function/ })
  await t.throwsAsync(report.gradientFlow({} as never, 'text'), {
    code,
    message: /a model, a Trainer/,
  })
})

test('a drawing has a panel for each layer', async (t) => {
  using stack = new nn.RNN({ input: 4, hidden: 5, layers: 2, seed: 3 })
  using x = sequence()
  const flows = await report.gradientFlow(stack, () => weighed(stack.forward(x).state.h, 2))
  const svg = await report.drawGradientFlow(flows)
  for (const label of ['l0', 'l1', 'dL/dh', 'bound']) t.true(svg.includes(`>${label}<`), label)
  const code = 'ERR_ARGUMENT'
  await t.throwsAsync(report.drawGradientFlow([{} as never]), { code, message: /a list of flows/ })
})
