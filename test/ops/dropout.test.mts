import test from 'ava'
import { native, type NativeRandom } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { identical } from '../support/compare.mjs'
import { Draw, reals, size, type Host } from '../support/host.mjs'
import {
  allVariants,
  describe,
  evaluate,
  REFERENCE,
  type Op,
  type Variant,
} from '../support/op.mjs'

const random = (sampleBase = 0, step = 7): NativeRandom => ({
  key: native.streamKey(42, 'encoder.dropout'),
  step,
  sampleBase,
})

const dropout = (x: Host, p: number, batchAxis: number, source = random()): Op => ({
  inputs: { x },
  differentiable: ['x'],
  shapes: { y: x.shape },
  forward: ({ x }) => ({
    outputs: { y: native.dropout(x!, p, batchAxis, source, null, false) },
    backward: (up, sinks) => {
      const [dx] = sinks.list('x')
      native.dropout(up['y']!, p, batchAxis, source, dx!, sinks.bits('x') === 1)
    },
  }),
})

const ones = (shape: number[]): Host => reals(shape, Array<number>(size(shape)).fill(1))
const VARIANTS = allVariants()

test.serial('dropout', async (t) => {
  const draw = new Draw(18)
  for (const [shape, axis] of [
    [[1, 1], 0],
    [[3, 17], 0],
    [[5, 3, 7], 1],
    [[5, 1, 100], 1],
    [[17], 0],
    [[2, 0, 3], 1],
    [[3, 5, 7, 2], 1],
    [[40, 31, 33], 1],
  ] as const)
    for (const p of [0, 0.1, 1 / 3, 0.5, 0.9])
      await checkOp(t, dropout(draw.reals(shape), p, axis), { large: shape[0] === 40 })
})

test.serial('masks are the same on every backend', async (t) => {
  const shape = [9, 11, 13]
  for (const p of [0.1, 0.2, 1 / 3, 0.5, 0.7]) {
    const mask = async (variant: Variant): Promise<Float64Array> => {
      const { y } = await evaluate(dropout(ones(shape), p, 1), variant)
      return (y as Float64Array).map((value) => (value === 0 ? 0 : 1))
    }
    const expected = await mask(REFERENCE)
    const kept = expected.reduce((sum, value) => sum + value, 0) / expected.length
    t.true(Math.abs(kept - (1 - p)) < 0.05, `kept ${kept} with p = ${p}`)
    for (const variant of VARIANTS)
      identical(t, { y: await mask(variant) }, { y: expected }, 'mask')
  }
})

test.serial('a mask follows its definition word by word', async (t) => {
  const [outer, batch, inner, p] = [3, 4, 5, 0.4]
  const { y } = await evaluate(dropout(ones([outer, batch, inner]), p, 1, random(10)), REFERENCE)
  for (let b = 0; b < batch; ++b) {
    const words = native.philox(random(10 + b), 0, Math.ceil((outer * inner) / 4))
    for (let o = 0; o < outer; ++o)
      for (let i = 0; i < inner; ++i) {
        const kept = ((words[o * inner + i] as number) >>> 8) * 2 ** -24 >= p
        t.is(y?.[(o * batch + b) * inner + i], kept ? 1 / (1 - p) : 0)
      }
  }
})

test.serial('Philox4x32-10 gives the published words', (t) => {
  // Known answers of Random123 for a counter and key of zeros.
  const words = native.philox({ key: new Uint32Array(2), step: 0, sampleBase: 0 }, 0, 1)
  t.deepEqual([...words], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
})

test.serial('a sample keeps its mask when the batch is split', async (t) => {
  const [time, batch, features] = [4, 7, 6]
  const whole = (await evaluate(dropout(ones([time, batch, features]), 0.5, 1), REFERENCE))['y']
  for (const variant of VARIANTS)
    for (const [begin, count] of [
      [0, 3],
      [3, 4],
      [6, 1],
    ] as const) {
      const part = dropout(ones([time, count, features]), 0.5, 1, random(begin))
      const { y } = await evaluate(part, variant)
      const expected = (y as Float64Array).map((_, i) => {
        const [row, f] = [Math.floor(i / features), i % features]
        const [step, b] = [Math.floor(row / count), row % count]
        return whole?.[(step * batch + begin + b) * features + f] as number
      })
      identical(t, { y: y as Float64Array }, { y: expected }, describe(variant))
    }
})

test.serial('other steps, streams, paths and seeds give other masks', async (t) => {
  const sources: NativeRandom[] = [
    random(),
    random(0, 8),
    random(0, 7 + 2 ** 33),
    { ...random(), stream: 1 },
    { ...random(), key: native.streamKey(43, 'encoder.dropout') },
    { ...random(), key: native.streamKey(42, 'decoder.dropout') },
    random(2 ** 33),
  ]
  const masks = await Promise.all(
    sources.map(async (source) => {
      const { y } = await evaluate(dropout(ones([4, 64]), 0.5, 0, source), REFERENCE)
      return (y as Float64Array).join()
    }),
  )
  t.is(new Set(masks).size, sources.length)
})
