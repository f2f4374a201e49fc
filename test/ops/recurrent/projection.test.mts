/** Layers whose h is projected to fewer features than units (Sak et al. 2014; PyTorch's `proj_size`). */
import test from 'ava'
import { native } from '#dist/native/index.js'
import { product, roundedInputs, toBf16 } from '../../support/bf16.mjs'
import { checkGolden, checkOp, drawUpstream, F32_TOLERANCE, SLOW } from '../../support/check.mjs'
import { identical, near, type Named } from '../../support/compare.mjs'
import { golden } from '../../support/golden.mjs'
import { cut, poisoned, type Host } from '../../support/host.mjs'
import { allVariants, describe, evaluate, kernels, REFERENCE, select } from '../../support/op.mjs'
import {
  CELLS,
  drawInputs,
  GATES,
  isFirstOfItsTiles,
  mayProject,
  padded,
  recurrent,
  type Cell,
  type Sizes,
  type Stack,
} from '../../support/recurrent.mjs'

for (const { name, settings, tensors } of await golden<Stack>('projection'))
  test.serial(`PyTorch: ${name}`, async (t) => {
    const upstream = Object.fromEntries(
      ['y', 'hn', 'cn'].flatMap((key) => (tensors[`d${key}`] ? [[key, tensors[`d${key}`]!]] : [])),
    )
    await checkGolden(t, recurrent(settings, tensors), upstream, tensors)
  })

const random = { key: native.streamKey(5, 'projection'), step: 3, sampleBase: 7 }

/** Layers, directions, hidden, projection, sizes, lengths. */
type Form = [number, number, number, number, Sizes, number[]?]
const SMALL: Form[] = [
  [1, 1, 2, 1, { time: 1, batch: 1, input: 1 }],
  [1, 1, 3, 2, { time: 5, batch: 1, input: 3 }],
  [2, 1, 5, 1, { time: 1, batch: 3, input: 17 }],
  [1, 2, 17, 9, { time: 3, batch: 2, input: 1 }, [3, 1]],
  [3, 2, 4, 3, { time: 4, batch: 4, input: 5 }, [4, 0, 2, 4]],
]
const LARGE: Form[] = [
  [1, 1, 129, 64, { time: 3, batch: 17, input: 5 }],
  [2, 2, 31, 30, { time: 4, batch: 21, input: 16 }, Array.from({ length: 21 }, (_, b) => b % 5)],
  [1, 1, 64, 17, { time: 40, batch: 5, input: 3 }, [40, 17, 0, 39, 40]],
  [1, 2, 100, 33, { time: 3, batch: 50, input: 33 }, Array.from({ length: 50 }, (_, b) => b % 4)],
  [1, 1, 530, 200, { time: 2, batch: 13, input: 3 }],
]
const withLengths = (lengths?: number[]) => (lengths ? { lengths } : {})

for (const cell of CELLS.filter(mayProject)) {
  const title = `${cell}, projected`
  for (const [name, more] of [
    [title, {}],
    [`${title}, state dropout`, { phases: { state_dropout: 0.4 }, random }],
    [`${title}, zoneout`, { phases: { zoneout_hidden: 0.4, zoneout_cell: 0.3 }, random }],
  ] as const) {
    test.serial(`${name}: small stacks`, async (t) => {
      for (const [layers, directions, hidden, projection, sizes, lengths] of SMALL) {
        const stack = { cell, layers, directions, hidden, projection, ...more }
        await checkOp(t, recurrent(stack, drawInputs(stack, sizes, withLengths(lengths))))
        const bare = drawInputs(stack, sizes, { bias: false, state: false })
        await checkOp(t, recurrent(stack, bare))
      }
    })

    test.serial(`${name}: sizes around vectors, tiles and blocks`, async (t) => {
      for (const [layers, directions, hidden, projection, sizes, lengths] of LARGE) {
        const plain = !('phases' in more)
        if (hidden > 150 && (SLOW || !plain || !isFirstOfItsTiles(cell))) continue
        if (hidden > 64 && SLOW && !plain) continue
        const stack = { cell, layers, directions, hidden, projection, ...more }
        const inputs = drawInputs(stack, sizes, withLengths(lengths))
        await checkOp(t, recurrent(stack, inputs), { large: true, threads: [1, 2, 3] })
      }
    })
  }

  test.serial(
    `${title}: gradients from single outputs, beside dropout between layers`,
    async (t) => {
      const stack = {
        cell,
        layers: 2,
        directions: 2,
        hidden: 5,
        projection: 3,
        dropout: 0.4,
        random,
      }
      const inputs = drawInputs(stack, { time: 3, batch: 2, input: 4 }, { lengths: [3, 2] })
      for (const name of ['y', 'hn', 'cn']) await checkOp(t, recurrent(stack, inputs, [name]))
    },
  )

  test.serial(`${title}: inputs that are products with W already`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 19, projection: 7 }
    const sizes = { time: 4, batch: 4, input: 2 * GATES[cell]! * 19 }
    const inputs = drawInputs(stack, sizes, { lengths: [4, 0, 1, 3] })
    for (const run of [0, 1]) delete inputs[`w_ih_${run}`]
    await checkOp(t, recurrent(stack, inputs))
  })

  test.serial(`${title}: a stack without steps or rows`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 4, projection: 3 }
    for (const [time, batch] of [
      [0, 3],
      [3, 0],
    ] as const)
      await checkOp(t, recurrent(stack, drawInputs(stack, { time, batch, input: 2 })))
  })

  test.serial(`${title}: inference gives the same`, async (t) => {
    const shape = { cell, layers: 2, directions: 2, hidden: 19, projection: 10 }
    const lengths = [5, 0, 3, 5, 1, 2]
    for (const precision of ['f32', 'bf16'] as const)
      for (const variant of allVariants()) {
        const stack = { ...shape, precision }
        const op = recurrent(stack, drawInputs(stack, { time: 5, batch: 6, input: 7 }, { lengths }))
        const training = await evaluate(op, variant)
        select(variant)
        const inference = await evaluate(
          recurrent({ ...stack, inference: true }, op.inputs),
          variant,
        )
        identical(t, inference, training, `${describe(variant)}, ${precision}`)
      }
  })

  test.serial(`${title}: rows do as well alone, and padding is never read`, async (t) => {
    const lengths = [4, 0, 3, 1]
    for (const precision of ['f32', 'bf16'] as const)
      for (const variant of allVariants()) {
        const stack = { cell, layers: 2, directions: 2, hidden: 13, projection: 9, precision }
        const inputs = drawInputs(stack, { time: 4, batch: 4, input: 5 }, { lengths })
        const op = recurrent(stack, inputs)
        const upstream = drawUpstream(op, 4)
        const together = await evaluate(op, variant, { upstream })
        const dirty = recurrent(stack, { ...inputs, x: poisoned(inputs['x']!, lengths) })
        const dirtyUpstream = { ...upstream, y: poisoned(upstream['y']!, lengths) }
        const poison = await evaluate(dirty, variant, { upstream: dirtyUpstream })
        identical(t, poison, together, describe(variant))
        const tolerance = variant.device === 'reference' ? 0 : 1e-6
        for (const [b, length] of lengths.entries()) {
          const own: Record<string, Host> = { ...inputs, x: cut(inputs['x']!, b, length) }
          delete own['lengths']
          for (const name of ['h0', 'c0']) own[name] = cut(inputs[name]!, b, 4)
          const alone = await evaluate(recurrent(stack, own), variant)
          const expected: Named = {}
          for (const [name, steps, width] of [
            ['y', length, 18],
            ['hn', 4, 9],
            ['cn', 4, 13],
          ] as const) {
            const all = { shape: [4, 4, width], data: together[name] as Float64Array }
            expected[name] = cut(all, b, steps).data as Float64Array
          }
          near(t, alone, expected, tolerance, `${describe(variant)}, row ${b}`)
        }
      }
  })

  test.serial(`${title}: bf16 stacks`, async (t) => {
    // Sums of few terms may cancel all but their rounding; many steps add it up.
    const forms = [...SMALL, ...LARGE].filter(([, , hidden, , { time }]) => hidden > 16 && time < 6)
    for (const [layers, directions, hidden, projection, sizes, lengths] of forms) {
      if (SLOW && hidden > 150) continue
      const shape = { cell, layers, directions, hidden, projection }
      const stack = { ...shape, precision: 'bf16' as const }
      const op = recurrent(stack, drawInputs(stack, sizes, withLengths(lengths)))
      // As in bf16.test.mts.
      await checkOp(t, op, { large: true, tolerance: 2 ** -6, threads: [1, 2, 3] })
    }
  })

  test.serial(
    `${title}: in bf16 gradients of one token are products of rounded operands`,
    async (t) => {
      const [hidden, projection, input] = [33, 17, 16]
      const shape = { layers: 1, directions: 1, hidden, projection, precision: 'bf16' as const }
      const stack = { cell, ...shape }
      const drawn = drawInputs(stack, { time: 1, batch: 1, input })
      const inputs = roundedInputs(drawn, (name) => name.startsWith('b_') || name === 'c0')
      const op = recurrent(stack, inputs)
      const upstream = drawUpstream(op, 4)
      const data = (name: string) => (inputs[name] as Host).data as Float64Array
      const gates = GATES[cell]! * hidden
      for (const variant of kernels()) {
        const actual = await evaluate(op, variant, { upstream })
        const dgates = (actual['grad b_ih_0'] as Float64Array).map(toBf16)
        const expected: Named = {
          'grad x': product(dgates, data('w_ih_0'), [1, input, gates]),
          'grad w_hh_0': product(dgates, data('h0'), [gates, projection, 1]),
          'grad h0': product(dgates, data('w_hh_0'), [1, projection, gates]),
        }
        near(t, actual, expected, F32_TOLERANCE, describe(variant))
        near(t, actual, await evaluate(op, REFERENCE, { upstream }), 2 ** -7, describe(variant))
      }
    },
  )
}

test.serial('what makes no sense is refused', (t) => {
  const full = (...shape: number[]) => native.full('cpu', 'f32', shape, 0)
  const call = (cell: string, projection: number, slots: unknown[]) =>
    native.recurrent(
      {
        ...{ cell, projection, layers: 1, directions: 1, hidden: 3, training: false, dropout: 0 },
      } as never,
      full(1, 1, 2),
      [padded(cell as Cell, slots) as never],
      ...([null, null, null] as const),
    )
  const lstm = [full(12, 2), full(12, 2), null, null]
  t.notThrows(() => call('lstm', 2, [...lstm, full(2, 3)]))
  t.throws(() => call('lstm', 2, [...lstm, null]), { message: /weight_hr_l0: expected/ })
  t.throws(() => call('lstm', 3, [...lstm, full(3, 3)]), {
    message: /projection: .* below .* got 3/,
  })
  t.throws(() => call('lstm', 0, [full(12, 2), full(12, 3), null, null, full(2, 3)]), {
    message: /weight_hr_l0: expected null without a projection/,
  })
  t.throws(() => call('gru', 2, [full(9, 2), full(9, 2), null, null]), {
    message: /projection: expected none for this cell, got 2/,
  })
})
