/**
 * Products in int8: sums of whole numbers, so every instruction set and any number of threads must give the
 * same bits, and the reference, which does the same arithmetic, what differs by the rounding of scales alone.
 */
import test from 'ava'
import { Linear } from '#dist/nn/index.js'
import * as ops from '#dist/ops/index.js'
import { noGrad, tensor } from '#dist/tensor/index.js'
import { identical, near } from '../support/compare.mjs'
import { F32_TOLERANCE } from '../support/check.mjs'
import { Draw, reals, type Host } from '../support/host.mjs'
import { linear } from '../support/linear.mjs'
import { describe, evaluate, kernels, REFERENCE, type Variant } from '../support/op.mjs'
import {
  CELLS,
  drawInputs,
  mayNorm,
  mayProject,
  recurrent,
  rowOf,
  STATES,
  type Sizes,
  type Stack,
} from '../support/recurrent.mjs'

const CPUS = (): Variant[] => kernels().filter(({ device }) => device === 'cpu')
/** Where those of a GPU alone are asked for, none is left. */
const onCpus = CPUS().length > 0 ? test.serial : test.serial.skip
const TOLERANCE = 1e-6
/** A value near the middle between two whole numbers may become either: so far may that bring a state. */
const ROUGH = 2 ** -5

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
  onCpus(`linear, ${rows} x ${input} -> ${output}`, async (t) => {
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

onCpus('what cannot be whole numbers', async (t) => {
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

onCpus('the largest values of either sign', async (t) => {
  const k = 4099
  const row = (sign: (i: number) => number) => Array.from({ length: k }, (_, i) => sign(i))
  const x = reals([2, k], [...row(() => 1), ...row((i) => (i % 2 ? -1 : 1))])
  const weight = reals([2, k], [...row(() => -1), ...row((i) => (i % 2 ? -1 : 1))])
  for (const variant of [REFERENCE, ...CPUS()]) {
    const { y } = await evaluate(linear(x, weight, null, 'int8'), variant)
    const expected = reals([4], [-k, 1, -1, k]).data as Float64Array
    // A scale that is rounded up makes a little more of the largest value.
    near(t, { y: y! }, { y: expected }, 2 ** -14, describe(variant))
  }
})

const int8 = (stack: Omit<Stack, 'precision' | 'inference'>): Stack => ({
  ...stack,
  precision: 'int8',
  inference: true,
})

for (const cell of CELLS) {
  // A second product reads what the first has made: it may be rounded to another whole number.
  const tolerance = rowOf(cell).products > 1 ? ROUGH : F32_TOLERANCE

  onCpus(`${cell}: one step`, async (t) => {
    for (const [hidden, batch, input] of [
      [1, 1, 1],
      [5, 3, 7],
      [16, 1, 33],
      [33, 13, 16],
      [100, 7, 65],
      [130, 20, 3],
    ] as const)
      for (const state of [true, false]) {
        const stack = int8({ cell, layers: 1, directions: 1, hidden })
        const op = recurrent(stack, drawInputs(stack, { time: 1, batch, input }, { state }))
        const reference = await evaluate(op, REFERENCE)
        for (const variant of CPUS()) {
          const actual = await evaluate(op, variant)
          near(t, actual, reference, tolerance, `${describe(variant)}, H ${hidden}`)
          for (const threads of [2, 3])
            identical(t, await evaluate(op, { ...variant, threads }), actual, describe(variant))
        }
      }
  })

  onCpus(`${cell}: stacks, directions and ragged batches`, async (t) => {
    for (const [layers, directions, hidden, sizes, lengths] of [
      [1, 1, 1, { time: 2, batch: 1, input: 1 }, undefined],
      [2, 1, 5, { time: 3, batch: 3, input: 17 }, undefined],
      [2, 2, 17, { time: 4, batch: 4, input: 5 }, [4, 0, 2, 3]],
      [1, 2, 31, { time: 7, batch: 9, input: 10 }, [7, 1, 2, 7, 0, 3, 5, 6, 4]],
      [1, 1, 40, { time: 3, batch: 150, input: 33 }, undefined],
    ] as [number, number, number, Sizes, number[] | undefined][]) {
      const stack = int8({ cell, layers, directions, hidden })
      const op = recurrent(stack, drawInputs(stack, sizes, lengths ? { lengths } : {}))
      const reference = await evaluate(op, REFERENCE)
      for (const variant of CPUS()) {
        const actual = await evaluate(op, variant)
        near(t, actual, reference, ROUGH, `${describe(variant)}, H ${hidden}`)
        for (const threads of [2, 3])
          identical(t, await evaluate(op, { ...variant, threads }), actual, describe(variant))
      }
    }
  })

  if (mayProject(cell))
    onCpus(`${cell}: projected states`, async (t) => {
      const stack = int8({ cell, layers: 1, directions: 1, hidden: 37, projection: 18 })
      const op = recurrent(stack, drawInputs(stack, { time: 1, batch: 3, input: 5 }))
      const reference = await evaluate(op, REFERENCE)
      for (const variant of CPUS())
        near(t, await evaluate(op, variant), reference, ROUGH, describe(variant))
    })
}

onCpus('a sequence is its steps one by one', async (t) => {
  const [time, batch, input, hidden] = [5, 3, 4, 33]
  for (const cell of CELLS)
    for (const variant of CPUS()) {
      const stack = int8({ cell, layers: 1, directions: 1, hidden })
      const inputs = drawInputs(stack, { time, batch, input })
      const whole = await evaluate(recurrent(stack, inputs), variant)
      let carried: Record<string, Host> = {}
      const y: number[] = []
      for (let step = 0; step < time; ++step) {
        const data = inputs['x']!.data.slice(step * batch * input, (step + 1) * batch * input)
        const x = { shape: [1, batch, input], data }
        const made = await evaluate(recurrent(stack, { ...inputs, ...carried, x }), variant)
        y.push(...made['y']!)
        carried = Object.fromEntries(
          STATES[cell]!.map((name) => [`${name}0`, reals([1, batch, hidden], made[`${name}n`]!)]),
        )
      }
      identical(t, { y: Float64Array.from(y) }, { y: whole['y']! }, `${cell}, ${describe(variant)}`)
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

test.serial('what a recurrent stack refuses', async (t) => {
  const of = (stack: Partial<Stack>) => {
    const whole = int8({ cell: 'lstm', layers: 1, directions: 1, hidden: 2 })
    const all = { ...whole, ...stack }
    return evaluate(recurrent(all, drawInputs(all, { time: 1, batch: 1, input: 1 })), REFERENCE)
  }
  const refused = (message: RegExp) => ({ code: 'ERR_UNSUPPORTED', message })
  await t.throwsAsync(of({ inference: false }), refused(/f32 or bf16 where gradients are wanted/))
  t.true(mayNorm('lstm'))
  await t.throwsAsync(of({ norm: true }), refused(/f32 or bf16 with layer norm, got int8/))
})

test.serial('no more columns than whole numbers can be summed of', (t) => {
  const many = 65537
  const x = tensor(new Float32Array(many), [1, many])
  t.throws(() => noGrad(() => ops.linear(x, x, null, { precision: 'int8' })), {
    code: 'ERR_UNSUPPORTED',
    message: '[linear] weight: expected at most 65536 columns with int8, got 65537',
  })
})

const CUDA = kernels().filter(({ device }) => device === 'cuda')
const onCuda = CUDA.length > 0 ? test.serial : test.serial.skip

onCuda('a GPU refuses', async (t) => {
  const message = /precision: expected f32 or bf16 on cuda, got int8/
  const refused = { code: 'ERR_UNSUPPORTED', message }
  const draw = new Draw(45)
  const product = linear(draw.reals([2, 3]), draw.reals([4, 3]), null, 'int8')
  const stack = int8({ cell: 'gru', layers: 1, directions: 1, hidden: 2 })
  const step = recurrent(stack, drawInputs(stack, { time: 1, batch: 1, input: 1 }))
  for (const op of [product, step]) await t.throwsAsync(async () => evaluate(op, CUDA[0]!), refused)
})
