import { segmentsOf, words, type CorpusScore, type References } from './corpus'

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
  const plain = (text: string) => words(text).join(' ')
  const segments = segmentsOf('exact match', hypotheses, references)
  const matched = segments.filter(({ hypothesis, references: any }) =>
    any.some((reference) => plain(reference) === plain(hypothesis)),
  ).length
  return { score: (100 * matched) / segments.length, matched, total: segments.length }
}
