/** Cells with options (RnCellOptions in native/abi/cells.h): activations, clipping, some peepholes and none. */
import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp } from '../../support/check.mjs'
import { identical, near } from '../../support/compare.mjs'
import { golden } from '../../support/golden.mjs'
import { reals } from '../../support/host.mjs'
import { describe, evaluate, kernels, REFERENCE } from '../../support/op.mjs'
import {
  CELLS,
  drawInputs,
  padded,
  recurrent,
  rowOf,
  slotNamesOf,
  type Cell,
  type Sizes,
  type Stack,
} from '../../support/recurrent.mjs'

type Options = NonNullable<Stack['cellOptions']>

const USUAL: Options = {
  ...{ gate: 'sigmoid', candidate: 'tanh', output: 'tanh' },
  ...{ gateClip: Infinity, cellClip: Infinity },
}

for (const { name, settings, tensors } of await golden<Stack>('variants'))
  test.serial(`onnxruntime and PyTorch: ${name}`, async (t) => {
    const upstream = Object.fromEntries(
      ['y', 'hn', 'cn'].flatMap((key) => (tensors[`d${key}`] ? [[key, tensors[`d${key}`]!]] : [])),
    )
    await checkGolden(t, recurrent(settings, tensors), upstream, tensors)
  })

const SIZES: [number, number, number, Sizes, number[]?][] = [
  [1, 1, 3, { time: 5, batch: 1, input: 3 }],
  [2, 2, 17, { time: 4, batch: 4, input: 5 }, [4, 0, 2, 4]],
]
/** The choices that differ from an LSTM's, each at least once. */
const CHOICES: Partial<Options>[] = [
  { gate: 'hard_sigmoid' },
  { gate: 'relu', cellClip: 1 },
  { candidate: 'identity', output: 'identity' },
  { candidate: 'relu', output: 'sigmoid' },
  { gate: 'tanh', candidate: 'sigmoid', output: 'relu' },
  { candidate: 'hard_sigmoid', output: 'hard_sigmoid' },
  { gateClip: 0.4 },
  { cellClip: 0.3 },
  { gate: 'hard_sigmoid', candidate: 'relu', gateClip: 0.7 },
  { gate: 'hard_sigmoid', candidate: 'relu', gateClip: 0.7, cellClip: 0.2 },
]

/** Whether the cell has what a choice is about. */
const heeds = (cell: Cell, choice: Partial<Options>): boolean => {
  const { hasC, gates } = rowOf(cell)
  return Object.keys(choice).every((name) =>
    name === 'gate' ? gates > 1 : name === 'output' || name === 'cellClip' ? hasC : true,
  )
}

for (const cell of CELLS.filter((name) => rowOf(name).options)) {
  for (const choice of CHOICES.filter((choice) => heeds(cell, choice)))
    test.serial(`${cell}, ${JSON.stringify(choice)}`, async (t) => {
      for (const [layers, directions, hidden, sizes, lengths] of SIZES) {
        const cellOptions = { ...USUAL, ...choice }
        const stack = { cell, layers, directions, hidden, cellOptions }
        await checkOp(t, recurrent(stack, drawInputs(stack, sizes, lengths ? { lengths } : {})))
      }
    })

  if (!slotNamesOf(cell).some((name) => name.startsWith('peephole_'))) continue
  test.serial(`${cell}: any of the peepholes, absent ones being zero`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 19 }
    const inputs = drawInputs(stack, { time: 4, batch: 3, input: 5 }, { lengths: [4, 2, 3] })
    const peepholes = slotNamesOf(cell).filter((name) => name.startsWith('peephole_'))
    for (const kept of [[], ...peepholes.map((name) => [name])]) {
      const some = Object.fromEntries(
        Object.entries(inputs).filter(
          ([name]) => !name.startsWith('peephole_') || kept.includes(name.slice(0, 10)),
        ),
      )
      const zeros = Object.fromEntries(
        Object.entries(inputs).map(([name, host]) => [
          name,
          name in some ? host : reals(host.shape, new Float64Array(host.data.length)),
        ]),
      )
      await checkOp(t, recurrent(stack, some))
      for (const variant of [REFERENCE, ...kernels()]) {
        const { y } = await evaluate(recurrent(stack, zeros), variant)
        const { y: own } = await evaluate(recurrent(stack, some), variant)
        identical(t, { y: own! }, { y: y! }, describe(variant))
      }
    }
  })
}

for (const [general, cell] of [
  ['lstm_general', 'lstm'],
  ['gru_general', 'gru'],
  ['rnn_general', 'rnn_tanh'],
] as const)
  test.serial(`${general} without any of it is ${cell}`, async (t) => {
    const stack = { cell, layers: 2, directions: 2, hidden: 21 } as const
    const inputs = drawInputs(stack, { time: 5, batch: 3, input: 4 }, { lengths: [5, 1, 4] })
    for (const variant of [REFERENCE, ...kernels()]) {
      const expected = await evaluate(recurrent(stack, inputs), variant)
      const made = await evaluate(recurrent({ ...stack, cell: general }, inputs), variant)
      const own = Object.fromEntries(Object.keys(expected).map((name) => [name, made[name]!]))
      near(t, own, expected, variant.device === 'reference' ? 1e-14 : 2e-6, describe(variant))
    }
  })

test.serial('what is no choice is refused', (t) => {
  const x = native.full('cpu', 'f32', [1, 1, 2], 0)
  const w = native.full('cpu', 'f32', [8, 2], 0)
  const call = (cellOptions: unknown, cell = 'lstm_general') =>
    native.recurrent(
      {
        cell,
        layers: 1,
        directions: 1,
        hidden: 2,
        training: false,
        dropout: 0,
        cellOptions,
      } as never,
      x,
      [padded(cell as Cell, [w, w])],
      ...([null, null, null] as const),
    )
  t.notThrows(() => call(null))
  t.notThrows(() => call(null, 'lstm'))
  t.throws(() => call({ ...USUAL, gate: 'swish' }), { message: /gate: expected one of sigmoid/ })
  t.throws(() => call({ ...USUAL, gateClip: 0 }), {
    message: /gateClip, cellClip: expected bounds/,
  })
  t.throws(() => call({ ...USUAL, cellClip: NaN }), { message: /gateClip, cellClip/ })
  t.throws(() => call({}), { code: 'ERR_ARGUMENT' })
})
