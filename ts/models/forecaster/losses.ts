/** What each number of a forecast that is off costs. */
import * as ops from '../../ops'
import type { Tensor } from '../../tensor'
import { negativeLogLikelihood } from './distributions'
import type { ForecasterNetworkOptions } from './options'

/** The sum over targets that were observed. made: [n, outputs]; targets, weights: [n, 1]; scale: [rows, 1] of a chain. */
export function lossOf(
  { model, loss, huberDelta, quantiles, distribution }: ForecasterNetworkOptions,
  made: Tensor,
  targets: Tensor,
  weights: Tensor,
  scale: Tensor | null,
): Tensor {
  const total = (losses: Tensor) => ops.sum(ops.mul(losses, weights))
  if (model === 'deepar') {
    // Each row has its scale.
    const rows = (scale as Tensor).shape[0] as number
    const apart = (x: Tensor) => ops.reshape(x, [x.shape[0]! / rows, rows, x.shape[1]!])
    const nats = negativeLogLikelihood(distribution, apart(made), apart(targets), scale as Tensor)
    return ops.sum(ops.mul(nats, apart(weights)))
  }
  if (loss === 'quantile') {
    // Koenker & Bassett 1978, twice: of the median it is the absolute error.
    const each = quantiles.map((level, i) => {
      const error = ops.sub(targets, ops.slice(made, 1, i, 1))
      return ops.maximum(ops.mul(error, 2 * level), ops.mul(error, 2 * level - 2))
    })
    return ops.mul(total(each.reduce((a, b) => ops.add(a, b))), 1 / quantiles.length)
  }
  const error = ops.sub(targets, made)
  if (loss === 'mse') return total(ops.square(error))
  if (loss === 'mae') return total(ops.abs(error))
  // Huber 1964: half the square up to delta, and a line from there on.
  const near = ops.clamp(error, -huberDelta, huberDelta)
  const far = ops.mul(ops.abs(ops.sub(error, near)), huberDelta)
  return total(ops.add(ops.mul(ops.square(near), 0.5), far))
}

/** Which of the outputs is the forecast in the middle; 0 where there is one. */
export function middleOf({ loss, quantiles }: ForecasterNetworkOptions): number {
  if (loss !== 'quantile') return 0
  const apart = quantiles.map((level) => Math.abs(level - 0.5))
  return apart.indexOf(Math.min(...apart))
}
