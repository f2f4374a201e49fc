import { expect } from '../errors'
import { atOnce } from '../pauses'
import { segmentsOf, STRETCH, words } from './corpus'
import type { CorpusScore, Measuring, References } from './corpus'

/** What {@link tokenErrorRate} gives. */
export interface TokenErrorRate extends Pick<CorpusScore, 'score'> {
  /** Insertions, deletions and substitutions in all. */
  edits: number
  /** Tokens of the references that were compared with. */
  referenceLength: number
}

/** Fewest insertions, deletions and substitutions that make `to` of `from` (Levenshtein 1966). */
export function editDistance<T>(from: readonly T[], to: readonly T[]): number {
  for (const [name, given] of Object.entries({ from, to }))
    expect('edit distance', name, Array.isArray(given), 'a list', given)
  return atOnce(distance(from, to))
}

function* distance<T>(from: readonly T[], to: readonly T[]): Measuring<number> {
  // row[j]: from the items of `from` read so far to the first j of `to`
  const row = Int32Array.from({ length: to.length + 1 }, (_, j) => j)
  let done = 0
  for (const item of from) {
    let diagonal = row[0] as number
    row[0] = diagonal + 1
    for (let j = 1; j < row.length; ++j) {
      const above = row[j] as number
      const changed = diagonal + (item === to[j - 1] ? 0 : 1)
      row[j] = Math.min(changed, above + 1, (row[j - 1] as number) + 1)
      diagonal = above
      if (j % STRETCH === 0) yield
    }
    if ((done += row.length) > STRETCH) {
      done = 0
      yield
    }
  }
  return row[to.length] as number
}

/**
 * Edits per reference token over the whole corpus, in percent: the phoneme error rate where tokens
 * are phonemes (`per`), the word error rate of speech recognition where they are words. Tokens are
 * what stands between white space. Of several references the one that needs the fewest edits counts,
 * with its length; of equals the first. May exceed 100; with empty references only, it is 100 if
 * there is any edit and 0 otherwise.
 *
 * Throws `ERR_ARGUMENT` when hypotheses and references do not fit together, `ERR_EMPTY` without any.
 */
export function tokenErrorRate(
  hypotheses: readonly string[],
  references: readonly References[],
): TokenErrorRate {
  return atOnce(measuringTokenErrorRate(hypotheses, references))
}

export function* measuringTokenErrorRate(
  hypotheses: readonly string[],
  references: readonly References[],
): Measuring<TokenErrorRate> {
  let edits = 0
  let referenceLength = 0
  for (const segment of yield* segmentsOf('token error rate', hypotheses, references)) {
    yield
    const hypothesis = yield* words(segment.hypothesis)
    let best = { edits: Infinity, length: 0 }
    for (const text of segment.references) {
      const reference = yield* words(text)
      const found = yield* distance(hypothesis, reference)
      if (found < best.edits) best = { edits: found, length: reference.length }
    }
    edits += best.edits
    referenceLength += best.length
  }
  return { score: percentOfLength(edits, referenceLength), edits, referenceLength }
}

/** Edits over the reference's length; 100 where only there is nothing to compare with. */
export const percentOfLength = (edits: number, length: number): number =>
  length > 0 ? (100 * edits) / length : edits > 0 ? 100 : 0
