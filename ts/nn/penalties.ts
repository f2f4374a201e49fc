/**
 * Penalties on what a network computes: sums over steps and rows, to be weighted, added to a sum of losses and
 * divided by the count of both.
 */
import { checkNames } from '../check'
import { expect } from '../errors'
import * as ops from '../ops'
import { checkReal } from '../ops/support'
import { tensor, type Tensor } from '../tensor'

/** What is added to a loss to keep a network small or smooth. */
export interface PenaltyOptions {
  /** Steps of each row of [time, batch, ...], beyond which nothing counts; all unless given. */
  lengths?: ops.Integers | null | undefined
}

function check(op: string, x: Tensor, options: PenaltyOptions): void {
  checkReal(op, 'x', x)
  checkNames(op, options, { lengths: true })
  expect(op, 'x', x.dims >= 2, 'at least two axes, features or classes the last', x.shape)
}

const real = (x: Tensor, { lengths }: PenaltyOptions): Tensor =>
  lengths ? ops.maskTime(x, lengths) : x

const meanSquares = (x: Tensor): Tensor =>
  ops.mul(ops.sum(ops.square(x)), 1 / Math.max(1, x.shape.at(-1) as number))

/**
 * Activation regularisation (Merity et al. 2017): of states [time, batch, features] the mean square of the
 * features, summed over steps and rows.
 */
export function activation(states: Tensor, options: PenaltyOptions = {}): Tensor {
  check('activation', states, options)
  return meanSquares(real(states, options))
}

/**
 * Temporal activation regularisation (Merity et al. 2017): the same of the difference between a step's states
 * and those of the step before, of which the first step has none.
 */
export function temporal(states: Tensor, options: PenaltyOptions = {}): Tensor {
  check('temporal', states, options)
  const [time] = states.shape as [number]
  if (time < 2) return ops.mul(ops.sum(states), 0)
  const difference = ops.sub(ops.slice(states, 0, 1, time - 1), ops.slice(states, 0, 0, time - 1))
  if (!options.lengths) return meanSquares(difference)
  // The first step in its place, so that lengths mean what they do.
  const none = ops.mul(ops.slice(states, 0, 0, 1), 0)
  return meanSquares(real(ops.concat([none, difference], 0), options))
}

/**
 * The confidence penalty (Pereyra et al. 2017): the negative entropy, in nats, of the distributions over the last
 * axis of logits, such as [time, batch, classes], summed.
 */
export function confidence(logits: Tensor, options: PenaltyOptions = {}): Tensor {
  check('confidence', logits, options)
  const logs = ops.logSoftmax(logits)
  return ops.sum(real(ops.mul(ops.exp(logs), logs), options))
}

/**
 * The coverage loss (See et al. 2017): of attention [time, batch, positions], at each step and position the lesser of what
 * rests on it and of what the steps before have left there, summed.
 */
export function coverage(weights: Tensor, options: PenaltyOptions = {}): Tensor {
  check('coverage', weights, options)
  const x = real(weights, options)
  const [time, ...others] = x.shape as [number, ...number[]]
  const flat = ops.reshape(x, [time, others.reduce((all, n) => all * n, 1)])
  const before = Float32Array.from({ length: time * time }, (_, i) =>
    i % time < Math.floor(i / time) ? 1 : 0,
  )
  const { device, dtype } = weights
  const sums = ops.matmul(tensor(before, [time, time], { device, dtype }), flat)
  return ops.sum(ops.minimum(flat, sums))
}
