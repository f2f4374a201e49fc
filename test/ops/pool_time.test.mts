import test from 'ava'
import { ops, zeros } from 'rnnative'
import { native } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { identical } from '../support/compare.mjs'
import { cut, Draw, ints, poisoned, reals, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, DEVICES, evaluate, select, type Op } from '../support/op.mjs'

type Pool = Parameters<typeof native.poolTime>[0]
const POOLS: readonly Pool[] = ['mean', 'max', 'last']

const pool = (name: Pool, x: Host, lengths: Host | null): Op => ({
  inputs: { x, lengths },
  differentiable: ['x'],
  shapes: { y: x.shape.slice(1) },
  forward({ x, lengths }) {
    const { y, steps } = native.poolTime(name, x!, lengths ?? null)
    return {
      outputs: { y },
      extra: [steps],
      backward: (up, sinks) =>
        native.poolTimeBackward(
          name,
          lengths ?? null,
          steps,
          up['y']!,
          sinks.list('x'),
          sinks.bits('x'),
        ),
    }
  },
})

/** Shapes of x and lengths of rows; null: all steps. */
const CASES: [number[], number[] | null][] = [
  [[1, 1, 1], null],
  [[1, 1, 1], [1]],
  [[1, 1, 1], [0]],
  [[7, 1, 3], [5]],
  [[5, 3, 17], null],
  [
    [5, 3, 17],
    [5, 0, 2],
  ],
  [
    [9, 4, 100],
    [1, 9, 0, 4],
  ],
  [
    [3, 2, 3, 5],
    [3, 1],
  ],
  [
    [4, 3],
    [4, 0, 2],
  ],
  [
    [0, 2, 3],
    [0, 0],
  ],
  [[0, 2, 3], null],
  [[3, 0, 5], []],
  [
    [3, 2, 0],
    [1, 3],
  ],
]

for (const name of POOLS)
  test.serial(name, async (t) => {
    const draw = new Draw(21)
    for (const [shape, lengths] of CASES)
      await checkOp(t, pool(name, draw.reals(shape), lengths && ints([lengths.length], lengths)))
    const lengths = draw.ints([33], 201)
    await checkOp(t, pool(name, draw.reals([200, 33, 65]), lengths), { large: true })
  })

test.serial('padding is never read, and a row does not depend on the others', async (t) => {
  const draw = new Draw(22)
  const lengths = [6, 0, 1, 9]
  const x = draw.reals([9, 4, 21])
  const upstream = { y: draw.reals([4, 21]) }
  for (const variant of allVariants())
    for (const name of POOLS) {
      const where = `${describe(variant)}: ${name}`
      const of = (host: Host) =>
        evaluate(pool(name, host, ints([4], lengths)), variant, { upstream })
      const expected = await of(x)
      const got = await of(poisoned(x, lengths))
      identical(t, got, expected, where)
      const gradient = { shape: x.shape, data: got['grad x']! }
      t.true(
        [...poisoned(gradient, lengths).data].every(
          (kept, i) => !Number.isNaN(kept) || Object.is(gradient.data[i], 0),
        ),
        where,
      )
      for (const [b, length] of lengths.entries()) {
        if (length === 0) continue
        const { y } = await evaluate(pool(name, cut(x, b, length), null), variant)
        const own = expected['y']!.slice(b * 21, (b + 1) * 21)
        identical(t, { y: y! }, { y: own }, `${where}, row ${b} alone`)
      }
      t.true(expected['y']!.slice(21, 42).every((value) => value === 0))
    }
})

test.serial('of equal maxima the first wins, NaN wins over numbers', async (t) => {
  // [3, 2, 2]; the second row has two steps.
  const x = reals([3, 2, 2], [1, 2, 5, 4, 3, 2, NaN, 4, 3, -1, 9, 9])
  const op = pool('max', x, ints([2], [3, 2]))
  const upstream = { y: reals([2, 2], [1, 2, 3, 4]) }
  for (const variant of allVariants()) {
    const got = await evaluate(op, variant, { upstream })
    t.deepEqual([...got['y']!], [3, 2, NaN, 4], describe(variant))
    t.deepEqual([...got['grad x']!], [0, 2, 0, 4, 1, 0, 3, 0, 0, 0, 0, 0], describe(variant))
  }
})

test.serial('a length out of range fails the result', async (t) => {
  for (const variant of allVariants()) {
    select(variant)
    const x = upload(variant.device, reals([2, 2, 1], [1, 2, 3, 4]))
    const lengths = upload(variant.device, ints([2], [1, 3]))
    const { y } = native.poolTime('mean', x, lengths)
    const error = await t.throwsAsync(native.read(y), { code: 'ERR_INDEX' })
    t.is(error?.message, '[pool_time] length 3 at position 1: expected 0..2')
    for (const tensor of [x, lengths, y]) native.dispose(tensor)
  }
})

test.serial('as a function of tensors', async (t) => {
  for (const device of DEVICES) {
    using x = zeros([3, 2, 4], { device, requiresGrad: true })
    x.assign(Array.from({ length: 24 }, (_, i) => i))
    const [mean, max, last] = POOLS.map((name) => ops.poolTime(x, name, [3, 1])) as [
      ReturnType<typeof ops.poolTime>,
      ReturnType<typeof ops.poolTime>,
      ReturnType<typeof ops.poolTime>,
    ]
    t.deepEqual([...(await mean.data())], [8, 9, 10, 11, 4, 5, 6, 7])
    t.deepEqual([...(await max.data())], [16, 17, 18, 19, 4, 5, 6, 7])
    t.deepEqual([...(await last.data())], [...(await max.data())])
    ops.sum(ops.concat([mean, max, last], -1)).backward()
    const gradient = [...(await x.grad!.data())]
    t.deepEqual(gradient.slice(16, 20).map(Math.fround), Array(4).fill(Math.fround(7 / 3)))
    t.deepEqual(gradient.slice(12, 16), [0, 0, 0, 0])
  }
  using x = zeros([3, 2, 4])
  t.throws(() => ops.poolTime(x, 'sum' as 'mean'), {
    message: /^\[poolTime\] pool: expected one of mean/,
  })
  t.throws(() => ops.poolTime(x, 'max', [1]), { code: 'ERR_SHAPE' })
  t.throws(() => ops.poolTime(zeros([3]), 'max'), { code: 'ERR_SHAPE' })
})
