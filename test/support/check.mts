/**
 * The checks every op goes through. The reference is held against finite differences; all kernels
 * against the reference, in all gradient modes, on views, and bit for bit across
 * thread counts.
 */
import type { ExecutionContext } from 'ava'
import { identical, near, type Named } from './compare.mjs'
import { Draw, type Host } from './host.mjs'
import {
  describe,
  evaluate,
  INITIAL,
  isas,
  kernels,
  REFERENCE,
  type Op,
  type Options,
  type Variant,
} from './op.mjs'

export const FINITE_DIFFERENCE_TOLERANCE = 1e-6
export const F32_TOLERANCE = 1e-5
/** Sums in another order than the reference's; what PyTorch in double may differ by. */
export const F64_TOLERANCE = 1e-11

/**
 * Where the reference is known to be right: without finite differences, which concern it alone,
 * without each gradient of a large op by itself and, where CUDA alone is tried, without the modes of
 * the reference.
 */
export const BRIEF = process.env['RNNATIVE_TEST_BRIEF'] !== undefined
/** Besides, where kernels are slow, as under sanitizers and in emulation: without the largest recurrences. */
export const SLOW = process.env['RNNATIVE_TEST_BRIEF'] === 'slow'

export interface CheckOptions {
  tolerance?: number
  /** See `difference`: for results that are zero in exact arithmetic. */
  floor?: number
  /** The function has a kink or a jump at the inputs: no finite differences. */
  rough?: boolean
  /** Enough work for several threads; too much to difference and repeat on the reference. */
  large?: boolean
  threads?: readonly number[]
  seed?: number
  /** Upstream gradients; random ones unless given. */
  upstream?: Record<string, Host>
}

/** Random upstream gradients for the outputs named in `op.shapes`. */
export function drawUpstream(op: Op, seed: number): Record<string, Host> {
  const draw = new Draw(seed)
  return Object.fromEntries(
    Object.entries(op.shapes).map(([name, shape]) => [name, draw.reals(shape)]),
  )
}

export async function checkOp(
  t: ExecutionContext,
  op: Op,
  options: CheckOptions = {},
): Promise<void> {
  const { tolerance = F32_TOLERANCE, floor = 0, threads = [1, 2], seed = 1 } = options
  const { upstream = drawUpstream(op, seed) } = options
  const expected = await evaluate(op, REFERENCE, { upstream })
  if (!options.large) {
    if (!options.rough && !BRIEF) await checkFiniteDifferences(t, op, upstream, expected, seed)
    if (!BRIEF || isas().length > 0)
      await checkModes(t, op, { upstream }, expected, REFERENCE, F64_TOLERANCE, floor)
  }

  for (const one of kernels()) {
    const actual = await evaluate(op, one, { upstream })
    near(t, actual, expected, tolerance, describe(one), floor)
    for (const count of repeatedOn(one, threads)) {
      const many = { ...one, threads: count }
      identical(t, await evaluate(op, many, { upstream }), actual, describe(many))
    }
    const last = { ...one, threads: threads.at(-1) ?? 1 }
    await checkModes(t, op, { upstream }, expected, last, tolerance, floor, options.large && BRIEF)
  }
}

/** Thread counts that must give the same bits. */
function repeatedOn({ device }: Variant, threads: readonly number[]): readonly number[] {
  if (SLOW && device === 'cuda') return []
  return BRIEF ? threads.slice(-1) : threads.slice(1)
}

/** What gradients are when they are added to INITIAL. */
function afterInitial(expected: Named): Named {
  return Object.fromEntries(
    Object.entries(expected).map(([name, values]) => [
      name,
      name.startsWith('grad ') ? values.map((value) => value + INITIAL) : values,
    ]),
  )
}

/** Added to, with every tensor a view (where kernels are slow, both at once), and some alone (all others skipped). */
async function checkModes(
  t: ExecutionContext,
  op: Op,
  options: Options,
  expected: Named,
  variant: Variant,
  tolerance: number,
  floor: number,
  brief = false,
): Promise<void> {
  const where = describe(variant)
  const within = async (given: Options, values: Named, what: string) => {
    const viewed = await evaluate(op, variant, { ...options, ...given, views: true })
    near(t, viewed, values, tolerance, `${where}, ${what}`, given.mode ? INITIAL : floor)
    t.true(
      viewed['guards']?.every((value) => value === 0),
      `${where}: wrote outside a view`,
    )
  }
  const sums = afterInitial(expected)
  if (SLOW) await within({ mode: 'add' }, sums, 'gradients added, views')
  else {
    const added = await evaluate(op, variant, { ...options, mode: 'add' })
    near(t, added, sums, tolerance, `${where}, gradients added`, INITIAL)
    await within({}, expected, 'views')
  }
  for (const only of brief ? [] : partsOf(op)) {
    const keys = only.map((name) => `grad ${name}`)
    const some = await evaluate(op, variant, { ...options, only })
    const pick = Object.fromEntries(keys.map((key) => [key, expected[key] as Float64Array]))
    near(t, some, pick, tolerance, `${where}, only ${keys.join(', ')}`, floor)
  }
}

/** More gradients than these are not asked for one by one. */
const FEW = 8

/** Which gradients are asked for without the others: each alone; of many, and where kernels are slow, every other one. */
function partsOf({ differentiable, inputs }: Op): string[][] {
  const names = differentiable.filter((name) => inputs[name])
  if (names.length < 2) return []
  if (!SLOW && names.length <= FEW) return names.map((name) => [name])
  return [0, 1].map((rest) => names.filter((_, i) => i % 2 === rest))
}

const STEP = 1e-5
const DIRECTIONS = 4

/**
 * Central differences of sum(output * upstream) along random directions of every input, of length 1 and with every element
 * in each: an element whose gradient is wrong shows in all of them.
 */
async function checkFiniteDifferences(
  t: ExecutionContext,
  op: Op,
  upstream: Record<string, Host>,
  gradients: Named,
  seed: number,
): Promise<void> {
  const draw = new Draw(seed + 1)
  const loss = async (name: string, direction: Float64Array, step: number): Promise<number> => {
    const { shape, data: at } = op.inputs[name] as Host
    const data = Float64Array.from(at, (x, i) => x + step * (direction[i] as number))
    const inputs = { ...op.inputs, [name]: { shape, data } }
    const outputs = await evaluate({ ...op, inputs }, REFERENCE)
    let sum = 0
    for (const [output, { data: weights }] of Object.entries(upstream))
      outputs[output]?.forEach((value, i) => (sum += value * (weights[i] as number)))
    return sum
  }
  for (const name of op.differentiable) {
    const n = op.inputs[name]?.data.length ?? 0
    const gradient = gradients[`grad ${name}`]
    if (!gradient || n === 0) continue
    const errors = Array.from({ length: Math.min(n, DIRECTIONS) }, async () => {
      const length = 1 / Math.sqrt(n)
      const direction = Float64Array.from({ length: n }, () =>
        draw.next() < 0.5 ? -length : length,
      )
      const [above, below] = await Promise.all([
        loss(name, direction, STEP),
        loss(name, direction, -STEP),
      ])
      const slope = gradient.reduce((sum, value, i) => sum + value * (direction[i] as number), 0)
      return Math.abs((above - below) / (2 * STEP) - slope)
    })
    const scale = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
    const worst = Math.max(...(await Promise.all(errors))) / scale
    t.true(
      worst <= FINITE_DIFFERENCE_TOLERANCE,
      `reference: grad ${name} is ${worst.toExponential(2)} from finite differences`,
    )
  }
}

/** Every backend against what PyTorch computed in double. */
export async function checkGolden(
  t: ExecutionContext,
  op: Op,
  upstream: Record<string, Host>,
  tensors: Record<string, Host>,
): Promise<void> {
  const expected: Named = {}
  for (const name of Object.keys(op.shapes)) expected[name] = tensors[name]?.data as Float64Array
  for (const name of op.differentiable)
    if (op.inputs[name]) expected[`grad ${name}`] = tensors[`grad_${name}`]?.data as Float64Array
  near(t, await evaluate(op, REFERENCE, { upstream }), expected, F64_TOLERANCE, 'reference')
  for (const variant of kernels(2)) {
    const actual = await evaluate(op, variant, { upstream })
    near(t, actual, expected, F32_TOLERANCE, describe(variant))
  }
}
