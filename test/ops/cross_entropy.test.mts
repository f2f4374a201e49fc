import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp, F64_TOLERANCE } from '../support/check.mjs'
import { identical } from '../support/compare.mjs'
import { crossEntropy, type Settings } from '../support/cross_entropy.mjs'
import { golden } from '../support/golden.mjs'
import { download, Draw, ints, reals, upload } from '../support/host.mjs'
import { allVariants, describe, evaluate, kernels, REFERENCE, select } from '../support/op.mjs'

const PLAIN: Settings = { labelSmoothing: 0, ignoreIndex: -100 }

const GOLDEN = await golden<Settings>('cross_entropy')

test.serial('cross-entropy of logits', async (t) => {
  const draw = new Draw(21)
  for (const [shape, classes] of [
    [[1], 1],
    [[3], 3],
    [[2, 5], 17],
    [[7], 100],
    [[0], 5],
    [[40], 1030],
  ] as const) {
    const x = draw.reals([...shape, classes], -4, 4)
    const targets = draw.ints(shape, classes)
    const classWeights = draw.reals([classes], 0.1, 2)
    const floor = classes === 1 ? 1 : 0
    const large = classes > 256
    await checkOp(t, crossEntropy({ x, targets }, PLAIN), { floor, large })
    const smooth = { labelSmoothing: 0.2, ignoreIndex: -1 }
    await checkOp(t, crossEntropy({ x, targets, classWeights }, smooth), { floor, large })
  }
})

test.serial('cross-entropy with the output projection, most rows left out', async (t) => {
  const draw = new Draw(29)
  for (const rows of [1, 2, 4, 11, 12, 23, 64, 65]) {
    const [x, weight, bias] = [draw.reals([rows, 9]), draw.reals([13, 9]), draw.reals([13])]
    const targets = draw.ints([rows], 13)
    targets.data = targets.data.map((id, i) => (i % 3 === 1 ? id : -100)) as Int32Array
    for (const labelSmoothing of [0, 0.1]) {
      const settings = { ...PLAIN, labelSmoothing }
      await checkOp(t, crossEntropy({ x, weight, bias, targets }, settings), { floor: 1 })
    }
  }
})

test.serial('cross-entropy with the output projection', async (t) => {
  const draw = new Draw(22)
  for (const [shape, features, classes] of [
    [[1], 1, 2],
    [[3], 17, 3],
    [[5, 4], 3, 100],
    [[9], 33, 65],
    [[0], 3, 5],
    [[3, 70], 20, 300],
    [[130], 7, 2100],
  ] as const) {
    const x = draw.reals([...shape, features])
    const weight = draw.reals([classes, features])
    const targets = draw.ints(shape, classes)
    const bias = draw.reals([classes])
    const classWeights = draw.reals([classes], 0.1, 2)
    const large = classes > 256
    await checkOp(t, crossEntropy({ x, weight, targets }, PLAIN), { large })
    await checkOp(
      t,
      crossEntropy(
        { x, weight, bias, targets, classWeights },
        { labelSmoothing: 0.1, ignoreIndex: targets.data[0] ?? 0 }, // a class may be ignored
      ),
      { floor: shape[0] === 1 ? 1 : 0, large }, // nothing is left of one row
    )
  }
})

for (const { name, settings, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    const { x, weight, bias, targets, class_weights: classWeights, dlosses, mean } = tensors
    const op = crossEntropy(
      {
        x: x!,
        weight: weight ?? null,
        bias: bias ?? null,
        targets: targets!,
        classWeights: classWeights ?? null,
      },
      settings,
    )
    await checkGolden(t, op, { losses: dlosses! }, tensors)
    const { losses, weights } = await evaluate(op, REFERENCE)
    const sum = (values: Float64Array = new Float64Array()) => values.reduce((a, b) => a + b, 0)
    const expected = mean?.data[0] as number
    t.true(Math.abs(sum(losses) / sum(weights) - expected) <= F64_TOLERANCE * Math.abs(expected))
  })

test.serial('inference gives the same losses and saves nothing', async (t) => {
  const draw = new Draw(23)
  for (const variant of kernels(2)) {
    select(variant)
    const { device } = variant
    const x = upload(device, draw.reals([21, 9]))
    const weight = upload(device, draw.reals([130, 9]))
    const targets = upload(device, draw.ints([21], 130))
    const run = (training: boolean) =>
      native.crossEntropy(x, weight, null, targets, null, -1, 0, training)
    const [inference, training] = [run(false), run(true)]
    t.is(inference.reserve, null)
    const expected = { losses: await download(training.losses) }
    identical(t, { losses: await download(inference.losses) }, expected, describe(variant))
    for (const tensor of [
      x,
      weight,
      targets,
      ...Object.values(inference),
      ...Object.values(training),
    ])
      if (tensor) native.dispose(tensor)
  }
})

test.serial('large logits do not overflow', async (t) => {
  const x = reals([2, 3], [500, -500, 0, 100, 100, 100])
  const op = crossEntropy({ x, targets: ints([2], [1, 2]) }, PLAIN)
  await checkOp(t, op, { rough: true })
  const { losses } = await evaluate(op, REFERENCE)
  t.is(losses?.[0], 1000)
})

test.serial(
  'classes that are out of the question add nothing, however low the others',
  async (t) => {
    const x = new Float64Array(6000).fill(-Infinity).fill(-1000, 0, 2048)
    const op = crossEntropy({ x: reals([1, 6000], [...x]), targets: ints([1], [7]) }, PLAIN)
    for (const variant of [REFERENCE, ...kernels(2)]) {
      const upstream = { losses: reals([1], [1]) }
      const { losses, 'grad x': dx } = await evaluate(op, variant, { upstream })
      t.true(Math.abs((losses?.[0] as number) - Math.log(2048)) < 1e-3, describe(variant))
      t.is(dx?.[5999], 0)
    }
  },
)

test.serial('a target out of range fails the results with its place', async (t) => {
  const draw = new Draw(24)
  for (const variant of allVariants())
    for (const bad of [5, -1]) {
      select(variant)
      const { device } = variant
      const x = upload(device, draw.reals([4, 3]))
      const weight = upload(device, draw.reals([5, 3]))
      const targets = upload(device, ints([4], [0, -100, bad, 4]))
      const result = native.crossEntropy(x, weight, null, targets, null, -100, 0, true)
      const error = await t.throwsAsync(native.read(result.losses), { code: 'ERR_INDEX' })
      t.is(error?.message, `[cross_entropy] target ${bad} at position 2: expected 0..4`)
      await t.throwsAsync(native.read(result.weights), { code: 'ERR_INDEX' })
      for (const tensor of [x, weight, targets, ...Object.values(result)])
        if (tensor) native.dispose(tensor)
    }
})
