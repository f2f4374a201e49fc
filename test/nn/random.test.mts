import test from 'ava'
import { nn, ops, scope, zeros } from 'rnnative'
import type { Tensor } from 'rnnative'

class Net extends nn.Module {
  readonly a = new nn.Dropout(0.5)
  readonly b = new nn.Dropout(0.5)
  readonly gru = new nn.GRU({
    input: 6,
    hidden: 6,
    layers: 2,
    dropout: 0.4,
    recurrentDropout: 0.3,
    seed: 1,
  })

  forward(x: Tensor): Tensor {
    return ops.add(this.gru.forward(this.a.forward(x)).output, this.b.forward(x))
  }
}

async function run(net: Net, batch: number): Promise<number[]> {
  using y = scope(() => net.forward(zeros([5, batch, 6]).fill(1)))
  return [...(await y.data())]
}

/** Rows `begin … end-1` of the batch axis of [5, batch, 6]. */
const rows = (data: number[], batch: number, begin: number, end: number): number[] =>
  data.filter((_, i) => {
    const row = Math.floor(i / 6) % batch
    return row >= begin && row < end
  })

test('masks depend on seed, path, step and sample, not on the split of a batch', async (t) => {
  using net = new Net()
  const context = new nn.RandomContext({ seed: 9 })
  net.setRandom(context)
  context.set({ step: 4 })
  const whole = await run(net, 5)
  context.set({ step: 4 })
  const first = await run(net, 2)
  context.set({ step: 4, sampleBase: 2 })
  const second = await run(net, 3)
  t.deepEqual(first, rows(whole, 5, 0, 2))
  t.deepEqual(second, rows(whole, 5, 2, 5))

  using twin = new Net()
  twin.setRandom(new nn.RandomContext({ seed: 9, step: 4 }))
  t.deepEqual(await run(twin, 5), whole)
  for (const other of [{ step: 5 }, { step: 4, microBatch: 1 }]) {
    context.set(other)
    t.notDeepEqual(await run(net, 5), whole)
  }
})

test('two modules, and two calls of one, draw different masks', async (t) => {
  using net = new Net()
  net.setRandom(new nn.RandomContext({ seed: 1 }))
  const masks = scope(() => {
    const x = zeros([8, 8]).fill(1)
    return [net.a.forward(x), net.b.forward(x), net.a.forward(x)]
  })
  const [a, b, again] = await Promise.all(masks.map(async (mask) => [...(await mask.data())]))
  t.notDeepEqual(a, b)
  t.notDeepEqual(a, again)
  for (const mask of masks) mask.dispose()
})
