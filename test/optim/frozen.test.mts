/** A parameter whose requiresGrad is false stays as it is, whenever that was set. */
import test from 'ava'
import { nn, ops, optim, randn, type Tensor } from 'rnnative'

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]

type Bound = ReturnType<ReturnType<typeof optim.sgd>['bind']>

class Net extends nn.Module {
  readonly first = new nn.Linear(2, 3, { seed: 1 })
  readonly second = new nn.Linear(3, 2, { seed: 2 })

  forward(x: Tensor): Tensor {
    return this.second.forward(this.first.forward(x))
  }
}

function step(net: Net, optimizer: Bound): Promise<number> {
  const loss = ops.mean(ops.square(net.forward(randn([4, 2], { seed: 7 }))))
  loss.backward()
  const norm = optimizer.step()
  optimizer.zeroGrad()
  return norm.item()
}

const kinds = {
  sgd: optim.sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
  adam: optim.adam({ lr: 0.1, weightDecay: 0.1 }),
  adamw: optim.adamw({ lr: 0.1, weightDecay: 0.1 }),
  rmsprop: optim.rmsprop({ lr: 0.1, momentum: 0.9, weightDecay: 0.1, centered: true }),
  adagrad: optim.adagrad({ lr: 0.1, weightDecay: 0.1 }),
}

for (const [kind, spec] of Object.entries(kinds))
  for (const when of ['before bind', 'after bind', 'after a step', 'between backward and step'])
    test(`${kind}, frozen ${when}`, async (t) => {
      const net = new Net()
      const { weight } = net.first
      if (when === 'before bind') weight.requiresGrad = false
      const optimizer = spec.bind(net)
      if (when === 'after bind') weight.requiresGrad = false
      if (when === 'after a step') {
        await step(net, optimizer)
        weight.requiresGrad = false
      }
      if (when === 'between backward and step') {
        ops.mean(net.forward(randn([4, 2], { seed: 7 }))).backward()
        weight.requiresGrad = false
        optimizer.step()
      }
      const [before, others] = [await values(weight), await values(net.first.bias as Tensor)]
      for (let i = 0; i < 3; ++i) await step(net, optimizer)
      t.false(weight.requiresGrad)
      t.is(weight.grad, null)
      t.deepEqual(await values(weight), before)
      t.notDeepEqual(await values(net.first.bias as Tensor), others)
    })

test('the norm is that of the parameters that are learned', async (t) => {
  const [frozen, apart] = [new Net(), new Net()]
  const optimizer = optim.sgd({ lr: 0.1 }).bind(frozen)
  await step(frozen, optimizer)
  for (const parameter of frozen.first.parameters()) parameter.requiresGrad = false
  apart.loadStateDict(frozen.stateDict())
  for (const parameter of apart.first.parameters()) parameter.requiresGrad = false
  const alone = optim.sgd({ lr: 0.1 }).bind(apart.second)
  for (let i = 0; i < 3; ++i) t.is(await step(frozen, optimizer), await step(apart, alone))
  t.deepEqual(await values(frozen.second.weight), await values(apart.second.weight))
})

test('a parameter that is thawed is learned again', async (t) => {
  const [thawed, never] = [new Net(), new Net()]
  const pair = [thawed, never].map((net) => ({ net, optimizer: optim.sgd({ lr: 0.1 }).bind(net) }))
  const { weight } = thawed.first
  weight.requiresGrad = false
  weight.requiresGrad = true
  for (const { net, optimizer } of pair) for (let i = 0; i < 3; ++i) await step(net, optimizer)
  t.deepEqual(await values(weight), await values(never.first.weight))
})

test('with all of them frozen nothing happens', async (t) => {
  const net = new Net()
  const optimizer = optim.adamw({ weightDecay: 0.5 }).bind(net)
  for (const parameter of net.parameters()) parameter.requiresGrad = false
  const before = await Promise.all(net.parameters().map(values))
  t.is(await optimizer.step().item(), 0)
  t.deepEqual(await Promise.all(net.parameters().map(values)), before)
})
