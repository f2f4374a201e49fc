import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'
import type { OptimizerOptions } from '#dist/ops/optimizer.js'
import { F32_TOLERANCE, F64_TOLERANCE } from '../support/check.mjs'
import { identical, near, type Named } from '../support/compare.mjs'
import { golden } from '../support/golden.mjs'
import { download, Draw, ints, reals, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, kernels, REFERENCE, select, type Variant } from '../support/op.mjs'

/** As test/golden/make.py writes them. */
interface Settings {
  kind: OptimizerOptions['kind']
  clip_norm: number
  lr: number
  weight_decay: number
  momentum?: number
  dampening?: number
  beta1: number
  beta2: number
  eps?: number
  alpha?: number
  lr_decay?: number
  nesterov?: boolean
  centered?: boolean
}

const GOLDEN = await golden<Settings>('optimizers')

const optionsOf = (s: Settings, step: number): OptimizerOptions => ({
  kind: s.kind,
  clipNorm: s.clip_norm,
  lr: s.lr,
  weightDecay: s.weight_decay,
  momentum: s.momentum ?? 0,
  dampening: s.dampening ?? 0,
  beta1: s.beta1,
  beta2: s.beta2,
  eps: s.eps ?? 0,
  alpha: s.alpha ?? 0,
  lrDecay: s.lr_decay ?? 0,
  nesterov: s.nesterov ?? false,
  centered: s.centered ?? false,
  step,
})

/** Which of the three states each kind keeps. */
function statesOf(s: Settings): [boolean, boolean, boolean] {
  if (s.kind === 'sgd') return [(s.momentum ?? 0) !== 0, false, false]
  if (s.kind === 'rmsprop') return [true, (s.momentum ?? 0) !== 0, s.centered ?? false]
  return [true, s.kind !== 'adagrad', false]
}

/** Parameters after every step, `[steps, n]` flat, and the norms before clipping. */
async function train(
  variant: Variant,
  settings: Settings,
  starts: Host[],
  gradients: Host[],
): Promise<Named> {
  select(variant)
  const { device } = variant
  const dtype = device === 'reference' ? 'f64' : 'f32'
  const steps = gradients[0]?.shape[0] as number
  const parameters = starts.map((start) => upload(device, start))
  const all = gradients.map((gradient) => upload(device, gradient))
  const states = starts.map(({ shape }) =>
    statesOf(settings).map((kept) => (kept ? native.full(device, dtype, shape, 0) : null)),
  )
  const copies: NativeTensor[][] = starts.map(() => [])
  const norms: NativeTensor[] = []
  for (let step = 0; step < steps; ++step) {
    const current = all.map((gradient, i) => {
      const n = (starts[i] as Host).data.length
      return native.view(gradient, step * n, (starts[i] as Host).shape)
    })
    const norm = native.globalNorm(current)
    norms.push(norm)
    parameters.forEach((parameter, i) => {
      const options = optionsOf(settings, step + 1)
      native.optimizerStep(options, parameter, current[i]!, states[i]!, norm, null)
      const copy = native.empty(device, dtype, (starts[i] as Host).shape)
      native.copyInto(copy, parameter)
      copies[i]?.push(copy)
    })
    for (const view of current) native.dispose(view)
  }
  const join = async (tensors: NativeTensor[]): Promise<Float64Array> =>
    Float64Array.from((await Promise.all(tensors.map(download))).flatMap((values) => [...values]))
  const named: Named = { norm: await join(norms) }
  for (const [i, tensors] of copies.entries()) named[`trajectory_${i}`] = await join(tensors)
  for (const tensor of [...parameters, ...all, ...states.flat(), ...copies.flat(), ...norms])
    if (tensor) native.dispose(tensor)
  return named
}

for (const { name, settings, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    const starts = [tensors['start_0']!, tensors['start_1']!]
    const gradients = [tensors['gradients_0']!, tensors['gradients_1']!]
    const expected: Named = {}
    for (const key of ['norm', 'trajectory_0', 'trajectory_1'])
      expected[key] = tensors[key]?.data as Float64Array
    const reference = await train(REFERENCE, settings, starts, gradients)
    near(t, reference, expected, F64_TOLERANCE, 'reference')
    for (const variant of kernels(2)) {
      const actual = await train(variant, settings, starts, gradients)
      near(t, actual, expected, F32_TOLERANCE, describe(variant))
    }
  })

for (const { name, settings: small } of GOLDEN.filter((_, i) => i % 2 === 1))
  test.serial(`large arenas, 1 and 2 threads: ${name}`, async (t) => {
    const draw = new Draw(31)
    const starts = [draw.reals([40_011]), draw.reals([1])]
    // Among so many elements some would have gradient and weight decay cancel, and an adaptive step
    // divides what is left, rounding errors included, by its own size. So gradients stay away from
    // zero, also when clipped.
    const signed = (shape: number[]): Host => {
      const { data } = draw.reals(shape, 0.5, 1)
      return { shape, data: data.map((value) => (draw.next() < 0.5 ? -value : value)) }
    }
    const gradients = [signed([3, 40_011]), signed([3, 1])]
    const settings = { ...small, clip_norm: 100 }
    const expected = await train(REFERENCE, settings, starts, gradients)
    for (const one of kernels()) {
      const actual = await train(one, settings, starts, gradients)
      near(t, actual, expected, F32_TOLERANCE, describe(one))
      const two = await train({ ...one, threads: 2 }, settings, starts, gradients)
      identical(t, two, actual, `${describe(one)}, twice`)
    }
  })

test.serial('the norm is summed in double: large, tiny and many numbers', async (t) => {
  for (const values of [
    [3, 4],
    [1e25, 1e25],
    [1e-30, 1e-30, 1e-30],
    [],
    [4096, ...Array<number>(60_000).fill(1e-1)],
  ]) {
    const expected = Math.sqrt(values.reduce((sum, v) => sum + Math.fround(v) ** 2, 0))
    for (const variant of kernels(2)) {
      select(variant)
      const gradient = upload(variant.device, reals([values.length], values))
      const norm = native.globalNorm([gradient])
      const error = Math.abs(((await download(norm))[0] as number) - expected)
      t.true(error <= 1e-7 * expected, `${describe(variant)}: ${values.length} numbers`)
      for (const tensor of [gradient, norm]) native.dispose(tensor)
    }
  }
})

test.serial('a norm that is not finite changes neither parameter nor state', async (t) => {
  for (const variant of allVariants())
    for (const { settings } of GOLDEN)
      for (const bad of [NaN, Infinity]) {
        select(variant)
        const { device } = variant
        const draw = new Draw(5)
        const parameter = upload(device, draw.reals([19]))
        const state = statesOf(settings).map((kept) =>
          kept ? upload(device, draw.reals([19], 0, 1)) : null,
        )
        const targets = [parameter, ...state.filter((tensor) => tensor !== null)]
        const before = await Promise.all(targets.map(download))
        const values = draw.reals([19]).data
        values[7] = bad
        const gradient = upload(device, reals([19], values))
        const norm = native.globalNorm([gradient])
        native.optimizerStep(optionsOf(settings, 2), parameter, gradient, state, norm, null)
        const after = await Promise.all(targets.map(download))
        identical(
          t,
          Object.fromEntries(after.entries()),
          Object.fromEntries(before.entries()),
          `${describe(variant)}, ${settings.kind}`,
        )
        for (const tensor of [...targets, gradient, norm]) native.dispose(tensor)
      }
})

/** Rows that are named, in any order; -1 and one that is not there name none. */
const NAMED = [5, -1, 0, 3, 40, 7]

test.serial(
  'rows that are named are updated as the same rows of dense arenas, all others stay',
  async (t) => {
    for (const features of [1, 4, 5, 36])
      for (const { name, settings } of GOLDEN)
        for (const variant of allVariants()) {
          select(variant)
          const { device } = variant
          const draw = new Draw(9)
          const shape = [9, features]
          const all = [
            draw.reals(shape),
            ...statesOf(settings).map((kept) => kept && draw.reals(shape, 0, 1)),
          ]
          const few = draw.reals([NAMED.length, features])
          const dense = reals(shape, [...new Float64Array(9 * features)])
          NAMED.forEach((row, i) => {
            if (row < 0 || row >= 9) return
            for (let f = 0; f < features; ++f)
              dense.data[row * features + f] = few.data[i * features + f]!
          })
          const made = async (gradient: Host, rows: readonly number[] | null): Promise<Named> => {
            const [parameter, ...state] = all.map((host) => (host ? upload(device, host) : null))
            const [given, norm] = [upload(device, gradient), upload(device, reals([], [2]))]
            const named = rows && upload(device, ints([rows.length], rows))
            const options = { ...optionsOf(settings, 3), clipNorm: 1 }
            native.optimizerStep(options, parameter!, given, state, norm, named)
            const targets = [parameter!, ...state].filter((tensor) => tensor !== null)
            const values = await Promise.all(targets.map(download))
            for (const tensor of [...targets, given, norm, named])
              if (tensor) native.dispose(tensor)
            return Object.fromEntries(values.entries())
          }
          const [actual, updated] = [await made(few, NAMED), await made(dense, null)]
          const before = Object.fromEntries(
            all
              .filter((host) => !!host)
              .map(({ data }, i) => [
                i,
                Float64Array.from(data, device === 'reference' ? Number : Math.fround),
              ]),
          )
          const where = `${describe(variant)}, ${name}, ${features}`
          for (const [key, values] of Object.entries(actual)) {
            const expected = values.map((_, at) => {
              const named = NAMED.includes(Math.floor(at / features))
              return (named ? updated : before)[key]![at]!
            })
            near(
              t,
              { [key]: values },
              { [key]: expected },
              device === 'reference' ? 0 : 1e-7,
              where,
            )
          }
        }
  },
)
