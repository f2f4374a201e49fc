// The vectorised exp, log, sigmoid and tanh over the whole range of floats, against double.
import test from 'ava'
import { native } from '#dist/native/index.js'
import { download, reals, upload } from '../support/host.mjs'
import { describe, kernels, select } from '../support/op.mjs'

/** Every `STRIDE`-th float by its bits: all exponents, both signs, denormals, infinities, NaN. */
const STRIDE = 8191
const FLOATS = Float64Array.from(
  new Float32Array(Uint32Array.from({ length: 2 ** 32 / STRIDE }, (_, i) => i * STRIDE).buffer),
)
// And those at which a result saturates, more densely.
const EDGES = Float64Array.from({ length: 60_000 }, (_, i) =>
  Math.fround(-110 + i * (220 / 60_000)),
)

const SMALLEST_NORMAL = 2 ** -126

/** In units of the last place of the nearest float to `wanted`; results below 2^-126 count as right if tiny. */
function ulps(got: number, wanted: number): number {
  const nearest = Math.fround(wanted)
  if (Object.is(got, nearest) || got === nearest) return 0
  if (Number.isNaN(wanted) || Number.isNaN(got) || !Number.isFinite(nearest)) return Infinity
  if (Math.abs(wanted) < SMALLEST_NORMAL) return Math.abs(got) <= SMALLEST_NORMAL ? 0 : Infinity
  return Math.abs(got - wanted) / 2 ** (Math.floor(Math.log2(Math.abs(nearest))) - 23)
}

/** The errors that native/cpu/simd/math.h states. */
const FUNCTIONS = [
  ['exp', Math.exp, 1.1],
  ['log', Math.log, 0.9],
  ['sigmoid', (x: number) => 1 / (1 + Math.exp(-x)), 2.5],
  ['tanh', Math.tanh, 2.8],
] as const

for (const [name, exact, limit] of FUNCTIONS)
  test.serial(`${name} over the whole range, in units of the last place`, async (t) => {
    const host = reals([FLOATS.length + EDGES.length], [...FLOATS, ...EDGES])
    const wanted = Float64Array.from(host.data, exact)
    for (const variant of kernels(2)) {
      select(variant)
      const x = upload(variant.device, host)
      const y = native.unary(name, x, 0, 0)
      const got = await download(y)
      native.dispose(x)
      native.dispose(y)
      let worst = 0
      let at = 0
      for (const [i, value] of got.entries()) {
        const error = ulps(value, wanted[i] as number)
        if (error > worst) [worst, at] = [error, host.data[i] as number]
      }
      t.true(worst <= limit, `${describe(variant)}: ${worst} at ${at}`)
    }
  })
