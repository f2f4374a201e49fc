/** How a run ends: its result, or an error that says why. */
import type { AbortSignalLike } from '../signal'
import { RnnativeError } from '../errors'
import type { Module } from '../nn'
import type { TrainingEvent, TrainingResult } from './options'

/** A run's result; throws `ERR_ABORTED` where its signal ended it. */
export function settle<R extends TrainingResult>(
  result: R,
  signal: AbortSignalLike | undefined,
): R {
  if (result.stopped !== 'aborted' || !signal?.aborted) return result
  const { step, checkpoint } = result
  throw new RnnativeError('ERR_ABORTED', `[fit] aborted after step ${step}`, {
    cause: signal.reason,
    details: { step, checkpoint },
  })
}

/** Of a step that was left out. */
export function nonFinite(
  step: number,
  loss: number,
  norm: number,
  learningRate: number,
  penalties: Readonly<Record<string, number>> = {},
): RnnativeError {
  const others = Object.entries(penalties).map(([name, value]) => `${name} ${value}, `)
  return new RnnativeError(
    'ERR_NONFINITE',
    `[fit] step ${step}: loss ${loss}, ${others.join('')}gradient norm ${norm}, ` +
      `learning rate ${learningRate}; the weights are those before the step`,
    { details: { step, loss, norm, learningRate } },
  )
}

/** Of a loss that no gradient flows from. */
export function learnsNothing(module: Module): RnnativeError {
  const all = [...module.namedParameters()]
  const frozen = all.every(([, { requiresGrad }]) => !requiresGrad)
  return new RnnativeError(
    'ERR_GRAPH',
    frozen
      ? `[fit] module: expected a parameter that learns, got ${all.length} that are frozen (requiresGrad is false)`
      : '[fit] loss: sum: depends on no parameter that learns; it must be computed from them by ops, neither ' +
          'detached nor within noGrad',
  )
}

/** Of weights that are worth no checkpoint. */
export function unsound({ step, loss, learningRate, validation }: TrainingEvent): RnnativeError {
  const validated = validation ? `, validation loss ${validation.loss}` : ''
  return new RnnativeError(
    'ERR_NONFINITE',
    `[fit] step ${step}: weights that are not finite, loss ${loss}${validated}, ` +
      `learning rate ${learningRate}; they are in no checkpoint`,
    { details: { step, loss, learningRate } },
  )
}
