import { expect } from '../../errors'
import { checkInference } from '../../precision'
import type { Made } from '../../schema'
import type { Seq2SeqNetworkOptions, seq2seqFitOptions } from './options'

type Learning = Pick<
  Made<typeof seq2seqFitOptions.rows>,
  'labelSmoothing' | 'confidencePenalty' | 'coverage' | 'scheduledSampling'
>

/**
 * Throws `ERR_ARGUMENT` for a way to learn that a network of these options has no use for, and `ERR_UNSUPPORTED` where it
 * does not learn.
 */
export function checkLearning(
  { copy, attention, precision }: Seq2SeqNetworkOptions,
  { labelSmoothing, confidencePenalty, coverage, scheduledSampling }: Learning,
): void {
  checkInference('fit', precision, true)
  const attends = attention !== 'none' || coverage === 0
  expect('fit', 'coverage', attends, '0 without attention', coverage)
  if (!copy) return
  // What is written is a part of what is predicted, and its logits tell nothing by themselves.
  expect('fit', 'labelSmoothing', labelSmoothing === 0, '0 with copy', labelSmoothing)
  const confident = confidencePenalty === 0
  expect('fit', 'confidencePenalty', confident, '0 with copy', confidencePenalty)
  const truth = scheduledSampling === undefined
  expect('fit', 'scheduledSampling', truth, 'none with copy', scheduledSampling)
}
