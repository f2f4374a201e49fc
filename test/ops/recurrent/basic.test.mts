import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp, SLOW } from '../../support/check.mjs'
import { identical } from '../../support/compare.mjs'
import { golden } from '../../support/golden.mjs'
import { download, upload } from '../../support/host.mjs'
import {
  describe,
  evaluate,
  kernels,
  REFERENCE,
  select,
  type Tensors,
  type Variant,
} from '../../support/op.mjs'
import {
  CELLS,
  GATES,
  drawInputs,
  isFirstOfItsTiles,
  parametersOf,
  recurrent,
  slotNamesOf,
  STATES,
  type Cell,
  type Sizes,
  type Stack,
} from '../../support/recurrent.mjs'

const GOLDEN = await golden<Stack>('recurrent')

for (const { name, settings, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    const upstream = Object.fromEntries(
      ['y', 'hn', 'cn'].flatMap((key) => (tensors[`d${key}`] ? [[key, tensors[`d${key}`]!]] : [])),
    )
    await checkGolden(t, recurrent(settings, tensors), upstream, tensors)
  })

/** Layers, directions, hidden, sizes: small ones in all combinations of one and more. */
const SMALL: [number, number, number, Sizes][] = [
  [1, 1, 1, { time: 1, batch: 1, input: 1 }],
  [1, 1, 3, { time: 5, batch: 1, input: 3 }],
  [1, 2, 17, { time: 3, batch: 2, input: 1 }],
  [2, 1, 5, { time: 1, batch: 3, input: 17 }],
  [2, 2, 4, { time: 4, batch: 3, input: 5 }],
  [3, 2, 3, { time: 3, batch: 1, input: 2 }],
]

for (const cell of CELLS) {
  test.serial(`${cell}: small stacks`, async (t) => {
    for (const [layers, directions, hidden, sizes] of SMALL) {
      const stack = { cell, layers, directions, hidden }
      const seed = layers + directions
      await checkOp(t, recurrent(stack, drawInputs(stack, sizes, { seed })))
      const bare = drawInputs(stack, sizes, { seed, bias: false, state: false })
      await checkOp(t, recurrent(stack, bare))
    }
  })

  test.serial(`${cell}: sizes around vectors, tiles and blocks`, async (t) => {
    for (const [layers, directions, hidden, sizes] of [
      [1, 1, 100, { time: 3, batch: 17, input: 33 }],
      [2, 1, 64, { time: 4, batch: 16, input: 64 }],
      [1, 2, 31, { time: 3, batch: 7, input: 100 }],
      [2, 2, 16, { time: 2, batch: 33, input: 16 }],
      [1, 1, 129, { time: 2, batch: 50, input: 3 }],
      [1, 1, 200, { time: 2, batch: 150, input: 5 }],
      [1, 1, 530, { time: 3, batch: 13, input: 3 }],
    ] as [number, number, number, Sizes][]) {
      if (hidden > 150 && (SLOW || !isFirstOfItsTiles(cell))) continue
      const stack = { cell, layers, directions, hidden }
      const op = recurrent(stack, drawInputs(stack, sizes))
      await checkOp(t, op, { large: true, threads: [1, 2, 3] })
    }
  })

  // Enough for whatever goes round in circles to do so.
  test.serial(`${cell}: many steps`, async (t) => {
    for (const lengths of [undefined, [40, 17, 0, 39, 40]])
      for (const hidden of [7, 40]) {
        const stack = { cell, layers: 1, directions: 2, hidden }
        const inputs = drawInputs(stack, { time: 40, batch: 5, input: 3 }, { lengths })
        await checkOp(t, recurrent(stack, inputs), { large: true, threads: [1, 2] })
      }
  })

  test.serial(`${cell}: gradients from single outputs`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 5 }
    const inputs = drawInputs(stack, { time: 3, batch: 2, input: 4 }, { lengths: [3, 2] })
    const outputs = ['y', ...STATES[cell]!.map((state) => `${state}n`)]
    for (const name of outputs) await checkOp(t, recurrent(stack, inputs, [name]))
  })

  test.serial(`${cell}: inference gives the same and saves nothing`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 19 }
    const inputs = drawInputs(
      stack,
      { time: 5, batch: 6, input: 7 },
      { lengths: [5, 0, 3, 5, 1, 2] },
    )
    const run = async (
      variant: Variant,
      precision: 'f32' | 'bf16',
      training: boolean,
      dropout: number,
    ) => {
      select(variant)
      const tensors: Tensors = {}
      for (const [name, host] of Object.entries(inputs))
        tensors[name] = upload(variant.device, host)
      const { y, hn, cn, reserve } = native.recurrent(
        { ...stack, precision, training, dropout, random: null },
        tensors['x']!,
        parametersOf(stack, tensors),
        tensors['lengths']!,
        tensors['h0']!,
        tensors['c0'] ?? null,
      )
      const saved = reserve !== null
      const values = { y: await download(y), hn: await download(hn) }
      const named = cn ? { ...values, cn: await download(cn) } : values
      for (const tensor of [...Object.values(tensors), y, hn, cn, reserve])
        if (tensor) native.dispose(tensor)
      return { saved, named }
    }
    for (const variant of kernels(2))
      for (const precision of ['f32', 'bf16'] as const) {
        const inference = await run(variant, precision, false, 0.5)
        const training = await run(variant, precision, true, 0)
        t.false(inference.saved)
        t.true(training.saved)
        identical(t, inference.named, training.named, `${describe(variant)}, ${precision}`)
      }
  })

  test.serial(`${cell}: inputs that are products with W already`, async (t) => {
    for (const [layers, directions, hidden, lengths] of [
      [1, 1, 5, undefined],
      [2, 2, 19, [4, 0, 1, 3]],
      [1, 2, 16, undefined],
    ] as const) {
      const stack = { cell, layers, directions, hidden }
      const sizes = { time: 4, batch: 4, input: directions * GATES[cell] * hidden }
      const inputs = drawInputs(stack, sizes, lengths ? { lengths } : {})
      for (let run = 0; run < directions; ++run) delete inputs[`w_ih_${run}`]
      await checkOp(t, recurrent(stack, inputs), { threads: [1, 2] })
    }
  })

  test.serial(`${cell}: dropout between layers`, async (t) => {
    const random = { key: native.streamKey(9, cell), step: 4, sampleBase: 11 }
    const stack = { cell, layers: 3, directions: 2, hidden: 6, dropout: 0.4, random }
    const inputs = drawInputs(stack, { time: 4, batch: 3, input: 3 }, { lengths: [4, 2, 3] })
    await checkOp(t, recurrent(stack, inputs))
    // The last layer's output is not dropped; the one below is, by the stream of its layer.
    const one = { ...stack, layers: 1 }
    const below = (
      await evaluate(recurrent({ ...one, dropout: 0 }, pick(cell, inputs, 0)), REFERENCE)
    )['y']
    const whole = (
      await evaluate(recurrent({ ...stack, layers: 2 }, pick(cell, inputs, 0, 1)), REFERENCE)
    )['y']
    const dropped = upload('reference', { shape: [4, 3, 12], data: below as Float64Array })
    const masked = native.dropout(dropped, 0.4, 1, random, null, false)
    const second = {
      ...pick(cell, inputs, 1),
      x: { shape: [4, 3, 12], data: await download(masked) },
    }
    const above = (await evaluate(recurrent({ ...one, dropout: 0 }, second), REFERENCE))['y']
    identical(t, { y: whole as Float64Array }, { y: above as Float64Array }, 'two layers')
    for (const tensor of [dropped, masked]) native.dispose(tensor)
  })
}

/** The inputs of some layers of a bidirectional stack, numbered from 0 again. */
function pick(
  cell: Cell,
  inputs: ReturnType<typeof drawInputs>,
  ...layers: number[]
): typeof inputs {
  const { x, lengths } = inputs
  const batch = (x as { shape: readonly number[] }).shape[1] as number
  const picked: typeof inputs = { x: x!, lengths: lengths! }
  layers.forEach((layer, to) => {
    for (const direction of [0, 1])
      for (const slot of slotNamesOf(cell))
        picked[`${slot}_${2 * to + direction}`] = inputs[`${slot}_${2 * layer + direction}`]!
  })
  for (const state of ['h0', 'c0']) {
    const all = inputs[state]
    if (!all) continue
    const n = 2 * batch * (all.shape[2] as number)
    const rows = layers.flatMap((layer) => [...all.data.slice(layer * n, (layer + 1) * n)])
    const shape = [2 * layers.length, batch, all.shape[2] as number]
    picked[state] = { shape, data: Float64Array.from(rows) }
  }
  return picked
}
