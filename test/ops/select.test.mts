import test from 'ava'
import { ops, tensor, zeros } from 'rnnative'
import { native } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { Draw, ints, reals, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, DEVICES, evaluate, select, type Op } from '../support/op.mjs'

type Comparison = Parameters<typeof native.compare>[0]

const compare = (name: Comparison, a: Host, b: Host, shape: readonly number[]): Op => ({
  inputs: { a, b },
  differentiable: [],
  shapes: { y: shape },
  forward: ({ a, b }) => ({ outputs: { y: native.compare(name, a!, b!) } }),
})

const where = (condition: Host, a: Host, b: Host, shape: readonly number[]): Op => ({
  inputs: { condition, a, b },
  differentiable: ['a', 'b'],
  shapes: { y: shape },
  forward: ({ condition, a, b }) => ({
    outputs: { y: native.where(condition!, a!, b!) },
    backward: (up, sinks) =>
      native.whereBackward(condition!, up['y']!, sinks.list('a', 'b'), sinks.bits('a', 'b')),
  }),
})

/** Shapes of three operands and what they broadcast to. */
const BROADCASTS: number[][][] = [
  [[17], [17], [17], [17]],
  [[1], [1], [1], [1]],
  [[], [], [3], [3]],
  [[3, 100], [100], [3, 100], [3, 100]],
  [
    [5, 1],
    [1, 7],
    [5, 7],
    [5, 7],
  ],
  [
    [2, 1, 3, 1],
    [4, 1, 5],
    [2, 4, 3, 5],
    [2, 4, 3, 5],
  ],
  [[0, 3], [3], [], [0, 3]],
  [[1], [0], [1], [0]],
  [[200, 1], [201], [200, 201], [200, 201]],
  [
    [200, 3, 40],
    [3, 1],
    [200, 1, 1],
    [200, 3, 40],
  ],
]

const FUNCTIONS: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  equal: (a, b) => a === b,
  not_equal: (a, b) => a !== b,
  less: (a, b) => a < b,
  less_equal: (a, b) => a <= b,
}
const COMPARISONS = Object.keys(FUNCTIONS) as Comparison[]

for (const name of COMPARISONS)
  test.serial(name, async (t) => {
    const draw = new Draw(11)
    for (const [first = [], second = []] of BROADCASTS) {
      const shape = broadcastOf(first, second)
      const pair = [draw.ints(first, 3), draw.ints(second, 3)] as const
      const real = pair.map(({ shape, data }) => reals(shape, data)) as [Host, Host]
      for (const [a, b] of [pair, real])
        await checkOp(t, compare(name, a, b, shape), { large: shape[0] === 200 })
    }
  })

function broadcastOf(a: readonly number[], b: readonly number[]): number[] {
  const dims = Math.max(a.length, b.length)
  return Array.from({ length: dims }, (_, i) => {
    const [m, n] = [a[i - dims + a.length] ?? 1, b[i - dims + b.length] ?? 1]
    return m === 1 ? n : m
  })
}

test.serial('comparisons of special values', async (t) => {
  const special = [NaN, Infinity, -Infinity, 0, -0, 1, 1e-40]
  const pairs = special.flatMap((a) => special.map((b) => [a, b] as const))
  const [left, right] = [0, 1].map((i) =>
    reals(
      [pairs.length],
      pairs.map((pair) => pair[i]!),
    ),
  )
  const integers = [0, 1, -1, 2 ** 24 + 1, 2 ** 24, 2 ** 31 - 1, -(2 ** 31), 0x7f800001]
  const both = integers.flatMap((a) => integers.map((b) => [a, b] as const))
  const [above, below] = [0, 1].map((i) =>
    ints(
      [both.length],
      both.map((pair) => pair[i]!),
    ),
  )
  for (const variant of allVariants())
    for (const name of COMPARISONS) {
      const real = await evaluate(compare(name, left!, right!, left!.shape), variant)
      const expected = pairs.map(([a, b]) => Number(FUNCTIONS[name](a, b)))
      t.deepEqual([...real['y']!], expected, `${describe(variant)}: ${name}`)
      const whole = await evaluate(compare(name, above!, below!, above!.shape), variant)
      const wanted = both.map(([a, b]) => Number(FUNCTIONS[name](a, b)))
      t.deepEqual([...whole['y']!], wanted, `${describe(variant)}: ${name} of integers`)
    }
})

test.serial('where', async (t) => {
  const draw = new Draw(12)
  for (const shapes of BROADCASTS) {
    const shape = shapes[3] as number[]
    const large = shape[0] === 200
    for (const [c, a, b] of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ] as const) {
      const condition = draw.ints(shapes[c] as number[], 2)
      const [left, right] = [draw.reals(shapes[a] as number[]), draw.reals(shapes[b] as number[])]
      await checkOp(t, where(condition, left, right, shape), { large })
    }
  }
})

test.serial('where: what is not chosen changes nothing and gets a gradient of zero', async (t) => {
  const condition = ints([6], [1, 0, -7, 0, 2 ** 31 - 1, 0x7f800001])
  const a = reals([6], [1, NaN, 2, NaN, 3, 4])
  const b = reals([6], [NaN, 5, Infinity, -0, NaN, NaN])
  const upstream = { y: reals([6], [1, 2, 3, 4, 5, 6]) }
  for (const variant of allVariants()) {
    const got = await evaluate(where(condition, a, b, [6]), variant, { upstream })
    t.deepEqual([...got['y']!], [1, 5, 2, -0, 3, 4], describe(variant))
    t.deepEqual([...got['grad a']!], [1, 0, 3, 0, 5, 6], describe(variant))
    t.deepEqual([...got['grad b']!], [0, 2, 0, 4, 0, 0], describe(variant))
  }
})

test.serial('oneHot and toReal', async (t) => {
  const draw = new Draw(13)
  const op = (ids: Host, classes: number): Op => ({
    inputs: { ids },
    differentiable: [],
    shapes: {},
    forward: ({ ids }) => ({
      outputs: { y: native.oneHot(ids!, classes), real: native.toReal(ids!) },
    }),
  })
  for (const [shape, classes] of [
    [[1], 1],
    [[17], 3],
    [[3, 5], 100],
    [[0, 2], 4],
    [[], 7],
    [[4000], 17],
  ] as const) {
    const ids = draw.ints(shape, classes)
    await checkOp(t, op(ids, classes))
    const { y, real } = await evaluate(op(ids, classes), allVariants().at(-1)!)
    t.deepEqual([...real!], [...ids.data])
    t.deepEqual(
      [...y!],
      [...ids.data].flatMap((id) => Array.from({ length: classes }, (_, i) => Number(i === id))),
    )
  }
  for (const variant of allVariants())
    for (const bad of [3, -1]) {
      select(variant)
      const ids = upload(variant.device, ints([2], [0, bad]))
      const y = native.oneHot(ids, 3)
      const error = await t.throwsAsync(native.read(y), { code: 'ERR_INDEX' })
      t.is(error?.message, `[one_hot] id ${bad} at position 1: expected 0..2`)
      for (const made of [ids, y]) native.dispose(made)
    }
})

test.serial('as functions of tensors: measures, masks, numbers as operands', async (t) => {
  for (const device of DEVICES) {
    using logits = tensor(
      [
        [1, 3, 2],
        [4, 0, 1],
        [0, 1, 5],
        [2, 1, 0],
      ],
      undefined,
      { device },
    )
    using targets = tensor(Int32Array.of(1, 0, 0, 0), [4], { device })
    using chosen = ops.argmax(logits)
    using right = ops.equal(chosen, targets)
    t.is(right.dtype, 'i32')
    t.deepEqual([...(await right.data())], [1, 1, 0, 1])
    using count = ops.sum(right)
    using share = ops.mean(right)
    t.is(await count.item(), 3)
    t.is(await share.item(), 0.75)
    using byColumn = ops.sum(ops.greaterEqual(logits, 2), 0)
    t.deepEqual([...(await byColumn.data())], [2, 1, 2])
    t.deepEqual([...(await ops.greater(targets, 0).data())], [1, 0, 0, 0])
    t.deepEqual([...(await ops.less(logits, 1).data())], [0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1])

    using x = tensor([1, -2, 3], undefined, { device, requiresGrad: true })
    using positive = ops.greater(x, 0)
    using y = ops.where(positive, x, 0.5)
    t.deepEqual([...(await y.data())], [1, 0.5, 3])
    ops.sum(y).backward()
    t.deepEqual([...(await x.grad!.data())], [1, 0, 1])
    using numbers = ops.where(positive, 1, -1)
    t.deepEqual([...(await numbers.data())], [1, -1, 1])
    using rows = ops.oneHot(targets, 2)
    t.deepEqual(rows.shape, [4, 2])
  }
})

test('errors name the op and the argument', (t) => {
  using x = zeros([2, 3])
  using ids = zeros([2, 3], { dtype: 'i32' })
  using other = zeros([4])
  using elsewhere = zeros([2, 3], { device: 'reference' })
  t.throws(() => ops.equal(x, ids), {
    code: 'ERR_DTYPE',
    message: '[equal] b: expected f32, got i32',
  })
  t.throws(() => ops.greater(ids, 0.5), { code: 'ERR_ARGUMENT', message: /^\[greater\] b: / })
  t.throws(() => ops.less(x, other), { code: 'ERR_SHAPE', message: /^\[less\] b: / })
  t.throws(() => ops.where(x, x, x), { code: 'ERR_DTYPE', message: /^\[where\] condition: / })
  t.throws(() => ops.where(ids, x, other), { code: 'ERR_SHAPE', message: /^\[where\] b: / })
  t.throws(() => ops.where(ids, ids, x), { code: 'ERR_DTYPE', message: /^\[where\] a: / })
  t.throws(() => ops.where(ids, x, elsewhere), { code: 'ERR_DEVICE', message: /^\[where\] b: / })
  t.throws(() => ops.oneHot(x, 3), { code: 'ERR_DTYPE', message: /^\[oneHot\] ids: / })
  t.throws(() => ops.oneHot(ids, 0), { code: 'ERR_ARGUMENT', message: /^\[oneHot\] classes: / })
  t.throws(() => ops.toReal(x), { code: 'ERR_DTYPE', message: /^\[toReal\] x: / })
})
