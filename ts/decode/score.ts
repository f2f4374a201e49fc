import { checkGoing, checkSignal, optionsOf } from '../check'
import { expect } from '../errors'
import type { AbortSignalLike } from '../signal'
import { checkLogits, logProbabilitiesOf } from './expand'
import { checkTokens } from './limits'
import { checkModel, placesOf, survivors, takeStates, withStep, type StepModel } from './step-model'

/** How likely a model finds a target, of {@link scoreTargets}. */
export interface TargetScore {
  /** Natural logarithm of the probability of the tokens and the end. */
  readonly logProbability: number
  /** Of each token and then of the end, in nats. */
  readonly logProbabilities: Float64Array
}

/**
 * What a model, or an ensemble, gives to a target of each source, step by step. A model's own
 * teacher-forced pass over whole targets is faster where it has one. Throws `ERR_ARGUMENT` for
 * targets that are no lists of tokens, one per source.
 */
export async function scoreTargets(
  model: StepModel,
  targets: readonly ArrayLike<number>[],
  options: { signal?: AbortSignalLike | undefined } = {},
): Promise<TargetScore[]> {
  checkModel('score', model)
  checkSignal('score', optionsOf('score', options, { signal: true }).signal)
  const { sources, eos } = model
  const perSource = Array.isArray(targets) && targets.length === sources
  expect('score', 'targets', perSource, `${sources} lists`, targets)
  targets.forEach((target, i) => checkTokens('score', `targets[${i}]`, model, target))
  const found = targets.map((target) => new Float64Array(target.length + 1))
  if (sources === 0) return []
  let active: readonly number[] = targets.map((_, i) => i)
  let read: Int32Array = new Int32Array(sources).fill(model.bos)
  const decoding = model.start(1)
  try {
    for (let step = 0; ; ++step) {
      checkGoing('score', options.signal)
      const wanted = Int32Array.from(active, (i) => targets[i]?.[step] ?? eos)
      const values = await withStep(decoding, read, (output) => {
        checkLogits('score', output.logits, read.length, model.vocabulary)
        return logProbabilitiesOf(output.logits, wanted)
      })
      active.forEach((i, row) => {
        const own = found[i] as Float64Array
        if (step < own.length) own[step] = values[row] as number
      })
      const open = active.filter((i) => step + 1 < (found[i]?.length ?? 0))
      const next = survivors(active, open)
      if (next.length === 0) break
      const rows = placesOf(next, active)
      takeStates(decoding, rows, rows, active.length)
      read = Int32Array.from(next, (i) => targets[i]?.[step] ?? eos)
      active = next
    }
  } finally {
    decoding.dispose()
  }
  return found.map((logProbabilities) => ({
    logProbability: logProbabilities.reduce((sum, x) => sum + x, 0),
    logProbabilities,
  }))
}
