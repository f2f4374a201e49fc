import { atOnce } from '../pauses'
import { segmentsOf, words } from './corpus'
import type { CorpusScore, Measuring, References } from './corpus'

export interface ExactMatchScore extends Pick<CorpusScore, 'score'> {
  /** Hypotheses that equal one of their references. */
  matched: number
  total: number
}

/**
 * How many hypotheses equal any of their references, in percent; spacing does not matter, case does.
 * 100 minus it is the word error rate of pronunciation.
 *
 * Throws `ERR_ARGUMENT` when hypotheses and references do not fit together, `ERR_EMPTY` without any.
 */
export function exactMatch(
  hypotheses: readonly string[],
  references: readonly References[],
): ExactMatchScore {
  return atOnce(measuringExactMatch(hypotheses, references))
}

export function* measuringExactMatch(
  hypotheses: readonly string[],
  references: readonly References[],
): Measuring<ExactMatchScore> {
  const segments = yield* segmentsOf('exact match', hypotheses, references)
  let matched = 0
  for (const { hypothesis, references: any } of segments) {
    yield
    const plain = (yield* words(hypothesis)).join(' ')
    for (const reference of any)
      if ((yield* words(reference)).join(' ') === plain) {
        ++matched
        break
      }
  }
  return { score: (100 * matched) / segments.length, matched, total: segments.length }
}
