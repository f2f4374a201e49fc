/**
 * The recurrent stack in bf16. A single step with operands that bf16 represents must be as exact as
 * f32; its gradients are products of what the bias gradients show; and a sequence must be, bit for
 * bit, its steps one by one. Deeper stacks are held against the reference within a tolerance.
 */
import test from 'ava'
import { native } from '#dist/native/index.js'
import { product, roundedInputs, toBf16 } from '../../support/bf16.mjs'
import { checkOp, drawUpstream, F32_TOLERANCE, SLOW } from '../../support/check.mjs'
import { identical, near, type Named } from '../../support/compare.mjs'
import { Draw, reals, size, type Host } from '../../support/host.mjs'
import { describe, evaluate, kernels, REFERENCE, type Variant } from '../../support/op.mjs'
import {
  CELLS,
  drawInputs,
  isFirstOfItsTiles,
  GATES,
  PHASES,
  recurrent,
  rowOf,
  slotNamesOf,
  STATES,
  type Sizes,
  type Stack,
} from '../../support/recurrent.mjs'

/** Rounding moves an operand by at most 2^-9 of itself, so a product by 2^-8: of one step. */
const TOLERANCE = 2 ** -7
/**
 * Over a sum those errors average out, here to a standard deviation of about 2^-10 of the largest
 * value; each step and layer adds its own and, with the weights drawn here, magnifies what came
 * before by 1.15; and of ten thousand elements the worst lies four deviations out.
 */
const STACK_TOLERANCE = 2 ** -6

const isBias = (name: string): boolean => name.startsWith('b_') || name === 'c0'

const pick = (from: Named, names: readonly string[]): Named =>
  Object.fromEntries(names.map((name) => [name, from[name] as Float64Array]))

/** Values of the steps of one op of many. */
const stepOf = ({ shape, data }: Host, t: number): Host => {
  const width = size(shape.slice(1))
  return { shape: [1, ...shape.slice(1)], data: data.slice(t * width, (t + 1) * width) }
}

/**
 * Cells alone and with each phase that draws once for all steps, of which half an amount is one that bf16
 * represents. Those that act on states alone (phases.test.mts) leave the operands of products as they are.
 */
const FORMS = CELLS.flatMap((cell) => [
  { cell, title: cell, settings: {} },
  ...PHASES.filter((phase) => phase.training).map(({ name, below }) => ({
    ...{ cell, title: `${cell}, ${name}` },
    settings: {
      phases: { [name]: below / 2 },
      random: { key: native.streamKey(3, cell), step: 1, sampleBase: 2 },
    },
  })),
])

for (const { cell, title, settings } of FORMS) {
  test.serial(`${title}: one step on operands that bf16 represents`, async (t) => {
    for (const [hidden, batch, input] of [
      [1, 1, 1],
      [5, 3, 7],
      [16, 1, 33],
      [33, 13, 16],
      [100, 7, 65],
      [257, 5, 3],
    ] as const) {
      const shape = { layers: 1, directions: 1, hidden, precision: 'bf16' as const }
      const stack = { cell, ...shape, ...settings }
      const inputs = roundedInputs(drawInputs(stack, { time: 1, batch, input }), isBias)
      const op = recurrent(stack, inputs)
      const reference = await evaluate(op, REFERENCE)
      // Its second product reads r h, which is rounded.
      const tolerance = rowOf(cell).products > 1 ? TOLERANCE : F32_TOLERANCE
      for (const variant of kernels(2))
        near(t, await evaluate(op, variant), reference, tolerance, describe(variant))
    }
  })

  test.serial(`${title}: a sequence is its steps one by one`, async (t) => {
    for (const [hidden, time, batch, input] of [
      [5, 5, 3, 4],
      [33, 5, 14, 17],
      [64, 5, 1, 32],
      [24, 40, 3, 8],
    ] as const)
      for (const variant of kernels(2))
        await checkSteps(t, variant, { cell, ...settings }, hidden, { time, batch, input })
  })
}

for (const cell of CELLS) {
  test.serial(`${cell}: gradients of one token are products of rounded operands`, async (t) => {
    for (const [hidden, input] of [
      [3, 5],
      [17, 16],
      [65, 33],
    ] as const) {
      const stack = { cell, layers: 1, directions: 1, hidden, precision: 'bf16' as const }
      const inputs = roundedInputs(drawInputs(stack, { time: 1, batch: 1, input }), isBias)
      const op = recurrent(stack, inputs)
      const upstream = drawUpstream(op, 4)
      const reference = await evaluate(op, REFERENCE, { upstream })
      const data = (name: string) => (inputs[name] as Host).data as Float64Array
      const gates = GATES[cell]! * hidden
      for (const variant of kernels()) {
        const isa = describe(variant)
        const actual = await evaluate(op, variant, { upstream })
        // With one token they are the gradients before the activations.
        const dgates = (actual['grad b_ih_0'] as Float64Array).map(toBf16)
        const dproduct = (actual['grad b_hh_0'] as Float64Array).map(toBf16)
        const expected: Named = {
          'grad x': product(dgates, data('w_ih_0'), [1, input, gates]),
          'grad w_ih_0': product(dgates, data('x'), [gates, input, 1]),
        }
        if (rowOf(cell).products === 1) {
          near(t, actual, pick(reference, ['grad b_ih_0', 'grad b_hh_0']), F32_TOLERANCE, isa)
          expected['grad w_hh_0'] = product(dproduct, data('h0'), [gates, hidden, 1])
        }
        if (!rowOf(cell).carriesH)
          expected['grad h0'] = product(dproduct, data('w_hh_0'), [1, hidden, gates])
        near(t, actual, expected, F32_TOLERANCE, `${isa}, H ${hidden}`)
        near(t, actual, reference, TOLERANCE, `${isa}, H ${hidden}, reference`)
      }
    }
  })

  test.serial(`${cell}: stacks, directions and ragged batches`, async (t) => {
    for (const [layers, directions, hidden, sizes, lengths] of [
      [1, 1, 1, { time: 2, batch: 1, input: 1 }, undefined],
      [1, 1, 7, { time: 6, batch: 1, input: 3 }, undefined],
      [2, 1, 5, { time: 3, batch: 3, input: 17 }, undefined],
      [2, 2, 17, { time: 4, batch: 4, input: 5 }, [4, 0, 2, 3]],
      [1, 2, 31, { time: 7, batch: 9, input: 10 }, [7, 1, 2, 7, 0, 3, 5, 6, 4]],
      [1, 1, 100, { time: 3, batch: 50, input: 33 }, undefined],
      [2, 1, 200, { time: 2, batch: 150, input: 5 }, undefined],
      [1, 1, 530, { time: 2, batch: 3, input: 513 }, undefined],
    ] as [number, number, number, Sizes, number[] | undefined][]) {
      if (hidden > 100 && (SLOW || !isFirstOfItsTiles(cell))) continue
      const stack = { cell, layers, directions, hidden, precision: 'bf16' as const }
      const op = recurrent(stack, drawInputs(stack, sizes, lengths ? { lengths } : {}))
      await checkOp(t, op, { tolerance: STACK_TOLERANCE, large: true, threads: [1, 2, 3] })
    }
  })
}

/** Forward bit for bit; backward too, but for the sums over steps. */
async function checkSteps(
  t: Parameters<typeof near>[0],
  variant: Variant,
  form: Pick<Stack, 'cell' | 'phases' | 'random'>,
  hidden: number,
  sizes: Sizes,
): Promise<void> {
  const { time, batch } = sizes
  const { cell } = form
  const stack = { ...form, layers: 1, directions: 1, hidden, precision: 'bf16' as const }
  const inputs = drawInputs(stack, sizes)
  const where = `${describe(variant)}, H ${hidden}`
  const draw = new Draw(5)
  const dy = draw.reals([time, batch, hidden])
  const whole = await evaluate(recurrent(stack, inputs, ['y']), variant, { upstream: { y: dy } })

  const states = STATES[cell]!
  const shape = [1, batch, hidden]
  const opOf = (step: number, at: Record<string, Host>, outputs: string[]) =>
    recurrent(stack, { ...inputs, ...at, x: stepOf(inputs['x'] as Host, step) }, outputs)
  const before: Record<string, Host>[] = []
  let carried: Record<string, Host> = Object.fromEntries(
    states.map((name) => [`${name}0`, inputs[`${name}0`] as Host]),
  )
  const y: number[] = []
  for (let step = 0; step < time; ++step) {
    before.push(carried)
    const made = await evaluate(opOf(step, carried, ['y']), variant)
    y.push(...(made['y'] as Float64Array))
    carried = Object.fromEntries(
      states.map((name) => [`${name}0`, reals(shape, made[`${name}n`] as Float64Array)]),
    )
  }
  const last = Object.fromEntries(
    states.map((name) => [`${name}n`, (carried[`${name}0`] as Host).data as Float64Array]),
  )
  identical(
    t,
    { y: Float64Array.from(y), ...last },
    pick(whole, ['y', ...Object.keys(last)]),
    where,
  )

  let upstream: Record<string, Host> = {}
  const dx: Float64Array[] = []
  const sums: Named = {}
  for (let step = time - 1; step >= 0; --step) {
    const op = opOf(step, before[step] as Record<string, Host>, ['y', ...Object.keys(upstream)])
    const made = await evaluate(op, variant, { upstream: { y: stepOf(dy, step), ...upstream } })
    dx.unshift(made['grad x'] as Float64Array)
    upstream = Object.fromEntries(
      states.map((name) => [`${name}n`, reals(shape, made[`grad ${name}0`] as Float64Array)]),
    )
    for (const name of slotNamesOf(cell).map((slot) => `${slot}_0`)) {
      if (!op.inputs[name]) continue
      const g = made[`grad ${name}`] as Float64Array
      sums[`grad ${name}`] = sums[`grad ${name}`]?.map((sum, i) => sum + (g[i] as number)) ?? g
    }
  }
  const first = Object.fromEntries(
    states.map((name) => [`grad ${name}0`, (upstream[`${name}n`] as Host).data as Float64Array]),
  )
  const all = Float64Array.from(dx.flatMap((step) => [...step]))
  const inputsOfSteps = { 'grad x': all, ...first }
  const expected = pick(whole, Object.keys(inputsOfSteps))
  // Then dh0 is the sum of two products, which a sequence forms in one go.
  const { apart } = rowOf(cell)
  if (apart) near(t, inputsOfSteps, expected, TOLERANCE, where)
  else identical(t, inputsOfSteps, expected, where)
  const tolerance = apart ? TOLERANCE : F32_TOLERANCE
  near(t, sums, pick(whole, Object.keys(sums)), tolerance, where)
}
