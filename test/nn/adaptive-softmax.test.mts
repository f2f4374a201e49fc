/** `nn.AdaptiveSoftmax` beside PyTorch's, and by itself, on every backend. */
import test from 'ava'
import { nn, noGrad, ops, randn, scope, tensor, type Tensor } from 'rnnative'
import { golden } from '../support/golden.mjs'
import { allVariants, describe, kernels, REFERENCE, select } from '../support/op.mjs'
import { checkGradients } from '../tensor/finite.mjs'

interface Settings {
  cutoffs: number[]
  divisor: number
  headBias: boolean
}
const GOLDEN = await golden<Settings>('adaptive')

const values = async (x: Tensor | null): Promise<number[]> => Array.from((await x?.data()) ?? [])

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [Array.from(a), Array.from(b)]
  const scale = Math.max(...y.map(Math.abs), 1e-30)
  if (x.length !== y.length) return Infinity
  return Math.max(0, ...x.map((value, i) => Math.abs(value - (y[i] as number)) / scale))
}

for (const { name, settings, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    const { x, targets, dlosses, losses, logs } = tensors
    const [features, classes] = [x!.shape.at(-1)!, logs!.shape.at(-1)!]
    const state = new Map(
      Object.entries(tensors).filter(([key]) => /^(head|tail)\./.test(key)) as [
        string,
        nn.HostTensor,
      ][],
    )
    for (const variant of allVariants()) {
      select(variant)
      const { device } = variant
      const tolerance = variant === REFERENCE ? 1e-11 : 1e-5
      using layer = new nn.AdaptiveSoftmax(features, classes, { ...settings, device })
      layer.loadStateDict(state)
      using input = tensor(x!.data as Float64Array, x!.shape, { device, requiresGrad: true })
      const near = async (got: Tensor | null, wanted: ArrayLike<number>, what: string) => {
        const worst = difference(await values(got), wanted)
        t.true(worst <= tolerance, `${describe(variant)}: ${what}: ${worst}`)
      }
      using told = noGrad(() => layer.forward(input))
      await near(told, logs!.data, 'log-probabilities')
      using nats = scope(() => {
        const nats = layer.losses(input, targets!.data as Int32Array)
        const up = tensor(dlosses!.data as Float64Array, dlosses!.shape, { device })
        ops.sum(ops.mul(nats, up)).backward()
        return nats
      })
      await near(nats, losses!.data, 'losses')
      await near(input.grad, tensors['grad_x']!.data, 'grad x')
      for (const [key, parameter] of layer.namedParameters()) {
        // PyTorch has none of a tail that no target is in.
        const wanted = tensors[`grad_${key}`]?.data ?? new Float64Array(parameter.size)
        await near(parameter.grad, wanted, `grad ${key}`)
      }
    }
  })

test.serial('gradients are those of finite differences', async (t) => {
  select(REFERENCE)
  const options = {
    cutoffs: [2, 5],
    divisor: 2,
    headBias: true,
    device: 'reference',
    seed: 1,
  } as const
  using layer = new nn.AdaptiveSoftmax(4, 9, options)
  using x = randn([2, 3, 4], { seed: 2, device: 'reference', requiresGrad: true })
  const targets = [0, 8, -100, 3, 1, 6]
  const leaves = { x, ...Object.fromEntries(layer.namedParameters()) }
  await checkGradients(t, leaves, () => layer.losses(x, targets))
  await checkGradients(t, leaves, () => layer.forward(x))
})

test.serial(
  'probabilities are of all classes, and losses theirs, for rows of any number',
  async (t) => {
    for (const [rows, classes, cutoffs] of [
      [[1], 2, [1]],
      [[7], 13, [3, 12]],
      [[0], 9, [4]],
      [[2, 5], 300, [20, 100]],
      [[70], 5000, [64, 700, 2800]],
    ] as const) {
      const count = rows.reduce((product: number, n) => product * n, 1)
      // No target is in the first tail, nor is the first row scored.
      const targets = Array.from({ length: count }, (_, i) =>
        i === 0 && count > 1 ? -100 : (i * 7919) % 2 === 0 ? i % cutoffs[0] : classes - 1 - (i % 1),
      )
      const expected: number[][] = []
      for (const variant of [REFERENCE, ...kernels(2)]) {
        select(variant)
        const { device } = variant
        using layer = new nn.AdaptiveSoftmax(20, classes, { cutoffs, divisor: 2, device, seed: 1 })
        using x = tensor(await wave([...rows, 20]), [...rows, 20], { device, requiresGrad: true })
        using logs = noGrad(() => layer.forward(x))
        t.deepEqual([...logs.shape], [...rows, classes])
        const all = await values(logs)
        using nats = scope(() => {
          const nats = layer.losses(x, targets)
          ops.sum(nats).backward()
          return nats
        })
        t.deepEqual([...nats.shape], [...rows])
        const told = await values(nats)
        targets.forEach((target, row) => {
          const row0 = row * classes
          const sum = all.slice(row0, row0 + classes).reduce((sum, log) => sum + Math.exp(log), 0)
          t.true(Math.abs(sum - 1) < 1e-4, `${describe(variant)}: ${sum}`)
          const wanted = target < 0 ? 0 : -all[row0 + target]!
          t.true(Math.abs(told[row]! - wanted) < 1e-4, describe(variant))
        })
        const grads = await Promise.all([x, ...layer.parameters()].map(({ grad }) => values(grad)))
        if (variant === REFERENCE) expected.push(...grads)
        else
          grads.forEach((grad, i) => {
            const worst = difference(grad, expected[i] as number[])
            t.true(worst < 1e-4, `${describe(variant)}: gradient ${i}: ${worst}`)
          })
      }
    }
  },
)

/** The same numbers on every device. */
const wave = async (shape: readonly number[]): Promise<Float64Array> =>
  Float64Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, i) =>
    Math.fround(Math.sin(i * 12.9898) * 1.7),
  )

test('bfloat16 is near', async (t) => {
  const of = (precision: 'f32' | 'bf16') =>
    new nn.AdaptiveSoftmax(32, 200, { cutoffs: [20, 80], seed: 1, precision })
  using exact = of('f32')
  using rounded = of('bf16')
  using x = randn([30, 32], { seed: 2 })
  const targets = Array.from({ length: 30 }, (_, i) => (i * 37) % 200)
  const [a, b] = await Promise.all([exact, rounded].map((one) => values(one.losses(x, targets))))
  const worst = difference(b!, a!)
  t.true(worst > 0 && worst < 0.02, String(worst))
})

test('what makes no sense is refused by name', (t) => {
  const refused = (make: () => unknown, message: RegExp, code = 'ERR_ARGUMENT') =>
    t.throws(make, { code, message })
  const made = (options: object, input = 16) =>
    new nn.AdaptiveSoftmax(input, 10, options as nn.AdaptiveSoftmaxOptions)
  const cutoffs =
    /\[adaptiveSoftmax\] cutoffs: expected rising whole numbers from 1 to 9, one at least/
  for (const bad of [[], [3, 3], [5, 2], [10], [0], [1.5], undefined, 'x'])
    refused(() => made({ cutoffs: bad }), cutoffs)
  refused(
    () => made({ cutoffs: [2, 4], divisor: 4 }, 15),
    /divisor: .* at most 3.87, so that .* of 15 features/,
  )
  refused(() => made({ cutoffs: [2], divisor: -1 }), /divisor/)
  refused(() => made({ cutoffs: [2], headBias: 1 }), /headBias/)
  refused(() => made({ cutoffs: [2], bias: true }), /bias/)
  using layer = made({ cutoffs: [2, 4] })
  using x = randn([2, 16])
  refused(() => layer.losses(x, [0, 10]), /target 10 at position 1: expected 0..9/, 'ERR_INDEX')
  refused(() => layer.losses(x, [0, 0.5]), /target 0.5 at position 1/, 'ERR_INDEX')
  refused(() => layer.losses(x, [0]), /targets: expected \[2\], got \[1\]/, 'ERR_SHAPE')
  for (const ignoreIndex of [NaN, '1', null])
    refused(
      () => layer.losses(x, [0, 1], { ignoreIndex } as never),
      /\[adaptiveSoftmax\] ignoreIndex: expected a finite number/,
    )
  refused(
    () => layer.losses(x, Float64Array.of(1, 2) as unknown as number[]),
    /targets: expected a list of numbers or an Int32Array, got Float64Array \[1,2\]/,
  )
  refused(() => layer.losses(x, x as unknown as number[]), /targets: expected a list of numbers/)
  refused(
    () => layer.forward(randn([2, 3])),
    /x: expected \[\.\.\., 16\], got \[2, 3\]/,
    'ERR_SHAPE',
  )
})
