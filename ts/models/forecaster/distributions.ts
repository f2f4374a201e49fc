/** What a step of a chain may be: distributions, their likelihoods on the device, and numbers drawn from them. */
import * as ops from '../../ops'
import type { Tensor } from '../../tensor'
import type { Distribution } from './options'

/** Numbers of a network that make up one. */
export const parametersOf = (distribution: Distribution): number =>
  distribution === 'student-t' ? 3 : 2

/** Least width, so that nothing is divided by zero. */
const LEAST = 1e-4

/** log(1 + e^x), without overflow. */
const softplus = (x: Tensor): Tensor =>
  ops.add(ops.relu(x), ops.log(ops.add(ops.exp(ops.neg(ops.abs(x))), 1)))

/**
 * log Γ(x) for x > 0: Stirling's series at x + 4, less the logarithms of what Γ(x + 4) has more (Abramowitz & Stegun
 * 6.1.40); within 1e-7 relative to what f32 holds.
 */
export function logGamma(x: Tensor): Tensor {
  const factors = [0, 1, 2, 3].map((i) => ops.log(ops.add(x, i)))
  const less = factors.reduce((a, b) => ops.add(a, b))
  const z = ops.add(x, 4)
  const inverse = ops.pow(z, -1)
  const square = ops.square(inverse)
  const series = ops.mul(
    inverse,
    ops.add(ops.mul(square, ops.affine(square, 1 / 1260, -1 / 360)), 1 / 12),
  )
  const main = ops.sub(ops.mul(ops.sub(z, 0.5), ops.log(z)), z)
  return ops.sub(ops.add(ops.add(main, series), 0.5 * Math.log(2 * Math.PI)), less)
}

/** Of each target, [steps, rows, 1], its negative log-likelihood in nats; parameters: [steps, rows, 2 or 3], scale: [rows, 1]. */
export function negativeLogLikelihood(
  distribution: Distribution,
  parameters: Tensor,
  targets: Tensor,
  scale: Tensor,
): Tensor {
  const part = (i: number) => ops.slice(parameters, -1, i, 1)
  if (distribution === 'negative-binomial') {
    // Salinas et al. 2020: mean m and shape a; r = 1 / a.
    const m = ops.mul(ops.add(softplus(part(0)), LEAST), scale)
    const a = ops.div(ops.add(softplus(part(1)), LEAST), ops.sqrt(scale))
    const r = ops.pow(a, -1)
    const am = ops.mul(a, m)
    const rest = ops.log(ops.add(am, 1))
    const chosen = ops.sub(
      logGamma(ops.add(targets, r)),
      ops.add(logGamma(ops.add(targets, 1)), logGamma(r)),
    )
    const likely = ops.sub(ops.mul(targets, ops.sub(ops.log(am), rest)), ops.mul(r, rest))
    return ops.neg(ops.add(chosen, likely))
  }
  const width = ops.add(softplus(part(1)), LEAST)
  const z = ops.div(ops.sub(targets, part(0)), width)
  if (distribution === 'gaussian')
    return ops.add(
      ops.add(ops.mul(ops.square(z), 0.5), ops.log(width)),
      0.5 * Math.log(2 * Math.PI),
    )
  const nu = ops.add(softplus(part(2)), 2)
  const half = ops.mul(ops.add(nu, 1), 0.5)
  const norm = ops.add(
    ops.sub(logGamma(ops.mul(nu, 0.5)), logGamma(half)),
    ops.add(ops.mul(ops.log(ops.mul(nu, Math.PI)), 0.5), ops.log(width)),
  )
  return ops.add(norm, ops.mul(half, ops.log(ops.add(ops.div(ops.square(z), nu), 1))))
}

const hostSoftplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** Numbers in [0, 1). */
export type Uniform = () => number

function normal(uniform: Uniform): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
  return radius * Math.cos(2 * Math.PI * uniform())
}

/** Marsaglia & Tsang 2000. */
function gamma(shape: number, uniform: Uniform): number {
  if (shape < 1) return gamma(shape + 1, uniform) * (1 - uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(uniform)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

const MANY = 1e5

/** By multiplying uniforms while the mean is small, else by halving it through a gamma (Ahrens & Dieter 1974). */
function poisson(mean: number, uniform: Uniform): number {
  // Beyond, a normal is as good to within what a forecast could tell, and takes no longer.
  if (mean > MANY) return Math.round(mean + Math.sqrt(mean) * normal(uniform))
  let [left, count] = [mean, 0]
  while (left > 30) {
    const m = Math.floor((left * 7) / 8)
    const x = gamma(m, uniform)
    if (x > left) return count + binomial(m - 1, left / x, uniform)
    count += m
    left -= x
  }
  const limit = Math.exp(-left)
  for (let product = uniform(); product > limit; product *= uniform()) ++count
  return count
}

function binomial(n: number, p: number, uniform: Uniform): number {
  let count = 0
  for (let i = 0; i < n; ++i) if (uniform() < p) ++count
  return count
}

/** A number drawn from parameters that begin at `at`, in the scale of targets. */
export function draw(
  distribution: Distribution,
  parameters: ArrayLike<number>,
  at: number,
  scale: number,
  uniform: Uniform,
): number {
  const [first, second] = [parameters[at] as number, parameters[at + 1] as number]
  const width = hostSoftplus(second) + LEAST
  if (distribution === 'gaussian') return first + width * normal(uniform)
  if (distribution === 'student-t') {
    const nu = hostSoftplus(parameters[at + 2] as number) + 2
    return first + width * normal(uniform) * Math.sqrt(nu / (2 * gamma(nu / 2, uniform)))
  }
  const m = (hostSoftplus(first) + LEAST) * scale
  const r = Math.sqrt(scale) / width
  return poisson(gamma(r, uniform) * (m / r), uniform) / scale
}
