import { checkFlag, checkWhole, optionsOf } from '../check'
import { atOnce } from '../pauses'
import { Counts, ngrams, segmentsOf, signatureOf, STRETCH, words } from './corpus'
import type { CorpusScore, Measuring, References } from './corpus'

/** Options of {@link chrf}. */
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
function* wordsAndMarks(all: readonly string[]): Measuring<string[]> {
  const marked: string[] = []
  for (const word of all) {
    const last = word.at(-1) as string
    const first = word[0] as string
    if (word.length === 1) marked.push(word)
    else if (PUNCTUATION.has(last)) marked.push(word.slice(0, -1), last)
    else if (PUNCTUATION.has(first)) marked.push(first, word.slice(1))
    else marked.push(word)
    if (marked.length % STRETCH === 0) yield
  }
  return marked
}

function* together(all: readonly string[]): Measuring<string> {
  let text = ''
  for (let from = 0; from < all.length; from += STRETCH) {
    text += all.slice(from, from + STRETCH).join('')
    yield
  }
  return text
}

/** Where each code point of a text begins, and where the last one ends. */
function* bordersOf(text: string): Measuring<Int32Array> {
  const borders = new Int32Array(text.length + 1)
  let count = 0
  for (let at = 0; at < text.length; ++count) {
    borders[count] = at
    at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1
    if (count % STRETCH === 0) yield
  }
  borders[count] = text.length
  return borders.subarray(0, count + 1)
}

function* runs(text: string, borders: Int32Array, order: number): Generator<string> {
  for (let end = order; end < borders.length; ++end)
    yield text.slice(borders[end - order], borders[end])
}

/** Counts of the n-grams of each order: characters without white space, then words. */
function* orders(text: string, lowercase: boolean, wordOrder: number): Measuring<Counts[]> {
  const all = yield* words(text, (part) => (lowercase ? part.toLowerCase() : part))
  const characters = yield* together(all)
  const borders = yield* bordersOf(characters)
  const marked = wordOrder > 0 ? yield* wordsAndMarks(all) : []
  const counts: Counts[] = []
  for (let order = 1; order <= CHARACTER_ORDER; ++order)
    counts.push(yield* Counts.of(runs(characters, borders, order)))
  for (let order = 1; order <= wordOrder; ++order)
    counts.push(yield* Counts.of(ngrams(marked, order, ' ')))
  return counts
}

interface Match {
  hypothesis: number
  reference: number
  both: number
}

/** An order that the reference is too short for does not count against the hypothesis. */
function* match(hypothesis: Counts, reference: Counts): Measuring<Match> {
  let [both, done] = [0, 0]
  for (const [ngram, times] of hypothesis) {
    both += Math.min(times, reference.get(ngram))
    if (++done % STRETCH === 0) yield
  }
  const counted = reference.total > 0 ? hypothesis.total : 0
  return { hypothesis: counted, reference: reference.total, both }
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
  return atOnce(measuringChrf(hypotheses, references, options))
}

export function* measuringChrf(
  hypotheses: readonly string[],
  references: readonly References[],
  options: ChrfOptions,
): Measuring<CorpusScore> {
  const names = { wordOrder: true, lowercase: true } as const
  const { wordOrder = 0, lowercase = false } = optionsOf('chrf', options, names)
  checkWhole('chrf', 'wordOrder', wordOrder, 0, MOST_ORDER)
  checkFlag('chrf', 'lowercase', lowercase)
  const segments = yield* segmentsOf('chrf', hypotheses, references)
  const counts = (text: string) => orders(text, lowercase, wordOrder)
  const totals = Array.from({ length: CHARACTER_ORDER + wordOrder }, () => ({
    hypothesis: 0,
    reference: 0,
    both: 0,
  }))
  for (const segment of segments) {
    yield
    const hypothesis = yield* counts(segment.hypothesis)
    let best: Match[] = []
    let bestScore = -1
    for (const reference of segment.references) {
      const other = yield* counts(reference)
      const matches: Match[] = []
      for (const [i, own] of hypothesis.entries())
        matches.push(yield* match(own, other[i] as Counts))
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
