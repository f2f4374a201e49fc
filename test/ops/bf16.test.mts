/**
 * Products in bf16. They round both operands to bf16 and sum in f32, so with operands that bf16
 * represents they must agree with the reference as f32 does, and with any others they must give bit
 * for bit what they give for the rounded ones.
 */
import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'
import { drawBf16, floatOf, product, rounded, toBf16 } from '../support/bf16.mjs'
import { checkOp, drawUpstream, F32_TOLERANCE } from '../support/check.mjs'
import { identical, near } from '../support/compare.mjs'
import { crossEntropy } from '../support/cross_entropy.mjs'
import { download, Draw, ints, reals, upload, type Host } from '../support/host.mjs'
import { linear } from '../support/linear.mjs'
import { describe, evaluate, kernels, REFERENCE, select, type Variant } from '../support/op.mjs'

/** The instruction of this variant takes denormal operands for zero. */
const flushes = ({ isa }: Variant): boolean => isa === 'avx512bf16'

function specialValues(): number[] {
  const upper = [
    0, 1, 2, 0x7f, 0x80, 0x81, 0x3f7f, 0x3f80, 0x3f81, 0x7f7e, 0x7f7f, 0x0040, 0x4049, 0x00ff,
  ]
  const lower = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff]
  const values = [Infinity, NaN]
  for (const high of upper)
    for (const low of lower) values.push(floatOf(((high << 16) | low) >>> 0))
  const draw = new Draw(31)
  for (let i = 0; i < 5000; ++i) values.push(floatOf(Math.floor(draw.next() * 2 ** 32)))
  return values.flatMap((x) => [x, -x])
}

test.serial('conversion to bf16', async (t) => {
  const values = specialValues()
  const x = { shape: [values.length, 1], data: Float64Array.from(values) }
  for (const variant of kernels()) {
    select(variant)
    const [a, one] = [x, reals([1, 1], [1])].map((host) => upload(variant.device, host)) as [
      NativeTensor,
      NativeTensor,
    ]
    const asLeft = native.linear(a, one, null, 'bf16')
    const asRight = native.linear(one, a, null, 'bf16')
    for (const [side, y] of [
      ['left', asLeft],
      ['right', asRight],
    ] as const) {
      const wrong = [...(await download(y))].filter((actual, i) => {
        // The sum starts at +0, where a zero's sign is lost.
        const expected = toBf16(values[i] as number) + 0
        const denormal = Math.abs(expected) < 2 ** -126
        return !(Object.is(actual, expected) || (flushes(variant) && denormal && actual === 0))
      })
      t.deepEqual(wrong, [], `${describe(variant)}, ${side}`)
    }
    for (const tensor of [a, one, asLeft, asRight]) native.dispose(tensor)
  }
})

/** Rows, input, output: odd ones, and those around pairs, vectors, tiles and blocks. */
const SIZES = [
  [1, 1, 1],
  [1, 17, 100],
  [5, 2, 3],
  [3, 100, 17],
  [13, 65, 33],
  [1, 515, 260],
  [33, 257, 70],
  [100, 512, 49],
  [97, 1030, 16],
] as const

for (const [rows, input, output] of SIZES)
  test.serial(`linear, ${rows} x ${input} -> ${output}`, async (t) => {
    const draw = new Draw(32)
    const shape = [rows, input]
    const exact = linear(
      drawBf16(draw, shape),
      drawBf16(draw, [output, input]),
      draw.reals([output]),
      'bf16',
    )
    const upstream = { y: drawBf16(draw, [rows, output]) }
    await checkOp(t, exact, { upstream, large: rows * input * output > 1e4, threads: [1, 2, 3] })

    const [x, weight, bias] = [draw.reals(shape), draw.reals([output, input]), draw.reals([output])]
    const dy = draw.reals([rows, output])
    const general = linear(x, weight, bias, 'bf16')
    const same = linear(rounded(x), rounded(weight), bias, 'bf16')
    const reference = await evaluate(linear(x, weight, bias), REFERENCE, { upstream: { y: dy } })
    for (const variant of kernels()) {
      const isa = describe(variant)
      const actual = await evaluate(general, variant, { upstream: { y: dy } })
      const expected = await evaluate(same, variant, { upstream: { y: rounded(dy) } })
      near(t, pick(actual, 'grad bias'), pick(reference, 'grad bias'), F32_TOLERANCE, isa)
      delete actual['grad bias'] // sums what was not rounded
      identical(t, actual, pick(expected, ...Object.keys(actual)), isa)
    }
  })

/** As in the tests of matmul; operands that many tiles read are rounded beforehand. */
for (const [rows, input, output] of [
  [700, 70, 770],
  [1410, 37, 1290],
] as const)
  test.serial(`large: linear, ${rows} x ${input} -> ${output}`, async (t) => {
    const draw = new Draw(35)
    const [x, weight] = [drawBf16(draw, [rows, input]), drawBf16(draw, [output, input])]
    const upstream = { y: drawBf16(draw, [rows, output]) }
    const op = linear(x, weight, draw.reals([output]), 'bf16')
    const expected = await evaluate(op, REFERENCE, { upstream })
    for (const one of kernels(2))
      near(t, await evaluate(op, one, { upstream }), expected, F32_TOLERANCE, describe(one))
  })

const pick = <T,>(from: Record<string, T>, ...names: string[]): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, from[name] as T]))

/** Rows, features, classes; the last two are cut into chunks of classes and of rows. */
for (const [rows, features, classes] of [
  [1, 1, 2],
  [4, 5, 17],
  [13, 33, 100],
  [3, 129, 4099],
  [40, 7, 1030],
] as const)
  test.serial(`cross-entropy, ${rows} x ${features} -> ${classes}`, async (t) => {
    const draw = new Draw(33)
    const make = (x: Host, weight: Host, precision: 'f32' | 'bf16', only: number[]) =>
      crossEntropy(
        { x, weight, bias, targets: ints([only.length], only) },
        { labelSmoothing: 0.1, ignoreIndex: 0, precision },
      )
    const [x, weight] = [draw.reals([rows, features], -2, 2), draw.reals([classes, features])]
    const bias = draw.reals([classes])
    const targets = [...draw.ints([rows], classes - 1).data].map((c) => c + 1)
    const upstream = drawUpstream(make(x, weight, 'f32', targets), 3)
    const reference = await evaluate(make(rounded(x), rounded(weight), 'f32', targets), REFERENCE, {
      upstream,
    })
    for (const one of kernels()) {
      const isa = describe(one)
      const general = await evaluate(make(x, weight, 'bf16', targets), one, { upstream })
      const same = await evaluate(make(rounded(x), rounded(weight), 'bf16', targets), one, {
        upstream,
      })
      identical(t, general, same, isa)
      const exact = ['losses', 'weights', 'grad bias']
      near(t, pick(general, ...exact), pick(reference, ...exact), F32_TOLERANCE, isa)
      // The gradients of the logits are rounded too: at most 2^-9 of each term.
      near(t, general, reference, 2 ** -8, isa)
      const two = { ...one, threads: 2 }
      const again = await evaluate(make(x, weight, 'bf16', targets), two, { upstream })
      identical(t, again, general, isa)
    }

    // With one row, the bias's gradient shows what the other gradients were made of.
    const first = { shape: [1, features], data: x.data.slice(0, features) as Float64Array }
    const only = make(first, weight, 'bf16', targets.slice(0, 1))
    for (const variant of kernels(2)) {
      const actual = await evaluate(only, variant, { upstream: { losses: reals([1], [1.3]) } })
      const dlogits = (actual['grad bias'] as Float64Array).map(toBf16)
      const w = rounded(weight).data as Float64Array
      const expected = {
        'grad x': product(dlogits, w, [1, features, classes]),
        'grad weight': product(dlogits, rounded(first).data as Float64Array, [
          classes,
          features,
          1,
        ]),
      }
      near(t, actual, expected, F32_TOLERANCE, `${describe(variant)}, one row`)
    }
  })

test.serial('the reference computes exactly in either precision', async (t) => {
  const draw = new Draw(34)
  const [x, weight] = [draw.reals([3, 5]), draw.reals([4, 5])]
  const upstream = { y: draw.reals([3, 4]) }
  const exact = await evaluate(linear(x, weight, null), REFERENCE, { upstream })
  identical(
    t,
    await evaluate(linear(x, weight, null, 'bf16'), REFERENCE, { upstream }),
    exact,
    'reference',
  )
})

test.serial('an unknown precision is refused', (t) => {
  const x = upload('cpu', reals([1, 1], [1]))
  t.throws(() => native.linear(x, x, null, 'fp8' as 'f32'), { code: 'ERR_ARGUMENT' })
  native.dispose(x)
})
