import test from 'ava'
import { gatesOf, hasC } from '#dist/ops/index.js'
import { noGrad, ops, randn, RnnativeError, scope, tensor, zeros } from 'rnnative'
import type { Tensor } from 'rnnative'
import { CELLS } from '../support/recurrent.mjs'
import { checkGradients } from './finite.mjs'
import { collectGarbage, liveStorages as live } from './live.mjs'

const reference = { device: 'reference', requiresGrad: true } as const
const leaf = (seed: number, ...shape: number[]): Tensor => randn(shape, { ...reference, seed })
const values = async (x: Tensor | null): Promise<number[] | null> => x && [...(await x.data())]

test.serial.beforeEach(collectGarbage)

test.serial('a composed graph: shared inputs, broadcasting, reductions', async (t) => {
  const leaves = { a: leaf(1, 3, 4), b: leaf(2, 4), c: leaf(3, 3, 1) }
  const { a, b, c } = leaves
  await checkGradients(t, leaves, () => {
    const sum = ops.add(ops.mul(a, b), ops.add(a, a))
    const ratio = ops.div(sum, ops.add(ops.square(c), 1))
    return ops.add(ops.mean(ops.tanh(ratio), 0), ops.sum(ops.sigmoid(ops.sub(b, c)), 0))
  })
})

test.serial('unary functions', async (t) => {
  const x = leaf(4, 5)
  const positive = (): Tensor => ops.add(ops.square(x), 0.5)
  const functions: (() => Tensor)[] = [
    () => ops.neg(x),
    () => ops.exp(x),
    () => ops.log(positive()),
    () => ops.sqrt(positive()),
    () => ops.abs(x),
    () => ops.relu(x),
    () => ops.pow(positive(), 1.5),
    () => ops.clamp(x, -0.5, 0.5),
    () => ops.affine(x, 2, 3),
    () => ops.sub(1, x),
    () => ops.div(1, positive()),
  ]
  for (const f of functions) await checkGradients(t, { x }, () => ops.add(f(), 1))
})

test.serial('shape ops: views, copies and their gradients', async (t) => {
  const leaves = { a: leaf(5, 2, 3, 4), b: leaf(6, 2, 3, 4) }
  const { a, b } = leaves
  await checkGradients(t, leaves, () => {
    const joined = ops.concat([a, ops.mul(b, 2), a], 1)
    const part = ops.slice(ops.permute(joined, [2, 0, 1]), 2, 1, 6)
    return ops.mul(ops.reshape(part, [8, -1]), ops.slice(ops.reshape(b, [24]), 0, 2, 6))
  })
  await checkGradients(t, leaves, () =>
    ops.stack([ops.select(a, 1, 2), ops.select(b, 0, 1).slice(0, 2)], 1),
  )
  await checkGradients(t, leaves, () => ops.max(ops.maximum(a, b), 2))
  await checkGradients(t, leaves, () => ops.maskTime(ops.mul(a, b), [2, 0, 1]))
})

test.serial('matmul in all layouts', async (t) => {
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      for (const [batchA, batchB] of [
        [[], []],
        [[2], [2]],
        [[2, 2], []],
      ] as const) {
        const leaves = {
          a: leaf(7, ...batchA, ...(transposeA ? [4, 3] : [3, 4])),
          b: leaf(8, ...batchB, ...(transposeB ? [5, 4] : [4, 5])),
        }
        await checkGradients(t, leaves, () =>
          ops.matmul(leaves.a, leaves.b, { transposeA, transposeB }),
        )
      }
  const square = leaf(9, 3, 3)
  await checkGradients(t, { square }, () => ops.matmul(square, square))
})

test.serial('layers and loss', async (t) => {
  const leaves = {
    table: leaf(10, 5, 3),
    w: leaf(11, 4, 3),
    b: leaf(12, 4),
    g: leaf(13, 4),
    z: leaf(14, 4),
  }
  const { table, w, b, g, z } = leaves
  using ids = tensor(new Int32Array([0, 4, 4, 2]), [2, 2], { device: 'reference' })
  using targets = tensor(new Int32Array([1, 0, -100, 4]), [2, 2], { device: 'reference' })
  const hidden = (): Tensor => {
    const x = ops.embedding(ids, table)
    return ops.layerNorm(ops.linear(x, w, b), { gain: g, bias: z })
  }
  await checkGradients(t, { table, w, g }, () => ops.softmax(hidden(), 0))
  await checkGradients(t, leaves, () => ops.logSoftmax(hidden()))
  const output = leaf(15, 5, 4)
  for (const reduction of ['mean', 'sum', 'none'] as const)
    await checkGradients(t, { ...leaves, output }, () =>
      ops.crossEntropy(hidden(), targets, { weight: output, labelSmoothing: 0.1, reduction }),
    )
  // Tied: the table is also the output projection.
  await checkGradients(t, { table }, () =>
    ops.crossEntropy(ops.embedding(ids, table), targets, { weight: table }),
  )
})

test.serial('the same weights in two places, one of them an embedding with padding', async (t) => {
  using table = randn([4, 3], { ...reference, seed: 17 })
  using ids = tensor(new Int32Array([0, 1, 1]), [3], { device: 'reference' })
  scope(() => {
    const x = ops.embedding(ids, table, { paddingIndex: 1 })
    ops.sum(ops.add(x, ops.sum(ops.mul(table, 2), 0))).backward()
  })
  t.deepEqual(await values(table.grad), [7, 7, 7, 6, 6, 6, 6, 6, 6, 6, 6, 6])
})

test.serial('the recurrent stack, ragged and bidirectional, as a tape node', async (t) => {
  for (const cell of CELLS) {
    const rows = gatesOf[cell] * 2
    const cells = [0, 1, 2, 3].map((i) => ({
      weightInput: leaf(20 + i, rows, i < 2 ? 3 : 4),
      weightHidden: leaf(30 + i, rows, 2),
      biasInput: leaf(40 + i, rows),
      biasHidden: i === 1 ? null : leaf(50 + i, rows),
    }))
    const x = leaf(60, 3, 2, 3)
    const h = leaf(61, 4, 2, 2)
    const c = leaf(62, 4, 2, 2)
    const state: ops.RecurrentState = hasC[cell] ? { h, c } : { h }
    const first = cells[0] as (typeof cells)[0]
    const leaves: Record<string, Tensor> = {
      x,
      h,
      ...(hasC[cell] && { c }),
      w: first.weightInput,
      r: first.weightHidden,
      b: first.biasInput,
    }
    await checkGradients(t, leaves, () => {
      const made = ops.recurrent(x, cells, {
        cell,
        layers: 2,
        directions: 2,
        state,
        lengths: [3, 1],
      })
      const all = [made.output, made.state.h, made.state.c].filter((y) => y !== undefined)
      return ops.concat(all.map((y) => ops.reshape(y, [y.size])))
    })
  }
})

test.serial('gradients add up until zeroGrad, then are written over', async (t) => {
  using x = tensor([1, 2, 3], [3], { requiresGrad: true })
  const run = (): void => scope(() => ops.sum(ops.square(x)).backward())
  t.is(x.grad, null)
  run()
  t.deepEqual(await values(x.grad), [2, 4, 6])
  run()
  t.deepEqual(await values(x.grad), [4, 8, 12])
  x.zeroGrad()
  t.is(x.grad, null)
  run()
  t.deepEqual(await values(x.grad), [2, 4, 6])
})

test.serial('backward takes a gradient, which stays as it was', async (t) => {
  using x = tensor([1, 2], [2], { requiresGrad: true })
  using g = tensor([10, 20])
  scope(() => {
    const y = ops.reshape(ops.reshape(x, [2, 1]), [2])
    ops.add(y, y).backward(g)
  })
  t.deepEqual(await values(x.grad), [20, 40])
  t.deepEqual(await values(g), [10, 20])
  const error = t.throws(() => ops.mul(x, 2).backward(), { instanceOf: RnnativeError })
  t.is(error.code, 'ERR_SHAPE')
})

test.serial('a long chain neither recurses nor leaks', async (t) => {
  const before = await live()
  using x = tensor([1], [1], { requiresGrad: true })
  scope(() => {
    let y: Tensor = x
    for (let i = 0; i < 5_000; ++i) y = ops.add(y, 1)
    y.backward()
  })
  t.deepEqual(await values(x.grad), [1])
  x.dispose()
  t.is(await live(), before)
})

test.serial(
  'disposing tensors before backward is safe; the graph keeps what it needs',
  async (t) => {
    const before = await live()
    const x = tensor([0.5], [1], { requiresGrad: true })
    const w = tensor([3])
    const y = ops.mul(x, w)
    const z = ops.tanh(y)
    w.dispose()
    y.dispose()
    z.backward()
    z.dispose()
    const [d] = (await values(x.grad)) ?? []
    t.true(Math.abs((d as number) - 3 * (1 - Math.tanh(1.5) ** 2)) < 1e-6)
    x.dispose()
    t.is(await live(), before)
  },
)

test.serial('a graph that never ran backward goes with its outputs', async (t) => {
  const before = await live()
  const x = tensor([0.5], [1], { requiresGrad: true })
  const y = ops.tanh(x)
  const z = ops.exp(y)
  y.dispose()
  z.dispose()
  x.dispose()
  t.is(await live(), before)
})

test.serial('a leaf disposed before backward just gets no gradient', async (t) => {
  const before = await live()
  const x = tensor([2], [1], { requiresGrad: true })
  const w = tensor([3], [1], { requiresGrad: true })
  const y = ops.mul(x, w)
  x.dispose()
  y.backward()
  t.deepEqual(await values(w.grad), [2])
  y.dispose()
  w.dispose()
  t.is(await live(), before)
})

test.serial('a tensor modified since it was saved makes backward throw ERR_STALE', async (t) => {
  using x = tensor([1, 2], [2], { requiresGrad: true })
  using y = ops.sum(ops.square(x))
  x.assign([5, 6])
  const error = t.throws(() => y.backward(), { instanceOf: RnnativeError, message: /modified/ })
  t.is(error.code, 'ERR_STALE')
  t.is(x.grad, null)
  // Through a view, too.
  using z = ops.sum(ops.square(x))
  using whole = x.detach()
  using part = whole.slice(1, 1)
  part.fill(0)
  t.is(t.throws(() => z.backward(), { instanceOf: RnnativeError })?.code, 'ERR_STALE')
})

test.serial('a second backward needs retainGraph', async (t) => {
  using x = tensor([3], [1], { requiresGrad: true })
  using y = ops.square(x)
  y.backward(null, { retainGraph: true })
  y.backward()
  t.deepEqual(await values(x.grad), [12])
  const error = t.throws(() => y.backward(), { instanceOf: RnnativeError, message: /retainGraph/ })
  t.is(error.code, 'ERR_GRAPH')
})

test.serial('noGrad and detach record nothing', (t) => {
  using x = tensor([3], [1], { requiresGrad: true })
  using y = noGrad(() => ops.square(x))
  t.false(y.requiresGrad)
  using z = x.detach()
  t.false(z.requiresGrad)
  t.is(t.throws(() => y.backward(), { instanceOf: RnnativeError })?.code, 'ERR_GRAPH')
  t.throws(() => noGrad(async () => Promise.resolve()), { instanceOf: RnnativeError })
})

test.serial('results of recorded ops refuse in-place writes', (t) => {
  using x = tensor([3], [1], { requiresGrad: true })
  using y = ops.square(x)
  t.is(t.throws(() => y.fill(1), { instanceOf: RnnativeError })?.code, 'ERR_GRAPH')
})

test.serial('dropout: its gradient has the same mask', async (t) => {
  using x = zeros([50, 4], { requiresGrad: true }).fill(1)
  const { native } = await import('#dist/native/index.js')
  const random = { key: native.streamKey(1, 'drop'), step: 3, sampleBase: 0 }
  const y = scope(() => {
    const dropped = ops.dropout(x, 0.5, { random })
    ops.sum(dropped).backward()
    return dropped.detach()
  })
  t.deepEqual(await values(x.grad), await values(y))
  const kept = ((await values(y)) ?? []).filter((v) => v !== 0)
  t.true(kept.every((v) => v === 2) && kept.length > 60 && kept.length < 140)
  y.dispose()
})

test.serial('training steps leave no garbage', async (t) => {
  const w = randn([8, 8], { requiresGrad: true, seed: 1 })
  const step = async (): Promise<void> => {
    w.zeroGrad()
    using loss = scope(() => {
      const x = randn([4, 8], { seed: 2 })
      const y = ops.sum(ops.square(ops.tanh(ops.linear(ops.linear(x, w), w))))
      y.backward()
      return y
    })
    await loss.item()
  }
  await step()
  const before = await live()
  for (let i = 0; i < 200; ++i) await step()
  t.is(await live(), before)
  w.dispose()
})
