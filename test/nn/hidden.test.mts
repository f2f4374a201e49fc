/** Modules in maps, plain objects and lists of lists are found; what nobody holds is not trained in silence. */
import test from 'ava'
import { data, nn, ops, optim, randn, Trainer, zeros, type Tensor } from 'rnnative'

const linear = () => new nn.Linear(2, 2, { bias: false })

class Net extends nn.Module {
  byName = { a: linear(), deep: { list: [linear()] } }
  map = new Map([['b', linear()]])
  rows = [[linear()], [linear()]]
  forward(x: Tensor): Tensor {
    return x
  }
}

class Secret extends nn.Module {
  readonly #inner = linear()
  readonly seen = linear()
  forward(x: Tensor): Tensor {
    return this.#inner.forward(this.seen.forward(x))
  }
  freeze(): void {
    this.#inner.weight.requiresGrad = false
  }
}

test('found by their paths', (t) => {
  const names = ['byName.a', 'byName.deep.list.0', 'map.b', 'rows.0.0', 'rows.1.0']
  t.deepEqual(
    Array.from(new Net().namedParameters(), ([name]) => name),
    names.map((name) => `${name}.weight`),
  )
})

test('an object that holds itself ends', (t) => {
  class Round extends nn.Module {
    readonly round: Record<string, unknown> = { a: linear() }
    constructor() {
      super()
      this.round['self'] = this.round
    }
  }
  t.is(new Round().parameters().length, 1)
})

const refusal = { code: 'ERR_GRAPH', message: /a parameter \[2, 2\] that the module does not hold/ }
const backward = (net: { forward(x: Tensor): Tensor }): void =>
  ops.mean(ops.square(net.forward(randn([1, 2])))).backward()

test('an optimizer refuses to step past a hidden one', (t) => {
  const net = new Secret()
  const optimizer = optim.sgd().bind(net)
  backward(net)
  t.throws(() => optimizer.step(), refusal)
  const hidden = linear()
  const chain = new nn.Sequential(linear(), (x) => hidden.forward(x))
  const other = optim.sgd().bind(chain)
  backward(chain)
  t.throws(() => other.step(), refusal)
})

test('but not past one that is frozen, or learned by another', (t) => {
  const net = new Secret()
  const optimizer = optim.sgd().bind(net)
  net.freeze()
  backward(net)
  t.notThrows(() => optimizer.step())
  const [first, second] = [linear(), linear()]
  const optimizers = [first, second].map((module) => optim.sgd().bind(module))
  backward({ forward: (x) => second.forward(first.forward(x)) })
  for (const one of optimizers) t.notThrows(() => one.step())
})

test('nor does a run', async (t) => {
  const net = new Secret()
  const trainer = new Trainer({
    module: net,
    feed: data.batches([{ x: 1 }]),
    loss: () => ({ sum: ops.sum(ops.square(net.forward(zeros([1, 2]).fill(1)))), count: 1 }),
  })
  await t.throwsAsync(Promise.resolve(trainer.fit({ maxSteps: 1 })), refusal)
})
