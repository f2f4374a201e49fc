/** What the functions of an own task may not give: async ones, and whatever is no loss, measure, state or figure. */
import test from 'ava'
import { data, nn, ops, optim, tensor, Trainer, zeros, type Tensor } from 'rnnative'

const make = () => new nn.Linear(2, 2)

const lossOf =
  (module: nn.Linear) =>
  ({ a }: { a: Tensor }) => ({
    sum: ops.sum(module.forward(ops.reshape(ops.toReal(a), [2, 2]))),
    count: 4,
  })

type Given = Record<string, unknown>

async function fit(
  own: (module: nn.Linear) => Given,
  module: nn.Module = make(),
): Promise<unknown> {
  const feed = data.batches([{ a: [1, 2] }, { a: [3, 4] }], { rows: 2 })
  const task = { module, feed, loss: lossOf(module as nn.Linear), ...own(module as nn.Linear) }
  return await new Trainer(task as never).fit({ maxSteps: 1 })
}

const state = () => ({ h: zeros([1, 2, 3]) })
const measured = { measures: () => ({ a: { sum: 1, count: 1 } }) }
const later = <T,>(value: T) => Promise.resolve(value)

const wrong: [message: RegExp, own: (module: nn.Linear) => Given][] = [
  [
    /loss: expected a synchronous function .* promise$/,
    (m) => ({ loss: (b: never) => later(lossOf(m)(b)) }),
  ],
  [/loss: expected .* got a tensor$/, (m) => ({ loss: (b: never) => lossOf(m)(b).sum })],
  [/loss: expected .* got 3$/, () => ({ loss: () => 3 })],
  [/loss: expected .* got undefined$/, () => ({ loss: () => undefined })],
  [/loss: sum: .* got a promise$/, () => ({ loss: () => ({ sum: later(1), count: 1 }) })],
  [
    /loss: sum: .* of reals/,
    () => ({ loss: () => ({ sum: tensor([1], [], { dtype: 'i32' }), count: 1 }) }),
  ],
  [
    /loss: count: .* got a promise$/,
    (m) => ({ loss: (b: never) => ({ ...lossOf(m)(b), count: later(1) }) }),
  ],
  [/measures: expected a synchronous function/, () => ({ measures: () => later({}) })],
  [/measures: expected a function .* got 7$/, () => ({ measures: () => 7 })],
  [/measures: a\.sum: .* got undefined$/, () => ({ measures: () => ({ a: 1 }) })],
  [/measures: a\.count: .* got "x"$/, () => ({ measures: () => ({ a: { sum: 1, count: 'x' } }) })],
  [/summary: expected a synchronous function/, () => ({ ...measured, summary: () => later({}) })],
  [/summary: a: expected a number, got "x"$/, () => ({ ...measured, summary: () => ({ a: 'x' }) })],
  [/carried: expected a synchronous function/, () => ({ carried: () => later(state()) })],
  [/carried: expected a function .* got 7$/, () => ({ carried: () => 7 })],
  [
    /carried\.h: expected a tensor \[layers, 2, .* got \[1,1,1\]$/,
    () => ({ carried: () => ({ h: zeros([1, 1, 1]) }) }),
  ],
  [
    /loss: carry\.h: expected .* got 7$/,
    (m) => ({ carried: state, loss: (b: never) => ({ ...lossOf(m)(b), carry: { h: 7 } }) }),
  ],
  [/validate: expected a function .* got 7$/, () => ({ validate: () => 7 })],
  [
    /validate: loss\.sum: expected a number, got undefined$/,
    () => ({ validate: () => ({ x: { sum: 1, count: 1 } }) }),
  ],
  [/measures: expected a function, got 7$/, () => ({ measures: 7 })],
  [/carried: expected a function, got null$/, () => ({ carried: null })],
  [/graphs: expected true or false, got 1$/, () => ({ graphs: 1 })],
  [/files: expected an object of JSON by name, got 7$/, () => ({ files: 7 })],
]

for (const [message, own] of wrong)
  test(`refused: ${message.source}`, async (t) => {
    await t.throwsAsync(fit(own), { code: 'ERR_ARGUMENT', message })
  })

test('what is there to learn must be found, and not be frozen', async (t) => {
  class Hidden extends nn.Module {
    readonly #layer = make()
    forward = (x: Tensor): Tensor => this.#layer.forward(x)
  }
  const hidden = { code: 'ERR_EMPTY', message: /^\[optimizer\] target: .* not in #private fields$/ }
  await t.throwsAsync(
    fit(() => ({}), new Hidden()),
    hidden,
  )
  t.throws(() => optim.adam().bind(new Hidden()), hidden)
  const frozen = make()
  for (const parameter of frozen.parameters()) parameter.requiresGrad = false
  await t.throwsAsync(
    fit(() => ({}), frozen),
    { code: 'ERR_GRAPH', message: /^\[fit\] module: .* got 2 that are frozen/ },
  )
  await t.throwsAsync(
    fit((m) => ({ loss: (b: never) => ({ sum: lossOf(m)(b).sum.detach(), count: 1 }) })),
    { code: 'ERR_GRAPH', message: /^\[fit\] loss: sum: depends on no parameter that learns/ },
  )
})
