import test from 'ava'
import { native, type NativeRandom } from '#dist/native/index.js'
import { identical, near } from '../support/compare.mjs'
import { download } from '../support/host.mjs'
import { describe, kernels, REFERENCE, select, type Variant } from '../support/op.mjs'

const source: NativeRandom = { key: native.streamKey(3, 'weight'), step: 0, sampleBase: 0 }

async function draw(
  variant: Variant,
  n: number,
  distribution: 'uniform' | 'normal',
  a: number,
  b: number,
): Promise<Float64Array> {
  select(variant)
  const dtype = variant.device === 'reference' ? 'f64' : 'f32'
  const y = native.random(variant.device, dtype, [n], distribution, a, b, source)
  const values = await download(y)
  native.dispose(y)
  return values
}

for (const distribution of ['uniform', 'normal'] as const)
  test.serial(`${distribution} numbers are the same everywhere, up to rounding`, async (t) => {
    for (const n of [0, 1, 3, 4, 17, 100, 5001]) {
      const expected = await draw(REFERENCE, n, distribution, -0.5, 1.25)
      const rounded = { y: expected.map((value) => Math.fround(value)) }
      for (const one of kernels()) {
        const y = await draw(one, n, distribution, -0.5, 1.25)
        near(t, { y }, rounded, 1e-7, `${describe(one)}, ${n}`)
        const two = await draw({ ...one, threads: 2 }, n, distribution, -0.5, 1.25)
        identical(t, { y: two }, { y }, describe(one))
      }
    }
  })

test.serial('uniform numbers are the words of their definition', async (t) => {
  const y = await draw(REFERENCE, 10, 'uniform', -1, 3)
  const words = native.philox(source, 0, 3)
  t.deepEqual(
    [...y],
    Array.from(y, (_, i) => -1 + 4 * (((words[i] as number) >>> 8) * 2 ** -24)),
  )
})

test.serial('a longer draw begins with the shorter one', async (t) => {
  for (const one of kernels()) {
    const long = await draw({ ...one, threads: 2 }, 1000, 'normal', 0, 1)
    const short = await draw(one, 77, 'normal', 0, 1)
    identical(t, { y: long.slice(0, 77) }, { y: short }, describe(one))
  }
})

test.serial('mean and deviation', async (t) => {
  const n = 50_000
  for (const [distribution, a, b, mean, deviation] of [
    ['uniform', -1, 3, 1, 4 / Math.sqrt(12)],
    ['normal', 2, 0.5, 2, 0.5],
  ] as const) {
    const y = await draw(REFERENCE, n, distribution, a, b)
    const average = y.reduce((sum, value) => sum + value, 0) / n
    const square = y.reduce((sum, value) => sum + (value - average) ** 2, 0) / n
    // Five standard errors.
    t.true(Math.abs(average - mean) < (5 * deviation) / Math.sqrt(n))
    t.true(Math.abs(Math.sqrt(square) - deviation) < (5 * deviation) / Math.sqrt(2 * n))
  }
})
