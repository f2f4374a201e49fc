import test from 'ava'
import { native, type NativeRandom } from '#dist/native/index.js'
import { identical, near } from '../support/compare.mjs'
import { describe, evaluate, kernels, REFERENCE, type Op, type Variant } from '../support/op.mjs'

const RANDOM: NativeRandom = {
  key: native.streamKey(7, 'orthogonal'),
  step: 0,
  sampleBase: 0,
}

const make = (rows: number, columns: number, blocks: number, { device }: Variant): Op => ({
  inputs: {},
  differentiable: [],
  shapes: {},
  forward: () => ({
    outputs: { y: native.orthogonal(device, blocks * rows, columns, blocks, 1, RANDOM) },
  }),
})

/** Largest deviation of the vectors' products from those of an orthonormal set. */
function deviation(y: Float64Array, rows: number, columns: number): number {
  const vector = (i: number): number[] =>
    rows <= columns
      ? [...y.subarray(i * columns, (i + 1) * columns)]
      : Array.from({ length: rows }, (_, k) => y[k * columns + i] as number)
  const vectors = Array.from({ length: Math.min(rows, columns) }, (_, i) => vector(i))
  let worst = 0
  for (const [i, a] of vectors.entries())
    for (const [j, b] of vectors.entries()) {
      const dot = a.reduce((sum, x, k) => sum + x * (b[k] as number), 0)
      worst = Math.max(worst, Math.abs(dot - (i === j ? 1 : 0)))
    }
  return worst
}

test.serial('orthonormal, and what the reference makes of the same numbers', async (t) => {
  for (const [rows, columns, blocks] of [
    [1, 1, 1],
    [1, 5, 3],
    [5, 1, 2],
    [2, 2, 1],
    [7, 3, 2],
    [17, 17, 1],
    [33, 70, 2],
    [150, 100, 1],
  ] as const) {
    const expected = await evaluate(make(rows, columns, blocks, REFERENCE), REFERENCE)
    const size = rows * columns
    for (let block = 0; block < blocks; ++block)
      t.true(
        deviation(expected['y']!.subarray(block * size, (block + 1) * size), rows, columns) < 1e-12,
      )
    for (const variant of kernels()) {
      const where = `${describe(variant)}: ${blocks} of ${rows} x ${columns}`
      const got = await evaluate(make(rows, columns, blocks, variant), variant)
      near(t, got, expected, 1e-5, where)
      t.true(deviation(got['y']!.subarray(0, size), rows, columns) < 1e-5, where)
      const many = { ...variant, threads: 3 }
      identical(t, await evaluate(make(rows, columns, blocks, many), many), got, where)
    }
  }
})

test.serial('blocks differ; rows that they do not divide are refused', async (t) => {
  const { y } = await evaluate(make(3, 4, 2, REFERENCE), REFERENCE)
  t.notDeepEqual(y!.slice(0, 12), y!.slice(12))
  t.throws(() => native.orthogonal('cpu', 5, 3, 2, 1, RANDOM), { code: 'ERR_SHAPE' })
})
