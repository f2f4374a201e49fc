import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { identical } from '../support/compare.mjs'
import { download, Draw, reals, upload, type Host } from '../support/host.mjs'
import {
  allVariants,
  describe,
  DEVICES,
  evaluate,
  kernels,
  REFERENCE,
  type Op,
} from '../support/op.mjs'

type Unary = Parameters<typeof native.unary>[0]
type Binary = Parameters<typeof native.binary>[0]

const unary = (name: Unary, x: Host, a = 0, b = 0): Op => ({
  inputs: { x },
  differentiable: ['x'],
  shapes: { y: x.shape },
  forward({ x }) {
    const y = native.unary(name, x!, a, b)
    return {
      outputs: { y },
      backward: (up, sinks) =>
        native.unaryBackward(name, x!, y, up['y']!, a, b, sinks.list('x'), sinks.bits('x')),
    }
  },
})

const binary = (name: Binary, a: Host, b: Host, shape: readonly number[]): Op => ({
  inputs: { a, b },
  differentiable: ['a', 'b'],
  shapes: { y: shape },
  forward: ({ a, b }) => ({
    outputs: { y: native.binary(name, a!, b!) },
    backward: (up, sinks) =>
      native.binaryBackward(name, a!, b!, up['y']!, sinks.list('a', 'b'), sinks.bits('a', 'b')),
  }),
})

/** Each function with its range of inputs and its scalars. */
const UNARY: [Unary, number, number, number?, number?][] = [
  ['neg', -2, 2],
  ['exp', -5, 5],
  ['log', 0.01, 20],
  ['sqrt', 0.01, 20],
  ['abs', -2, 2],
  ['square', -2, 2],
  ['tanh', -6, 6],
  ['sigmoid', -12, 12],
  ['relu', -2, 2],
  ['affine', -2, 2, 1.5, -0.25],
  ['pow', 0.1, 3, 1.7],
  ['clamp', -2, 2, -0.5, 0.75],
]

const SHAPES = [[1], [3], [17], [100], [3, 1, 7], [0], []]

for (const [name, low, high, a, b] of UNARY)
  test.serial(name, async (t) => {
    for (const shape of [...SHAPES, [40_003]]) {
      const large = shape[0] === 40_003
      await checkOp(t, unary(name, new Draw(3).reals(shape, low, high), a, b), { large })
    }
  })

const SPECIAL = reals([10], [NaN, Infinity, -Infinity, 0, -0, 1e-40, 90, -110, 1e30, -1e30])

for (const [name, , , a, b] of UNARY)
  test.serial(`${name} of special values`, async (t) => {
    const op = unary(name, SPECIAL, a, b)
    const classes = (values: Float64Array): string[] =>
      [...values].map((v) => (Number.isNaN(v) ? 'nan' : Number.isFinite(v) ? 'finite' : `${v}`))
    const expected = (await evaluate(op, REFERENCE))['y'] as Float64Array
    // f32 overflows where double does not.
    const rounded = classes(expected.map((v) => Math.fround(v)))
    for (const variant of kernels()) {
      const { y } = await evaluate(op, variant)
      t.deepEqual(classes(y as Float64Array), rounded, describe(variant))
    }
  })

const BINARY: Binary[] = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum']

/** Shapes of a, b and the result. */
const BROADCASTS: number[][][] = [
  [[17], [17], [17]],
  [[3, 100], [100], [3, 100]],
  [[100], [3, 100], [3, 100]],
  [
    [5, 7],
    [5, 1],
    [5, 7],
  ],
  [
    [1, 7],
    [5, 1],
    [5, 7],
  ],
  [[], [3, 3], [3, 3]],
  [
    [2, 1, 3, 1],
    [4, 1, 5],
    [2, 4, 3, 5],
  ],
  [[1], [1], [1]],
  [[0, 3], [3], [0, 3]],
  [[1], [0], [0]],
  [[200, 201], [201], [200, 201]],
  [
    [200, 201],
    [200, 1],
    [200, 201],
  ],
  [
    [200, 3, 40],
    [3, 1],
    [200, 3, 40],
  ],
  [[200, 204], [1], [200, 204]],
]

for (const name of BINARY)
  test.serial(name, async (t) => {
    const draw = new Draw(5)
    for (const [left = [], right = [], shape = []] of BROADCASTS) {
      const a = draw.reals(left, 0.5, 2)
      const b = draw.reals(right, -2, -0.5)
      for (const [first, second] of [
        [a, b],
        [b, a],
      ] as const)
        await checkOp(t, binary(name, first, second, shape), { large: shape[0] === 200 })
    }
    // Overlapping ranges, so that maximum and minimum choose both ways.
    await checkOp(t, binary(name, draw.reals([50], 0.5, 2), draw.reals([50], 0.5, 2), [50]))
  })

test.serial('maximum and minimum: ties split the gradient, NaN wins', async (t) => {
  const a = reals([4], [1, 2, NaN, 1])
  const b = reals([4], [1, 3, 1, NaN])
  const upstream = { y: reals([4], [1, 1, 0, 0]) }
  for (const [name, value] of [
    ['maximum', [1, 3, NaN, NaN]],
    ['minimum', [1, 2, NaN, NaN]],
  ] as const)
    for (const variant of allVariants()) {
      const got = await evaluate(binary(name, a, b, [4]), variant, { upstream })
      t.deepEqual([...(got['y'] ?? [])], [...value], variant.device)
      t.is(got['grad a']?.[0], 0.5)
      t.is(got['grad b']?.[0], 0.5)
    }
})

test.serial('fill, copyInto, accumulate and writeInto change their target in place', async (t) => {
  for (const device of DEVICES) {
    const x = upload(device, new Draw(1).reals([3, 5]))
    const whole = upload(device, reals([20], Array(20).fill(7)))
    const y = native.view(whole, 2, [15])
    native.fill(y, 1.5)
    const filled = await download(whole)
    native.copyInto(y, x)
    const copied = await download(y)
    native.accumulate(y, x)
    native.accumulate(y, x)
    const sum = await download(y)
    const values = await download(x)
    t.deepEqual([...filled], [7, 7, ...Array<number>(15).fill(1.5), 7, 7, 7])
    identical(t, { y: copied }, { y: values }, device)
    for (const [i, value] of values.entries())
      t.true(Math.abs((sum[i] as number) - 3 * value) < 1e-6)
    native.writeInto(y, device === 'reference' ? new Float64Array(15) : new Float32Array(15))
    t.true((await download(y)).every((value) => value === 0))
    for (const tensor of [x, y, whole]) native.dispose(tensor)
  }
})
