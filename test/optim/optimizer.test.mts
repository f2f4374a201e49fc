import test from 'ava'
import { nn, ops, optim, RnnativeError, scope, synchronize, tensor } from 'rnnative'
import type { Tensor } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]

/** Two parameters and an unused one; the loss is sum(a²)/2 + sum(b), so gradients are a and 1. */
class Toy extends nn.Module {
  readonly a = new nn.Parameter([3])
  readonly b = new nn.Parameter([2, 2])
  readonly idle = new nn.Parameter([2])

  constructor() {
    super()
    this.a.assign([1, -2, 4])
    this.b.fill(1)
    this.idle.fill(5)
  }

  backward(): void {
    scope(() => ops.add(ops.mul(ops.sum(ops.square(this.a)), 0.5), ops.sum(this.b)).backward())
  }
}

const close = (actual: number[], expected: number[], tolerance = 1e-6): boolean =>
  actual.length === expected.length &&
  actual.every((v, i) => Math.abs(v - (expected[i] as number)) <= tolerance)

test.serial('SGD takes the step, and the norm is before clipping', async (t) => {
  using net = new Toy()
  using optimizer = optim.sgd({ lr: 0.5 }).bind(net)
  net.backward()
  using norm = optimizer.step()
  t.true(close([await norm.item()], [5])) // 1 + 4 + 16 + 4 ones
  t.true(close(await values(net.a), [0.5, -1, 2]))
  t.true(close(await values(net.b), [0.5, 0.5, 0.5, 0.5]))
  t.deepEqual(await values(net.idle), [5, 5])
  optimizer.zeroGrad()
  net.backward()
  using second = optimizer.step({ clipNorm: 1 })
  const expected = Math.sqrt(0.25 + 1 + 4 + 4)
  t.true(close([await second.item()], [expected]))
  t.true(
    close(
      await values(net.a),
      [0.5, -1, 2].map((a) => a - (0.5 * a) / expected),
      1e-5,
    ),
  )
  t.is(optimizer.stepCount, 2)
})

test.serial('gradients accumulate over backward calls; untouched ones count as zero', async (t) => {
  using net = new Toy()
  using optimizer = optim.sgd({ lr: 1 }).bind(net)
  net.backward()
  net.backward()
  optimizer.step().dispose()
  t.true(close(await values(net.b), [-1, -1, -1, -1]))
  optimizer.zeroGrad()
  using norm = optimizer.step() // nothing was run
  t.is(await norm.item(), 0)
  t.true(close(await values(net.b), [-1, -1, -1, -1]))
})

test.serial("Adam's first step is the learning rate, whatever the gradient", async (t) => {
  for (const spec of [optim.adam({ lr: 0.1 }), optim.adamw({ lr: 0.1, weightDecay: 0 })]) {
    using net = new Toy()
    using optimizer = spec.bind(net)
    net.backward()
    optimizer.step().dispose()
    t.true(close(await values(net.a), [0.9, -1.9, 3.9]))
    t.deepEqual(await values(net.idle), [5, 5])
  }
})

test.serial('RMSProp, Adagrad and decoupled decay in closed form', async (t) => {
  using first = new Toy()
  using rmsprop = optim.rmsprop({ lr: 0.1, alpha: 0.75 }).bind(first)
  first.backward()
  rmsprop.step().dispose()
  t.true(close(await values(first.a), [0.8, -1.8, 3.8], 1e-5))
  using second = new Toy()
  using adagrad = optim.adagrad({ lr: 0.1 }).bind(second)
  second.backward()
  adagrad.step().dispose()
  t.true(close(await values(second.a), [0.9, -1.9, 3.9], 1e-5))
  using third = new Toy()
  using adamw = optim.adamw({ lr: 0.1, weightDecay: 0.5 }).bind(third)
  third.backward()
  adamw.step().dispose()
  t.true(close(await values(third.idle), [5 * 0.95, 5 * 0.95]))
})

test.serial('SGD with momentum', async (t) => {
  using net = new Toy()
  using optimizer = optim.sgd({ lr: 0.1, momentum: 0.5 }).bind(net)
  for (let i = 0; i < 3; ++i) {
    optimizer.zeroGrad()
    net.backward()
    optimizer.step().dispose()
  }
  t.true(close(await values(net.b), Array(4).fill(1 - 0.1 * (1 + 1.5 + 1.75)) as number[]))
})

test.serial(
  'groups have their own learning rate and decay, scaled by the schedule alike',
  async (t) => {
    using net = new Toy()
    using optimizer = optim.sgd({ lr: 1 }).bind(net, [
      { match: /^b$/, lr: 0.1 },
      { match: (name) => name === 'idle', weightDecay: 0.1 },
    ])
    optimizer.lr = 0.5
    net.backward()
    optimizer.step().dispose()
    t.true(close(await values(net.a), [0.5, -1, 2]))
    t.true(close(await values(net.b), [0.95, 0.95, 0.95, 0.95]))
    t.true(close(await values(net.idle), [4.75, 4.75]))
  },
)

test.serial('parameters keep their identity, values and use in the arena', async (t) => {
  using lstm = new nn.LSTM({ input: 3, hidden: 4, seed: 1 })
  const before = await Promise.all(lstm.parameters().map(values))
  using optimizer = optim.adam().bind(lstm)
  t.deepEqual(await Promise.all(lstm.parameters().map(values)), before)
  t.is(optimizer.lr, 1e-3)
  optimizer.dispose()
  t.deepEqual(await Promise.all(lstm.parameters().map(values)), before)
})

test.serial('state goes out and comes back: both go on alike', async (t) => {
  const run = (net: Toy, optimizer: optim.Optimizer): void => {
    optimizer.zeroGrad()
    net.backward()
    optimizer.step({ clipNorm: 2 }).dispose()
  }
  for (const spec of [
    optim.adam({ lr: 0.1 }),
    optim.sgd({ lr: 0.1, momentum: 0.9, nesterov: true }),
    optim.rmsprop({ lr: 0.1, centered: true, momentum: 0.3 }),
    optim.adagrad({ lr: 0.1, lrDecay: 0.1 }),
  ]) {
    using net = new Toy()
    using optimizer = optim.create(spec.kind, spec.toJSON()).bind(net)
    run(net, optimizer)
    run(net, optimizer)
    const state = optimizer.stateDict()
    const tensors = new Map<string, nn.HostTensor>()
    for (const [name, x] of state.tensors) {
      tensors.set(name, { shape: x.shape, data: await x.data() })
      x.dispose()
    }
    using twin = new Toy()
    twin.loadStateDict(net.stateDict())
    using resumed = spec.bind(twin)
    resumed.loadStateDict({ tensors, meta: JSON.parse(JSON.stringify(state.meta)) })
    t.is(resumed.stepCount, 2)
    run(net, optimizer)
    run(twin, resumed)
    for (const name of ['a', 'b', 'idle'] as const)
      t.deepEqual(await values(twin[name]), await values(net[name]), `${spec.kind} ${name}`)
  }
})

test.serial('state that does not fit is refused', (t) => {
  using net = new Toy()
  using optimizer = optim.adam().bind(net)
  const { meta } = optimizer.stateDict()
  const bad = { tensors: new Map([['m.z', { shape: [1], data: new Float32Array(1) }]]), meta }
  const error = t.throws(() => optimizer.loadStateDict(bad), { instanceOf: RnnativeError })
  t.is(error.code, 'ERR_FORMAT')
  t.regex(error.message, /missing: m\.a; .*unexpected: m\.z/)
  t.throws(() => optimizer.loadStateDict({ ...bad, meta: { ...meta, kind: 'sgd' } }), {
    message: /expected adam, got sgd/,
  })
  for (const wrong of [{ step: null }, { step: -1 }, { lr: NaN }, { lr: '1' }, { kind: undefined }])
    t.throws(() => optimizer.loadStateDict({ ...bad, meta: { ...meta, ...(wrong as object) } }), {
      ...{ code: 'ERR_FORMAT', message: new RegExp(`^\\[optimizer\\] ${Object.keys(wrong)[0]}: `) },
    })
  for (const wrong of [null, 7, {}, { meta: null }, { meta }, { meta, tensors: {} }])
    t.throws(() => optimizer.loadStateDict(wrong as never), { instanceOf: RnnativeError })
})

test.serial('a gradient that is not finite changes nothing', async (t) => {
  using net = new Toy()
  using optimizer = optim.adam({ lr: 0.1 }).bind(net)
  scope(() => ops.mul(ops.sum(net.a), Infinity).backward())
  using norm = optimizer.step({ clipNorm: 1 })
  t.false(Number.isFinite(await norm.item()))
  t.deepEqual(await values(net.a), [1, -2, 4])
  const { tensors } = optimizer.stateDict()
  t.deepEqual(await values(tensors.get('m.a') as Tensor), [0, 0, 0])
})

test.serial('an op that failed changes nothing, and the next step works', async (t) => {
  using net = new Toy()
  using table = new nn.Parameter([3, 2])
  using optimizer = optim.sgd({ lr: 1 }).bind([...net.namedParameters(), ['table', table]])
  using bad = tensor(new Int32Array([7]))
  scope(() => ops.add(ops.sum(ops.embedding(bad, table)), ops.sum(net.b)).backward())
  using norm = optimizer.step()
  const error = await t.throwsAsync(norm.item(), { instanceOf: RnnativeError })
  t.is(error.code, 'ERR_INDEX')
  t.deepEqual(await values(net.b), [1, 1, 1, 1])
  await synchronize().catch(() => undefined)
  optimizer.zeroGrad()
  net.backward()
  optimizer.step().dispose()
  t.deepEqual(await values(net.b), [0, 0, 0, 0])
})

test.serial('an optimizer whose parameters another took over says so', (t) => {
  using net = new Toy()
  using first = optim.sgd().bind(net)
  using second = optim.sgd().bind(net)
  const error = t.throws(() => first.step(), { instanceOf: RnnativeError })
  t.is(error.code, 'ERR_BUSY')
  second.step().dispose()
})

test.serial('bad settings are refused', (t) => {
  for (const make of [
    () => optim.adam({ lr: -1 }),
    () => optim.adam({ beta1: 1 }),
    () => optim.sgd({ nesterov: true }),
    () => optim.create('lion' as 'sgd'),
    () => optim.adam({ learningRate: 0.1 } as object),
  ])
    t.is(t.throws(make, { instanceOf: RnnativeError })?.code, 'ERR_ARGUMENT')
  using layer = new nn.Linear(2, 2)
  const own = () => optim.adam({ lr: 0 }).bind(layer, [{ match: /bias/, lr: 0.1 }])
  t.is(t.throws(own, { instanceOf: RnnativeError, message: /lr/ })?.code, 'ERR_ARGUMENT')
  t.is(t.throws(() => optim.sgd().bind([]), { instanceOf: RnnativeError })?.code, 'ERR_EMPTY')
})

test.serial('steps leave no garbage', async (t) => {
  using lstm = new nn.LSTM({ input: 3, hidden: 4, layers: 2, dropout: 0.5, seed: 1 })
  using optimizer = optim.adam().bind(lstm)
  using x = tensor(new Float32Array(30).fill(1), [5, 2, 3])
  const step = async (): Promise<void> => {
    optimizer.zeroGrad()
    using loss = scope(() => {
      const y = ops.mean(ops.square(lstm.forward(x).output))
      y.backward()
      return y
    })
    using norm = optimizer.step({ clipNorm: 1 })
    await Promise.all([loss.item(), norm.item()])
  }
  for (let i = 0; i < 3; ++i) await step()
  await collectGarbage()
  const before = await liveStorages()
  for (let i = 0; i < 100; ++i) await step()
  t.is(await liveStorages(), before)
})
