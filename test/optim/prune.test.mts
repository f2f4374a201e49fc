/** Pruning by magnitude: which weights become zero when, and that they stay so. */
import test from 'ava'
import { nn, ops, optim, randn, RnnativeError, type DeviceName, type Tensor } from 'rnnative'
import { groupsOf, magnitudes, smallest } from '#dist/optim/magnitude.js'
import { kernels } from '../support/op.mjs'

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]
const zeros = (all: readonly number[]): number => all.filter((x) => Object.is(x, 0)).length

class Net extends nn.Module {
  readonly first: nn.Linear
  readonly second: nn.Linear
  constructor(device: DeviceName = 'cpu') {
    super()
    this.first = new nn.Linear(4, 5, { seed: 1, device })
    this.second = new nn.Linear(5, 2, { seed: 2, device })
  }
  forward(x: Tensor): Tensor {
    return this.second.forward(ops.tanh(this.first.forward(x)))
  }
}

type Bound = ReturnType<ReturnType<typeof optim.sgd>['bind']>

function step(net: Net, optimizer: Bound): Promise<number> {
  const { device } = net.first.weight
  const x = randn([8, 4], { seed: 7, device })
  optimizer.zeroGrad()
  ops.mean(ops.square(net.forward(x))).backward()
  return optimizer.step({ clipNorm: 1 }).item()
}

test('the schedule is that of Zhu & Gupta', (t) => {
  const pruning = optim.prune({ sparsity: 0.8, initial: 0.2, from: 100, to: 500, every: 100 })
  const at = (step: number) => pruning.sparsityAt({ step })
  t.is(at(99), null)
  t.is(at(100), 0.2)
  t.true(Math.abs((at(300) as number) - (0.8 - 0.6 * 0.5 ** 3)) < 1e-12)
  t.is(at(500), 0.8)
  t.is(at(9000), 0.8)
  t.deepEqual(
    [99, 100, 150, 200, 499, 500, 501].filter(
      (step) => at(step) !== null && pruning.falls({ step }),
    ),
    [100, 200, 500, 501],
  )
  const half = optim.prune({ sparsity: 0.5 })
  t.is(half.sparsityAt({ step: 100, fraction: 0.2 }), null)
  t.is(half.sparsityAt({ step: 100, fraction: 0.25 }), 0)
  t.is(half.sparsityAt({ step: 100, fraction: 0.5 }), 0.5 - 0.5 * 0.5 ** 3)
  t.is(half.sparsityAt({ step: 100, fraction: 0.75 }), 0.5)
  t.true(half.falls({ step: 3, fraction: 0.75 }))
  t.false(half.falls({ step: 3, fraction: 0.7 }))
})

test('the smallest are chosen, equals in order, what is pruned always', (t) => {
  const choose = (sizes: number[], share: number) => [...smallest(Float32Array.from(sizes), share)]
  t.deepEqual(choose([3, 1, 2, 1, 1], 0.4), [0, 1, 0, 1, 0])
  t.deepEqual(choose([3, -1, 0, -1, 0], 0.6), [0, 1, 1, 1, 0])
  t.deepEqual(choose([3, -1, 0, -1, 0], 0), [0, 1, 0, 1, 0])
  t.deepEqual(choose([1, 1, 1], 0.99), [1, 1, 1])
})

test('blocks: sixteen units in all gates by four inputs', (t) => {
  const grid = { rows: 4 * 20, columns: 6, gates: 4 }
  const groups = groupsOf(grid, true)
  t.is(groups.count, 4)
  t.deepEqual([groups.of(0, 0), groups.of(15, 3), groups.of(16, 0), groups.of(20, 0)], [0, 0, 2, 0])
  t.deepEqual([groups.of(79, 5), groups.of(60, 4)], [3, 1])
  t.is(groupsOf({ rows: 65, columns: 4, gates: 1 }, true).count, 2)
  const all = Float32Array.from({ length: 80 * 6 }, (_, i) => (i % 6 < 4 ? -2 : 1))
  t.deepEqual([...magnitudes(all, null, grid, groups)], [2, 1, 2, 1])
  const kept = all.map((x) => (x === 1 ? 0 : 1))
  t.deepEqual([...magnitudes(all, kept, grid, groups)], [2, -1, 2, -1])
})

const devices = new Set(['reference' as const, ...kernels().map(({ device }) => device)])

for (const device of devices)
  for (const [kind, spec] of Object.entries({
    sgd: optim.sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
    adam: optim.adam({ lr: 0.1 }),
    rmsprop: optim.rmsprop({ lr: 0.1, momentum: 0.9 }),
  }))
    test(`${device}, ${kind}: what is pruned stays zero, and what is not is learned`, async (t) => {
      const net = new Net(device)
      const optimizer = spec.bind(net)
      for (let i = 0; i < 2; ++i) await step(net, optimizer) // momentum and moments are not zero
      const pruner = optim.prune({ sparsity: 0.5, from: 2, to: 4, every: 1 }).bind(optimizer)
      t.is(await pruner.update({ step: 1 }), 0)
      t.is(await pruner.update({ step: 2 }), 0)
      await step(net, optimizer)
      const before = await values(net.first.weight)
      const sizes = before.map(Math.abs).sort((a, b) => a - b)
      const share = await pruner.update({ step: 3 })
      t.is(share, (Math.round(20 * 0.4375) + Math.round(10 * 0.4375)) / 30)
      const after = await values(net.first.weight)
      const most = sizes[Math.round(20 * 0.4375) - 1] as number
      t.deepEqual(
        after,
        before.map((x) => (Math.abs(x) <= most ? 0 : x)),
      )
      await step(net, optimizer)
      t.is(await pruner.update({ step: 4 }), 0.5)
      const [first, bias] = [await values(net.first.weight), await values(net.first.bias as Tensor)]
      t.is(zeros(first), 10)
      t.true(after.every((x, i) => x !== 0 || first[i] === 0))
      for (let i = 0; i < 3; ++i) await step(net, optimizer)
      const last = await values(net.first.weight)
      t.deepEqual(
        last.map((x) => x === 0),
        first.map((x) => x === 0),
      )
      t.true(last.every((x, i) => x === 0 || x !== first[i]))
      t.is(zeros(await values(net.second.weight)), 5)
      t.is(zeros(bias), 0)
    })

test('one share for all, chosen matrices, frozen ones left alone', async (t) => {
  const net = new Net()
  net.second.weight.assign((await values(net.second.weight)).map((x) => x * 1e-3))
  const bound = () => optim.sgd({ lr: 0.1 }).bind(net)
  const prune = (options: optim.PruneOptions) =>
    optim
      .prune({ sparsity: 0.5, to: 0, ...options })
      .bind(bound())
      .update({ step: 1 })
  const before = await values(net.first.weight)
  net.first.weight.requiresGrad = false
  t.is(await prune({}), 5 / 30)
  t.deepEqual(await values(net.first.weight), before)
  net.first.weight.requiresGrad = true
  t.is(await prune({ scope: 'global', parameters: 'weight' }), 0.5)
  t.is(zeros(await values(net.second.weight)), 10)
  t.is(zeros(await values(net.first.weight)), 5)
  t.is(await prune({ parameters: /^first/, sparsity: 0.9 }), 0.9)
})

test('the norm is that of the weights that live', async (t) => {
  const net = new Net()
  const optimizer = optim.sgd({ lr: 0 }).bind(net)
  await optim.prune({ sparsity: 0.99, to: 0 }).bind(optimizer).update({ step: 0 })
  const norm = await step(net, optimizer)
  const squares = await Promise.all(
    [net.first.bias, net.second.bias].map(async (bias) =>
      (await values((bias as Tensor).grad as Tensor)).reduce((sum, x) => sum + x * x, 0),
    ),
  )
  t.true(Math.abs(norm - Math.sqrt(squares.reduce((a, b) => a + b))) < 1e-6)
})

test('masks are part of the state, a live zero is not one of them', async (t) => {
  const net = new Net()
  const optimizer = optim.adam({ lr: 0.1 }).bind(net)
  await step(net, optimizer)
  await optim.prune({ sparsity: 0.5, to: 0 }).bind(optimizer).update({ step: 1 })
  const live = (await values(net.first.weight)).findIndex((x) => x !== 0)
  net.first.weight.assign((await values(net.first.weight)).map((x, i) => (i === live ? 0 : x)))
  const { tensors, meta } = optimizer.stateDict()
  t.deepEqual([...(tensors.get('mask.first.weight') as Tensor).shape], [5, 4])
  const read = async (x: Tensor) => ({ shape: x.shape, data: await x.data() })
  const saved = new Map(
    await Promise.all([...tensors].map(async ([name, x]) => [name, await read(x)] as const)),
  )
  const twin = new Net()
  const model = [...net.stateDict()]
  for (const [name, x] of model)
    twin
      .stateDict()
      .get(name)
      ?.assign(await x.data())
  const other = optim.adam({ lr: 0.1 }).bind(twin)
  other.loadStateDict({ tensors: saved, meta })
  for (let i = 0; i < 3; ++i) t.is(await step(net, optimizer), await step(twin, other))
  t.deepEqual(await values(twin.first.weight), await values(net.first.weight))
  t.not((await values(twin.first.weight))[live], 0)
  t.is(zeros(await values(twin.first.weight)), 10)
  const without = new Map([...saved].filter(([name]) => !name.startsWith('mask')))
  other.loadStateDict({ tensors: without, meta })
  await step(twin, other)
  t.is(zeros(await values(twin.first.weight)), 0)
})

test('what makes no sense is refused by name', (t) => {
  const refused = (options: object, message: string) => {
    const error = t.throws(() => optim.prune(options), { instanceOf: RnnativeError })
    t.is(error?.message, `[prune] ${message}`)
  }
  refused({}, 'sparsity: expected a number in [0, 1), got undefined')
  refused({ sparsity: 1 }, 'sparsity: expected a number in [0, 1), got 1')
  refused({ sparsity: 0.5, initial: 0.6 }, 'initial: expected at most the sparsity, 0.5, got 0.6')
  refused({ sparsity: 0.5, from: 3 }, 'from: expected none without to, got 3')
  refused({ sparsity: 0.5, from: 3, to: 2 }, 'to: expected at least from, 3, got 2')
  refused({ sparsity: 0.5, scope: 'all' }, `scope: expected 'matrix' or 'global', got "all"`)
  refused({ sparsity: 0.5, block: true }, 'block: is no option here; did you mean blocks?')
  const optimizer = optim.sgd().bind([['bias', new nn.Linear(2, 2).bias as never]])
  const none = t.throws(() => optim.prune({ sparsity: 0.5 }).bind(optimizer))
  t.regex(none?.message ?? '', /^\[prune\] parameters: expected what matches a matrix/)
})
