import { checkFlag, checkWhole, optionsOf } from '../check'
import {
  count,
  ngrams,
  segmentsOf,
  signatureOf,
  words,
  type CorpusScore,
  type Counts,
  type References,
} from './corpus'

export interface ChrfOptions {
  /** Word n-grams up to this length count as well; 2 is chrF++. Default 0. */
  wordOrder?: number | undefined
  /** Ignores case. Default false. */
  lowercase?: boolean | undefined
}

const CHARACTER_ORDER = 6
/** Longer n-grams of words hardly ever match. */
const MOST_ORDER = 100
/** Recall counts beta squared times as much as precision. */
const BETA = 2

const PUNCTUATION = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~')

/** Words with one punctuation mark split off, at the end or else at the beginning. */
function wordsAndMarks(text: string): string[] {
  return words(text).flatMap((word) => {
    const characters = Array.from(word)
    const last = characters.at(-1) as string
    const first = characters[0] as string
    if (characters.length === 1) return [word]
    if (PUNCTUATION.has(last)) return [word.slice(0, -1), last]
    return PUNCTUATION.has(first) ? [first, word.slice(1)] : [word]
  })
}

/** Counts of the n-grams of each order: characters without white space, then words. */
function orders(text: string, wordOrder: number): Counts[] {
  const characters = Array.from(words(text).join(''))
  const marked = wordOrder > 0 ? wordsAndMarks(text) : []
  return Array.from({ length: CHARACTER_ORDER + wordOrder }, (_, i) =>
    i < CHARACTER_ORDER
      ? count(ngrams(characters, i + 1, ''))
      : count(ngrams(marked, i + 1 - CHARACTER_ORDER, ' ')),
  )
}

interface Match {
  hypothesis: number
  reference: number
  both: number
}

const sum = (counts: Counts): number => {
  let total = 0
  for (const times of counts.values()) total += times
  return total
}

/** An order that the reference is too short for does not count against the hypothesis. */
const match = (hypothesis: Counts, reference: Counts): Match => {
  let both = 0
  for (const [ngram, times] of hypothesis) both += Math.min(times, reference.get(ngram) ?? 0)
  return {
    hypothesis: reference.size > 0 ? sum(hypothesis) : 0,
    reference: sum(reference),
    both,
  }
}

/** F of the mean precision and the mean recall over the orders that both sides have, in percent. */
function fScore(matches: readonly Match[]): number {
  const counted = matches.filter(({ hypothesis, reference }) => hypothesis > 0 && reference > 0)
  const mean = (of: (one: Match) => number) =>
    counted.reduce((total, one) => total + of(one), 0) / Math.max(1, counted.length)
  const precision = mean(({ both, hypothesis }) => both / hypothesis)
  const recall = mean(({ both, reference }) => both / reference)
  if (precision + recall === 0) return 0
  return (100 * (1 + BETA ** 2) * precision * recall) / (BETA ** 2 * precision + recall)
}

/**
 * chrF2 (Popović 2015) with sacreBLEU's defaults: character n-grams of 1 to 6 over the whole corpus,
 * white space left out; with `wordOrder: 2` it is chrF++ (Popović 2017). Of several references the
 * one with the highest score for its sentence counts.
 *
 * Throws `ERR_ARGUMENT` when hypotheses and references do not fit together, `ERR_EMPTY` without any.
 */
export function chrf(
  hypotheses: readonly string[],
  references: readonly References[],
  options: ChrfOptions = {},
): CorpusScore {
  const names = { wordOrder: true, lowercase: true } as const
  const { wordOrder = 0, lowercase = false } = optionsOf('chrf', options, names)
  checkWhole('chrf', 'wordOrder', wordOrder, 0, MOST_ORDER)
  checkFlag('chrf', 'lowercase', lowercase)
  const segments = segmentsOf('chrf', hypotheses, references)
  const counts = (text: string) => orders(lowercase ? text.toLowerCase() : text, wordOrder)
  const totals = Array.from({ length: CHARACTER_ORDER + wordOrder }, () => ({
    hypothesis: 0,
    reference: 0,
    both: 0,
  }))
  for (const segment of segments) {
    const hypothesis = counts(segment.hypothesis)
    let best: Match[] = []
    let bestScore = -1
    for (const reference of segment.references) {
      const other = counts(reference)
      const matches = hypothesis.map((own, i) => match(own, other[i] as Counts))
      const score = fScore(matches)
      if (score > bestScore) [best, bestScore] = [matches, score]
    }
    for (const [i, total] of totals.entries()) {
      const { hypothesis, reference, both } = best[i] as Match
      total.hypothesis += hypothesis
      total.reference += reference
      total.both += both
    }
  }
  return {
    score: fScore(totals),
    signature: signatureOf(segments, {
      case: lowercase ? 'lc' : 'mixed',
      eff: 'yes',
      nc: CHARACTER_ORDER,
      nw: wordOrder,
      space: 'no',
    }),
  }
}
