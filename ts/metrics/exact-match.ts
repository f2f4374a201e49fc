import { atOnce } from '../pauses'
import { segmentsOf, STRETCH, words } from './corpus'
import type { CorpusScore, Measuring, References } from './corpus'

/** What {@link exactMatch} gives. */
export interface ExactMatchScore extends Pick<CorpusScore, 'score'> {
  /** Hypotheses that equal one of their references. */
  matched: number
  /** Sequences that were compared. */
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

function* same(a: readonly string[], b: readonly string[]): Measuring<boolean> {
  if (a.length !== b.length) return false
  for (const [i, word] of a.entries()) {
    if (word !== b[i]) return false
    if (i % STRETCH === 0) yield
  }
  return true
}

export function* measuringExactMatch(
  hypotheses: readonly string[],
  references: readonly References[],
): Measuring<ExactMatchScore> {
  const segments = yield* segmentsOf('exact match', hypotheses, references)
  let matched = 0
  for (const { hypothesis, references: any } of segments) {
    yield
    const own = yield* words(hypothesis)
    for (const reference of any)
      if (yield* same(own, yield* words(reference))) {
        ++matched
        break
      }
  }
  return { score: (100 * matched) / segments.length, matched, total: segments.length }
}
