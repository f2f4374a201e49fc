/**
 * Products in int8: sums of whole numbers, so every instruction set and any number of threads must give the
 * same bits, and the reference, which does the same arithmetic, what differs by the rounding of scales alone.
 */
import test from 'ava'
import { Linear } from '#dist/nn/index.js'
import * as ops from '#dist/ops/index.js'
import { noGrad, tensor } from '#dist/tensor/index.js'
import { identical, near } from '../support/compare.mjs'
import { Draw, reals, type Host } from '../support/host.mjs'
import { linear } from '../support/linear.mjs'
import { describe, evaluate, kernels, REFERENCE, type Variant } from '../support/op.mjs'

const CPUS = (): Variant[] => kernels().filter(({ device }) => device === 'cpu')
const TOLERANCE = 1e-6

/** Rows, input, output: odd ones, and those around words, vectors, tiles and panels. */
for (const [rows, input, output] of [
  [1, 1, 1],
  [1, 17, 100],
  [5, 2, 3],
  [3, 100, 17],
  [13, 65, 33],
  [1, 515, 260],
  [33, 257, 70],
  [100, 512, 49],
  [97, 1030, 64],
  [0, 3, 2],
] as const)
  test.serial(`linear, ${rows} x ${input} -> ${output}`, async (t) => {
    const draw = new Draw(41)
    for (const bias of [draw.reals([output]), null]) {
      const op = linear(draw.reals([rows, input]), draw.reals([output, input]), bias, 'int8')
      const reference = await evaluate(op, REFERENCE)
      const first = await evaluate(op, CPUS()[0]!)
      near(t, first, reference, TOLERANCE, 'reference')
      for (const variant of CPUS())
        for (const threads of [1, 2, 3])
          identical(t, await evaluate(op, { ...variant, threads }), first, describe(variant))
    }
  })

test.serial('what cannot be whole numbers', async (t) => {
  const one = reals([1, 3], [1, -2, 0.5])
  const of = async (x: Host, weight: Host, variant: Variant) =>
    (await evaluate(linear(x, weight, null, 'int8'), variant))['y']!
  for (const variant of [REFERENCE, ...CPUS()]) {
    const where = describe(variant)
    const rows = reals([4, 3], [0, 0, 0, NaN, 1, 1, 1, Infinity, 1, 1e-35, 1e-36, 0])
    const asLeft = await of(rows, one, variant)
    t.deepEqual([...asLeft], [0, NaN, NaN, 0], `${where}, rows`)
    const asRight = await of(one, rows, variant)
    t.deepEqual([...asRight], [0, NaN, NaN, 0], `${where}, weights`)
    const large = reals([1, 2], [3e38, -3e38])
    t.true(Number.isFinite((await of(large, reals([1, 2], [1, 1]), variant))[0]), where)
  }
})

test.serial('the largest values of either sign', async (t) => {
  const k = 4099
  const row = (sign: (i: number) => number) => Array.from({ length: k }, (_, i) => sign(i))
  const x = reals([2, k], [...row(() => 1), ...row((i) => (i % 2 ? -1 : 1))])
  const weight = reals([2, k], [...row(() => -1), ...row((i) => (i % 2 ? -1 : 1))])
  for (const variant of [REFERENCE, ...CPUS()]) {
    const { y } = await evaluate(linear(x, weight, null, 'int8'), variant)
    const expected = reals([4], [-k, 1, -1, k]).data as Float64Array
    near(t, { y: y! }, { y: expected }, TOLERANCE, describe(variant))
  }
})

test.serial('cross-entropy', async (t) => {
  const draw = new Draw(43)
  const [rows, features, classes] = [7, 33, 50]
  const given = {
    x: draw.reals([rows, features]),
    weight: draw.reals([classes, features]),
    bias: draw.reals([classes]),
  }
  const ids = Int32Array.from({ length: rows }, (_, i) => (5 * i) % classes)
  const of = async (device: 'cpu' | 'reference') => {
    const place = ({ data, shape }: Host) =>
      tensor(device === 'cpu' ? Float32Array.from(data) : Float64Array.from(data), shape, {
        device,
      })
    const losses = noGrad(() =>
      ops.crossEntropy(place(given.x), tensor(ids, [rows], { device }), {
        ...{ weight: place(given.weight), bias: place(given.bias) },
        ...{ reduction: 'none', precision: 'int8' },
      }),
    )
    return Float64Array.from(await losses.data())
  }
  near(t, { losses: await of('cpu') }, { losses: await of('reference') }, TOLERANCE, 'cpu')
  const logits = tensor([[1, 2, 3]], [1, 3])
  const loss = ops.crossEntropy(logits, tensor(Int32Array.of(2), [1]), { precision: 'int8' })
  t.true(Math.abs(((await loss.data())[0] as number) - 0.4076) < 1e-4)
})

test.serial('no gradients', async (t) => {
  const layer = new Linear(3, 2, { precision: 'int8' })
  const x = tensor([[1, 2, 3]], [1, 3])
  t.throws(() => layer.forward(x), {
    code: 'ERR_UNSUPPORTED',
    message:
      '[linear] precision: int8 has no gradients: expected f32 or bf16, or a call within noGrad',
  })
  const y = noGrad(() => layer.forward(x))
  t.deepEqual(y.shape, [1, 2])
  const draw = new Draw(44)
  const op = linear(draw.reals([2, 3]), draw.reals([4, 3]), null, 'int8')
  const upstream = { y: draw.reals([2, 4]) }
  await t.throwsAsync(evaluate(op, REFERENCE, { upstream }), { message: /precision.*f32, bf16/ })
})

test.serial('no more columns than whole numbers can be summed of', (t) => {
  const many = 65537
  const x = tensor(new Float32Array(many), [1, many])
  t.throws(() => noGrad(() => ops.linear(x, x, null, { precision: 'int8' })), {
    code: 'ERR_UNSUPPORTED',
    message: '[linear] weight: expected at most 65536 columns with int8, got 65537',
  })
})
