/** Ragged batches of the recurrent op: lengths, padding, empty rows and empty batches. */
import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkOp, drawUpstream } from '../../support/check.mjs'
import { identical, near, type Named } from '../../support/compare.mjs'
import { Draw, ints, upload, type Host } from '../../support/host.mjs'
import {
  allVariants,
  describe,
  evaluate,
  select,
  type Op,
  type Tensors,
} from '../../support/op.mjs'
import { CELLS, drawInputs, parametersOf, recurrent, STATES } from '../../support/recurrent.mjs'

const VARIANTS = allVariants()

/** The values of rows `b` at steps beyond their lengths, in a tensor [T, B, F]. */
function padding(values: Float64Array, shape: readonly number[], lengths: readonly number[]) {
  const [time, batch, features] = shape as [number, number, number]
  const found: number[] = []
  for (let t = 0; t < time; ++t)
    for (let b = 0; b < batch; ++b)
      if (t >= (lengths[b] as number))
        for (let f = 0; f < features; ++f)
          found.push(values[(t * batch + b) * features + f] as number)
  return found
}

/** The same tensor with NaN in its padding. */
function poisoned(host: Host, lengths: readonly number[]): Host {
  const [time, batch, features] = host.shape as [number, number, number]
  const data = Float64Array.from(host.data)
  for (let t = 0; t < time; ++t)
    for (let b = 0; b < batch; ++b)
      if (t >= (lengths[b] as number))
        data.fill(NaN, (t * batch + b) * features, (t * batch + b + 1) * features)
  return { shape: host.shape, data }
}

const LENGTHS = [
  [4, 4, 4],
  [4, 0, 2],
  [1, 3, 2],
  [0, 0, 3],
  [0, 0, 0],
]

for (const cell of CELLS) {
  test.serial(`${cell}: lengths`, async (t) => {
    for (const [layers, directions] of [
      [1, 1],
      [2, 2],
    ] as const)
      for (const lengths of LENGTHS) {
        const stack = { cell, layers, directions, hidden: 5 }
        const inputs = drawInputs(stack, { time: 4, batch: 3, input: 3 }, { lengths })
        await checkOp(t, recurrent(stack, inputs))
      }
    const stack = { cell, layers: 2, directions: 2, hidden: 33 }
    const lengths = [...new Draw(3).ints([21], 7).data]
    const inputs = drawInputs(stack, { time: 6, batch: 21, input: 17 }, { lengths })
    await checkOp(t, recurrent(stack, inputs), { large: true, threads: [1, 2, 3] })
  })

  test.serial(`${cell}: padding is never read, and zero in results`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 9 }
    const lengths = [5, 0, 3, 1, 5, 2, 4]
    const inputs = drawInputs(stack, { time: 5, batch: 7, input: 6 }, { lengths })
    const op = recurrent(stack, inputs)
    const upstream = drawUpstream(op, 4)
    const dirty = recurrent(stack, { ...inputs, x: poisoned(inputs['x']!, lengths) })
    const dirtyUpstream = { ...upstream, y: poisoned(upstream['y']!, lengths) }
    for (const variant of VARIANTS) {
      const clean = await evaluate(op, variant, { upstream })
      const actual = await evaluate(dirty, variant, { upstream: dirtyUpstream })
      identical(t, actual, clean, describe(variant))
      for (const [name, shape] of [
        ['y', op.shapes['y']!],
        ['grad x', inputs['x']!.shape],
      ] as const)
        t.true(
          padding(actual[name] as Float64Array, shape, lengths).every((value) => value === 0),
          `${describe(variant)}: padded ${name}`,
        )
    }
  })

  test.serial(`${cell}: a row does as well alone, cut to its length`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 7 }
    const lengths = [4, 1, 3]
    const inputs = drawInputs(stack, { time: 4, batch: 3, input: 5 }, { lengths })
    const outputs = ['y', ...STATES[cell]!.map((state) => `${state}n`)]
    for (const variant of VARIANTS) {
      const together = await evaluate(recurrent(stack, inputs), variant)
      for (const [b, length] of lengths.entries()) {
        const single = { ...inputs, ...rowOf(inputs, b, length) }
        const { lengths: _, ...given } = single
        const alone = await evaluate(recurrent(stack, given), variant)
        const expected: Named = {}
        for (const name of outputs) {
          const [time, width] = name === 'y' ? [length, 14] : [4, 7]
          expected[name] = takeRow(together[name] as Float64Array, time, 3, width, b)
        }
        near(
          t,
          alone,
          expected,
          variant.device === 'reference' ? 0 : 1e-6,
          `${describe(variant)}, row ${b}`,
        )
      }
    }
  })

  test.serial(`${cell}: no steps, no rows`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 4 }
    for (const sizes of [
      { time: 0, batch: 3, input: 2 },
      { time: 3, batch: 0, input: 2 },
    ]) {
      const lengths = Array<number>(sizes.batch).fill(0)
      for (const given of [
        drawInputs(stack, sizes),
        drawInputs(stack, sizes, { lengths, state: false }),
      ])
        await checkOp(t, recurrent(stack, given))
    }
    // The state passes through.
    const inputs = drawInputs(stack, { time: 0, batch: 3, input: 2 })
    for (const variant of VARIANTS) {
      const { hn } = await evaluate(recurrent(stack, inputs), variant)
      identical(t, { hn: hn! }, { hn: inputs['h0']!.data as Float64Array }, describe(variant))
    }
  })
}

test.serial('a length out of range fails every result', async (t) => {
  const stack = { cell: 'lstm', layers: 1, directions: 1, hidden: 3 } as const
  const inputs = drawInputs(stack, { time: 4, batch: 3, input: 2 })
  for (const variant of VARIANTS)
    for (const bad of [5, -1]) {
      select(variant)
      const tensors: Tensors = {}
      const lengths = ints([3], [4, 1, bad])
      for (const [name, host] of Object.entries({ ...inputs, lengths }))
        tensors[name] = upload(variant.device, host)
      const { x, h0, c0 } = tensors
      const result = native.recurrent(
        { ...stack, training: true, dropout: 0 },
        x!,
        parametersOf(stack, tensors),
        tensors['lengths']!,
        h0!,
        c0!,
      )
      const error = await t.throwsAsync(native.read(result.y), { code: 'ERR_INDEX' })
      t.is(error?.message, `[lstm] length ${bad} at position 2: expected 0..4`)
      await t.throwsAsync(native.read(result.hn), { code: 'ERR_INDEX' })
      for (const tensor of [...Object.values(tensors), ...Object.values(result)])
        if (tensor) native.dispose(tensor)
    }
})

/** Column b of [time, batch, width]. */
function takeRow(values: Float64Array, time: number, batch: number, width: number, b: number) {
  const row = new Float64Array(time * width)
  for (let t = 0; t < time; ++t)
    row.set(values.subarray((t * batch + b) * width, (t * batch + b + 1) * width), t * width)
  return row
}

function rowOf(inputs: Op['inputs'], b: number, length: number): Record<string, Host> {
  const picked: Record<string, Host> = {}
  for (const name of ['x', 'h0', 'c0']) {
    const host = inputs[name]
    if (!host) continue
    const [steps, batch, width] = host.shape as [number, number, number]
    const time = name === 'x' ? length : steps
    const data = takeRow(host.data as Float64Array, time, batch, width, b)
    picked[name] = { shape: [time, 1, width], data }
  }
  return picked
}
