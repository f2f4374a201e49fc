/** Every cell with every phase that a step may have beside it: native/abi/cells.h lists both. */
import test from 'ava'
import { native, type NativeRandom } from '#dist/native/index.js'
import { checkGolden, checkOp, drawUpstream } from '../../support/check.mjs'
import { identical, near, type Named } from '../../support/compare.mjs'
import { golden } from '../../support/golden.mjs'
import { cut, poisoned, type Host } from '../../support/host.mjs'
import {
  allVariants,
  describe,
  evaluate,
  kernels,
  REFERENCE,
  type Variant,
} from '../../support/op.mjs'
import {
  CELLS,
  drawInputs,
  type Cell,
  PHASES,
  recurrent,
  rowOf,
  type Sizes,
  type Stack,
} from '../../support/recurrent.mjs'

const randomOf = (sampleBase: number): NativeRandom => ({
  ...{ key: native.streamKey(5, 'phases'), step: 3, sampleBase },
})
interface GoldenStack extends Omit<Stack, 'random'> {
  random?: Omit<NativeRandom, 'key'> & { key: number[] }
}
for (const { name, settings, tensors } of [
  ...(await golden<GoldenStack>('phases')),
  ...(await golden<GoldenStack>('zoneout')),
])
  test.serial(`PyTorch: ${name}`, async (t) => {
    const { random, ...rest } = settings
    const drawn = random && { random: { ...random, key: new Uint32Array(random.key) } }
    const stack = { ...rest, ...drawn }
    const upstream = Object.fromEntries(
      ['y', 'hn', 'cn'].flatMap((key) => (tensors[`d${key}`] ? [[key, tensors[`d${key}`]!]] : [])),
    )
    await checkGolden(t, recurrent(stack, tensors), upstream, tensors)
  })

/** As it is in inference. */
const expectedOf = ({ random: _, ...stack }: Stack): Stack => stack

/** Layers, directions, hidden, sizes, lengths. */
const SMALL: [number, number, number, Sizes, number[]?][] = [
  [1, 1, 1, { time: 1, batch: 1, input: 1 }],
  [1, 1, 3, { time: 5, batch: 1, input: 3 }],
  [2, 1, 5, { time: 1, batch: 3, input: 17 }],
  [1, 2, 17, { time: 3, batch: 2, input: 1 }, [3, 1]],
  [2, 2, 4, { time: 4, batch: 4, input: 5 }, [4, 0, 2, 4]],
]
const LARGE: typeof SMALL = [
  [1, 1, 129, { time: 3, batch: 17, input: 5 }],
  [2, 2, 31, { time: 4, batch: 21, input: 16 }, Array.from({ length: 21 }, (_, b) => b % 5)],
]

/** Those that a cell can have: what acts in training only, and what does not. */
const of = (cell: Cell, training: boolean) =>
  PHASES.filter((phase) => phase.training === training && (!phase.ofC || rowOf(cell).hasC))
const amountsOf = (phases: typeof PHASES): NonNullable<Stack['phases']> =>
  Object.fromEntries(phases.map(({ name, below }, i) => [name, (0.4 - 0.1 * i) * below]))

for (const cell of CELLS)
  for (const training of [true, false]) {
    const names = of(cell, training).map(({ name }) => name)
    const phases = amountsOf(of(cell, training))
    const title = `${cell}, ${names.join(', ')}`
    const stackOf = (layers: number, directions: number, hidden: number) => ({
      ...{ cell, layers, directions, hidden, phases, random: randomOf(7) },
    })

    test.serial(`${title}: small stacks`, async (t) => {
      for (const [layers, directions, hidden, sizes, lengths] of SMALL) {
        const stack = stackOf(layers, directions, hidden)
        // Sums for so few units may nearly cancel; their terms are about 1.
        const floor = 0.1
        const inputs = drawInputs(stack, sizes, lengths ? { lengths } : {})
        await checkOp(t, recurrent(stack, inputs), { floor })
        if (!training && !lengths) continue
        const drawing = training ? { bias: false, state: false } : { lengths: lengths! }
        const other = drawInputs(stack, sizes, drawing)
        await checkOp(t, recurrent(training ? stack : expectedOf(stack), other), { floor })
      }
    })

    test.serial(`${title}: sizes around vectors, tiles and blocks`, async (t) => {
      for (const [layers, directions, hidden, sizes, lengths] of LARGE.slice(training ? 0 : 1)) {
        const stack = stackOf(layers, directions, hidden)
        const inputs = drawInputs(stack, sizes, lengths ? { lengths } : {})
        await checkOp(t, recurrent(stack, inputs), { large: true, threads: [1, 2, 3] })
      }
    })

    test.serial(`${title}: beside dropout between layers and all other phases`, async (t) => {
      const all = amountsOf([...of(cell, true), ...of(cell, false)])
      const stack = { ...stackOf(3, 2, 6), phases: training ? phases : all, dropout: 0.4 }
      const inputs = drawInputs(stack, { time: 4, batch: 3, input: 3 }, { lengths: [4, 2, 3] })
      await checkOp(t, recurrent(stack, inputs))
    })

    test.serial(`${title}: rows do as well alone, and padding is never read`, async (t) => {
      for (const precision of ['f32', 'bf16'] as const)
        for (const variant of allVariants()) await checkRows(t, variant, precision)
    })

    // What bf16.test.mts checks of a sequence of steps holds with it for stacks.
    const checkRows = async (
      t: Parameters<typeof near>[0],
      variant: Variant,
      precision: 'f32' | 'bf16',
    ) => {
      const stack = { ...stackOf(2, 2, 9), precision }
      const lengths = [4, 0, 3, 1]
      const inputs = drawInputs(stack, { time: 4, batch: 4, input: 5 }, { lengths })
      const op = recurrent(stack, inputs)
      const upstream = drawUpstream(op, 4)
      const dirty = recurrent(stack, { ...inputs, x: poisoned(inputs['x']!, lengths) })
      const dirtyUpstream = { ...upstream, y: poisoned(upstream['y']!, lengths) }
      const together = await evaluate(op, variant, { upstream })
      const poison = await evaluate(dirty, variant, { upstream: dirtyUpstream })
      identical(t, poison, together, describe(variant))
      for (const [b, length] of lengths.entries()) {
        const { lengths: _, ...given } = { ...inputs, ...pickRow(inputs, b, length) }
        const own = { ...stack, random: randomOf(7 + b) }
        const alone = await evaluate(recurrent(own, given), variant)
        const expected: Named = {}
        for (const [output, steps, width] of [
          ['y', length, 18],
          ['hn', 4, 9],
        ] as const) {
          const all = { shape: [4, 4, width], data: together[output] as Float64Array }
          expected[output] = cut(all, b, steps).data as Float64Array
        }
        const tolerance = variant.device === 'reference' ? 0 : 1e-6
        delete alone['cn']
        near(t, alone, expected, tolerance, `${describe(variant)}, row ${b}`)
      }
    }

    test.serial(`${title}: an amount of 0 is none`, async (t) => {
      const stack = stackOf(2, 2, 5)
      const inputs = drawInputs(stack, { time: 3, batch: 2, input: 4 })
      for (const variant of [REFERENCE, ...kernels()]) {
        const none = await evaluate(recurrent({ ...stack, phases: {} }, inputs), variant)
        const { random: _, ...rest } = stack
        const zero = { ...rest, phases: Object.fromEntries(names.map((name) => [name, 0])) }
        identical(t, await evaluate(recurrent(zero, inputs), variant), none, describe(variant))
        const some = await evaluate(recurrent(stack, inputs), variant)
        t.notDeepEqual(some['y'], none['y'], describe(variant))
      }
    })

    if (!training)
      test.serial(`${title}: inference gives the same`, async (t) => {
        const drawn = stackOf(2, 2, 19)
        for (const stack of [drawn, expectedOf(drawn)])
          for (const precision of ['f32', 'bf16'] as const)
            for (const variant of [REFERENCE, ...kernels()]) {
              const inputs = drawInputs(
                stack,
                { time: 5, batch: 3, input: 4 },
                { lengths: [5, 0, 3] },
              )
              const run = (inference: boolean) =>
                evaluate(recurrent({ ...stack, precision, inference }, inputs), variant)
              identical(t, await run(true), await run(false), describe(variant))
            }
      })

    test.serial(`${title}: a stack without steps or rows`, async (t) => {
      const stack = stackOf(2, 2, 4)
      for (const sizes of [
        { time: 0, batch: 3, input: 2 },
        { time: 3, batch: 0, input: 2 },
      ])
        await checkOp(t, recurrent(stack, drawInputs(stack, sizes)))
    })
  }

function pickRow(inputs: Record<string, Host>, b: number, length: number): Record<string, Host> {
  const picked: Record<string, Host> = { x: cut(inputs['x']!, b, length) }
  for (const name of ['h0', 'c0']) {
    const state = inputs[name]
    if (state) picked[name] = cut(state, b, state.shape[0] as number)
  }
  return picked
}
