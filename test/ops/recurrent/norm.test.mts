/** Layer norm inside a cell (Ba et al. 2016): RnRecurrentDesc in native/abi/args/recurrent.h. */
import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp, SLOW } from '../../support/check.mjs'
import { identical, near, type Named } from '../../support/compare.mjs'
import { decoder, drawInputs as drawDecoder, type Decoder } from '../../support/decoder.mjs'
import { golden } from '../../support/golden.mjs'
import { cut, type Host } from '../../support/host.mjs'
import { allVariants, describe, evaluate } from '../../support/op.mjs'
import { select } from '../../support/op.mjs'
import {
  CELLS,
  drawInputs,
  GATES,
  mayNorm,
  mayProject,
  recurrent,
  rowOf,
  STATES,
  type Sizes,
  type Stack,
} from '../../support/recurrent.mjs'

for (const { name, settings, tensors } of await golden<Stack>('norm'))
  test.serial(`a plain PyTorch cell: ${name}`, async (t) => {
    const upstream = Object.fromEntries(
      ['y', 'hn', 'cn'].flatMap((key) => (tensors[`d${key}`] ? [[key, tensors[`d${key}`]!]] : [])),
    )
    await checkGolden(t, recurrent(settings, tensors), upstream, tensors)
  })

const random = { key: native.streamKey(5, 'norm'), step: 3, sampleBase: 7 }
const norm = true as const

/**
 * Layers, directions, hidden, sizes, lengths. A norm over three units magnifies what a last digit of the inputs
 * does fifty times, over a dozen hardly; and with one feature of input W x has a direction and nothing else.
 */
type Form = [number, number, number, Sizes, number[]?]
const SMALL: Form[] = [
  [1, 1, 12, { time: 5, batch: 1, input: 3 }],
  [2, 2, 9, { time: 3, batch: 3, input: 4 }, [3, 0, 2]],
]
const LARGE: Form[] = [
  [1, 2, 17, { time: 3, batch: 2, input: 4 }, [3, 1]],
  [2, 1, 129, { time: 3, batch: 17, input: 5 }],
]
const withLengths = (lengths?: number[]) => (lengths ? { lengths } : {})

for (const cell of CELLS.filter(mayNorm)) {
  const { options, hasC } = rowOf(cell)
  const cellOptions = {
    ...{ gate: 'hard_sigmoid', candidate: 'relu', output: 'tanh' },
    ...{ gateClip: 0.9, cellClip: Infinity },
  } as const
  const forms: [string, Partial<Stack>][] = [
    ...(options ? [] : [['alone', {}] as [string, object]]),
    ['state dropout', { phases: { state_dropout: 0.4 }, random, ...(options && { cellOptions }) }],
    ['zoneout', { phases: { zoneout_hidden: 0.4, ...(hasC && { zoneout_cell: 0.3 }) }, random }],
    ...(mayProject(cell) ? [['projected', { projection: 5 }] as [string, object]] : []),
  ]
  for (const [name, more] of forms)
    test.serial(`${cell}, ${name}`, async (t) => {
      for (const [layers, directions, hidden, sizes, lengths] of options ? SMALL.slice(1) : SMALL) {
        const stack = { cell, layers, directions, hidden, norm, ...more } as Stack
        await checkOp(t, recurrent(stack, drawInputs(stack, sizes, withLengths(lengths))))
      }
      for (const [layers, directions, hidden, sizes, lengths] of LARGE) {
        if (options || (SLOW && hidden > 100)) continue
        const stack = { cell, layers, directions, hidden, norm, ...more } as Stack
        const op = recurrent(stack, drawInputs(stack, sizes, withLengths(lengths)))
        await checkOp(t, op, { large: true, threads: [1, 3] })
      }
    })

  // What follows is the same for them.
  if (options) continue

  test.serial(`${cell}, in bf16`, async (t) => {
    for (const [layers, directions, hidden, sizes, lengths] of LARGE) {
      const shape = { cell, layers, directions, hidden, norm }
      const stack = { ...shape, precision: 'bf16' as const }
      const op = recurrent(stack, drawInputs(stack, sizes, withLengths(lengths)))
      await checkOp(t, op, { large: true, tolerance: 2 ** -6, threads: [1, 2] })
    }
  })

  test.serial(`${cell}, inputs that are products with W already, and no rows`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 5, norm }
    const sizes = { time: 4, batch: 3, input: 2 * GATES[cell]! * 5 }
    const inputs = drawInputs(stack, sizes, { lengths: [4, 0, 3] })
    for (const run of [0, 1]) delete inputs[`w_ih_${run}`]
    await checkOp(t, recurrent(stack, inputs))
    for (const [time, batch] of [
      [0, 3],
      [3, 0],
    ] as const)
      await checkOp(t, recurrent(stack, drawInputs(stack, { time, batch, input: 2 })))
  })

  test.serial(`${cell}, inference gives the same, and rows do as well alone`, async (t) => {
    const lengths = [4, 0, 3, 1]
    for (const precision of ['f32', 'bf16'] as const)
      for (const variant of allVariants()) {
        const stack = { cell, layers: 2, directions: 2, hidden: 13, norm, precision }
        const inputs = drawInputs(stack, { time: 4, batch: 4, input: 5 }, { lengths })
        const together = await evaluate(recurrent(stack, inputs), variant)
        const where = `${describe(variant)}, ${precision}`
        select(variant)
        const inference = recurrent({ ...stack, inference: true }, inputs)
        identical(t, await evaluate(inference, variant), together, where)
        for (const [b, length] of lengths.entries()) {
          const own: Record<string, Host> = { ...inputs, x: cut(inputs['x']!, b, length) }
          delete own['lengths']
          const states = STATES[cell]!
          for (const state of states) own[`${state}0`] = cut(inputs[`${state}0`]!, b, 4)
          const alone = await evaluate(recurrent(stack, own), variant)
          const expected: Named = {}
          for (const name of ['y', ...states.map((state) => `${state}n`)]) {
            const shape = [4, 4, name === 'y' ? 26 : 13]
            const all = { shape, data: together[name] as Float64Array }
            expected[name] = cut(all, b, name === 'y' ? length : 4).data as Float64Array
          }
          near(t, alone, expected, variant.device === 'reference' ? 0 : 1e-6, `${where}, row ${b}`)
        }
      }
  })

  test.serial(`${cell}, in a decoder`, async (t) => {
    const sizes = { time: 3, batch: 3, input: 3, keys: 4, features: 4, width: 3, output: 4 }
    const lengths = { lengths: [3, 0, 2], memoryLengths: [3, 4, 0] }
    for (const feeding of ['context', 'output'] as const) {
      const settings: Decoder = { cell, layers: 2, hidden: 9, score: 'additive', feeding, norm }
      await checkOp(t, decoder(settings, drawDecoder(settings, sizes, lengths)))
      const projected = { ...settings, projection: 3, precision: 'f32' as const }
      if (hasC) await checkOp(t, decoder(projected, drawDecoder(projected, sizes, lengths)))
    }
  })
}

test.serial('what makes no sense is refused', (t) => {
  const full = (...shape: number[]) => native.full('cpu', 'f32', shape, 0)
  const call = (cell: string, norm: boolean, slots: unknown[]) =>
    native.recurrent(
      {
        ...{ cell, norm, layers: 1, directions: 1, hidden: 3, training: false, dropout: 0 },
      } as never,
      full(1, 1, 2),
      [slots as never],
      ...([null, null, null] as const),
    )
  const gru = [full(9, 2), full(9, 3), null, null]
  t.notThrows(() => call('gru', true, [...gru, full(9), full(9)]))
  t.throws(() => call('gru', true, [...gru, full(9), null]), { message: /norm_hh_l0: expected/ })
  t.throws(() => call('gru', false, [...gru, full(9), null]), {
    message: /norm_ih_l0: expected null without layer norm/,
  })
  t.throws(() => call('gru_reset_before', true, gru), {
    message: /norm: expected false, the cell has no layer norm/,
  })
})
