/** Gradients are given away as backward finishes them, always in the same order. */
import test from 'ava'
import { nn, ops, optim, scope, type Tensor } from 'rnnative'

/** A bucket has as much, so each of these is one. */
const SIZE = 2 ** 17

class Chain extends nn.Module {
  readonly first = new nn.Parameter([SIZE])
  readonly middle = new nn.Parameter([SIZE])
  readonly last = new nn.Parameter([SIZE])

  constructor() {
    super()
    for (const parameter of this.parameters()) parameter.fill(1)
  }

  /** Backward comes to these from their end. */
  backward(...used: (keyof Chain & ('first' | 'middle' | 'last'))[]): void {
    scope(() =>
      ops.sum(used.map((name): Tensor => this[name]).reduce((x, y) => ops.mul(x, y))).backward(),
    )
  }
}

/** What only the trainer sees. */
interface Giving {
  giveGradients(give: (gradients: Tensor) => void): void
  gaveGradients(): void
  keepGradients(): void
}

const made = () => {
  const net = new Chain()
  const bound = optim.sgd({ lr: 0.5 }).bind(net)
  const optimizer = bound as typeof bound & Giving
  const given: number[] = []
  const offsets = new Map<Tensor, number>()
  const watch = () => {
    optimizer.zeroGrad()
    given.length = 0
    optimizer.giveGradients((gradients) => {
      if (!offsets.has(gradients)) offsets.set(gradients, offsets.size)
      given.push(offsets.get(gradients) as number)
    })
  }
  return { net, optimizer, given, watch }
}

test('each is given when backward has finished it, the last first', async (t) => {
  const { net, optimizer, given, watch } = made()
  watch()
  net.backward('first', 'middle', 'last')
  t.deepEqual(given, [0, 1, 2])
  optimizer.gaveGradients()
  t.deepEqual(given, [0, 1, 2])
  net.backward('first', 'middle', 'last') // nobody takes any more
  t.is(given.length, 3)
  using norm = optimizer.step()
  t.true(Math.abs((await norm.item()) - Math.sqrt(4 * 3 * SIZE)) < 1)
})

test('one that comes to its gradient late holds back those after it', (t) => {
  const { net, optimizer, given, watch } = made()
  watch()
  net.backward('last', 'first', 'middle') // that of the last is final at the end alone
  t.deepEqual(given, [0, 1, 2])
  watch()
  net.backward('first', 'last', 'middle', 'first') // that of the first, which is twice there, too
  t.deepEqual(given, [0, 1, 2])
  optimizer.gaveGradients()
})

test('one that no loss depends on waits for the end, and so do frozen ones', async (t) => {
  const { net, optimizer, given, watch } = made()
  watch()
  net.backward('first', 'last')
  t.deepEqual(given, [0])
  optimizer.gaveGradients()
  t.deepEqual(given, [0, 1, 2])
  using unused = net.middle.grad
  t.deepEqual([...new Set(await (unused as Tensor).data())], [0])
  net.last.requiresGrad = false
  watch()
  net.backward('first', 'middle')
  t.deepEqual(given, [])
  optimizer.gaveGradients()
  t.deepEqual(given, [0, 1, 2])
})

test('who keeps gradients after all is given none', (t) => {
  const { net, optimizer, given, watch } = made()
  watch()
  optimizer.keepGradients()
  net.backward('first', 'middle', 'last')
  t.deepEqual(given, [])
})
