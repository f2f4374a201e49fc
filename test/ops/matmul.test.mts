import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkOp, F32_TOLERANCE } from '../support/check.mjs'
import { identical, near } from '../support/compare.mjs'
import { download, Draw, reals, upload, type Host } from '../support/host.mjs'
import { linear } from '../support/linear.mjs'
import {
  describe,
  evaluate,
  kernels,
  REFERENCE,
  select,
  type Op,
  type Run,
} from '../support/op.mjs'

/** Its gradients are products too: matmulInto covers writing and adding. */
const matmul = (a: Host, b: Host, transA: boolean, transB: boolean, shape: number[]): Op => ({
  inputs: { a, b },
  differentiable: [],
  shapes: { y: shape },
  forward({ a, b }): Run {
    const y = native.matmul(a!, b!, transA, transB)
    const twice = native.full(device(y), dtype(y), shape, 3)
    native.matmulInto(a!, b!, transA, transB, twice, false)
    native.matmulInto(a!, b!, transA, transB, twice, true)
    return { outputs: { y, twice } }
  },
})

const device = (tensor: Parameters<typeof native.describe>[0]) => native.describe(tensor).device
const dtype = (tensor: Parameters<typeof native.describe>[0]) => native.describe(tensor).dtype

/** M, N, K. */
const SIZES: [number, number, number][] = [
  [1, 1, 1],
  [3, 1, 17],
  [1, 17, 3],
  [17, 100, 3],
  [100, 17, 33],
  [5, 6, 0],
  [0, 3, 3],
  [3, 0, 5],
  [70, 130, 300],
  [1, 515, 260],
  [257, 3, 70],
  [200, 70, 600],
  [203, 533, 270],
]

for (const [transA, transB] of [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const)
  test.serial(`a${transA ? "'" : ''} b${transB ? "'" : ''}`, async (t) => {
    const draw = new Draw(11)
    for (const [m, n, k] of SIZES) {
      const a = draw.reals(transA ? [k, m] : [m, k])
      const b = draw.reals(transB ? [n, k] : [k, n])
      await checkOp(t, matmul(a, b, transA, transB, [m, n]), { large: m * n * k > 1e5 })
    }
    for (const groups of [1, 3]) {
      const a = draw.reals([groups, ...(transA ? [9, 5] : [5, 9])])
      const b = transB ? [18, 9] : [9, 18]
      await checkOp(t, matmul(a, draw.reals([groups, ...b]), transA, transB, [groups, 5, 18]))
      await checkOp(t, matmul(a, draw.reals(b), transA, transB, [groups, 5, 18]))
    }
  })

/** Enough rows and columns for the larger tiles of a GPU's kernels, and rests of them. */
for (const [m, n, k] of [
  [700, 770, 70],
  [1410, 1290, 37],
] as const)
  test.serial(`large: ${m} x ${n} x ${k}`, async (t) => {
    const draw = new Draw(15)
    const upstream = { y: draw.reals([m, n]) }
    for (const op of [
      matmul(draw.reals([k, m]), draw.reals([n, k]), true, true, [m, n]),
      linear(draw.reals([m, k]), draw.reals([n, k]), draw.reals([n])),
    ]) {
      const expected = await evaluate(op, REFERENCE, { upstream })
      for (const one of kernels(2))
        near(t, await evaluate(op, one, { upstream }), expected, F32_TOLERANCE, describe(one))
    }
  })

test.serial('linear', async (t) => {
  const draw = new Draw(12)
  for (const [rows, input, output] of [
    [[1], 1, 1],
    [[], 3, 5],
    [[3], 17, 100],
    [[5, 3], 100, 17],
    [[2, 0], 3, 4],
    [[33, 9], 65, 130],
  ] as const) {
    const x = draw.reals([...rows, input])
    const weight = draw.reals([output, input])
    const large = input === 65
    await checkOp(t, linear(x, weight, draw.reals([output])), { large })
    await checkOp(t, linear(x, weight, null), { large })
  }
})

const both = () =>
  kernels(2).flatMap((variant) =>
    (['f32', 'bf16'] as const).map((precision) => [variant, precision] as const),
  )

test.serial('a row of a product does not depend on the other rows', async (t) => {
  const [rows, input, output] = [37, 131, 71]
  const x = new Draw(13).reals([rows, input])
  for (const [variant, precision] of both()) {
    select(variant)
    const { device } = variant
    const weight = upload(device, new Draw(14).reals([output, input]))
    const all = upload(device, x)
    const y = native.linear(all, weight, null, precision)
    const whole = await download(y)
    for (const count of [1, 2, 7, 36]) {
      const some = native.view(all, input * (rows - count), [count, input])
      const part = native.linear(some, weight, null, precision)
      const expected = { y: whole.slice(output * (rows - count)) }
      identical(
        t,
        { y: await download(part) },
        expected,
        `${describe(variant)}, ${precision}, ${count} rows`,
      )
      native.dispose(part)
      native.dispose(some)
    }
    for (const tensor of [weight, all, y]) native.dispose(tensor)
  }
})

test.serial('packed weights follow in-place changes', async (t) => {
  for (const [variant, precision] of both()) {
    select(variant)
    const { device } = variant
    const isa = describe(variant)
    const x = upload(device, reals([1, 2], [1, 2]))
    const weight = upload(device, reals([2, 2], [1, 2, 3, 4]))
    const first = native.linear(x, weight, null, precision)
    native.writeInto(weight, Float32Array.of(5, 6, 7, 8))
    const second = native.linear(x, weight, null, precision)
    native.fill(native.view(weight, 2, [2]), 1)
    const third = native.linear(x, weight, null, precision)
    t.deepEqual([...(await download(first))], [5, 11], isa)
    t.deepEqual([...(await download(second))], [17, 23], isa)
    t.deepEqual([...(await download(third))], [17, 3], isa)
    for (const tensor of [x, weight, first, second, third]) native.dispose(tensor)
  }
})
