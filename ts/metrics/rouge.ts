import { checkChoice, checkFlag, optionsOf } from '../check'
import { atOnce } from '../pauses'
import { Counts, ngrams, segmentsOf, STRETCH, words } from './corpus'
import type { Measuring, References } from './corpus'
import { stemmer } from './stem'

/** Options of {@link rouge}. */
export interface RougeOptions {
  /** Takes English words by their stems. Needs the package stemmer, which is not installed with rnnative. Default false. */
  stem?: boolean | undefined
  /**
   * `english`: runs of the letters a to z and of digits, as the reference implementation has it. `none`: what stands
   * between white space, for other languages and text that is tokenised already. Default `english`.
   */
  tokenize?: 'english' | 'none' | undefined
}

/** In percent. */
export interface RougeRates {
  /**
   * The share of the candidate's n-grams (or of its words, in the longest common subsequence) that the
   * reference has.
   */
  precision: number
  /** The share of the reference's that the candidate has. */
  recall: number
  /** Harmonic mean of precision and recall. */
  f1: number
}

/** Shared words, shared pairs of words, longest common subsequence of words. */
export interface RougeScore {
  /** Of single words. */
  rouge1: RougeRates
  /** Of pairs of words. */
  rouge2: RougeRates
  /** Of longest common subsequences. */
  rougeL: RougeRates
}

/** Shorter words are no longer than their stems. */
const STEMMED = 4

function* lengthOfCommon(a: readonly string[], b: readonly string[]): Measuring<number> {
  // row[j]: of the words of `a` read so far and the first j of `b`
  const row = new Int32Array(b.length + 1)
  let done = 0
  for (const word of a) {
    let diagonal = 0
    for (let j = 1; j < row.length; ++j) {
      const above = row[j] as number
      row[j] = word === b[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1] as number)
      diagonal = above
      if (++done % STRETCH === 0) yield
    }
  }
  return row[b.length] as number
}

const ratesOf = (common: number, hypothesis: number, reference: number): RougeRates => {
  const precision = common / Math.max(1, hypothesis)
  const recall = common / Math.max(1, reference)
  const f1 = common > 0 ? (2 * precision * recall) / (precision + recall) : 0
  return { precision, recall, f1 }
}

/** Words, and how often each n-gram is there. */
interface Counted {
  words: string[]
  counts: [Counts, Counts]
}

function* counted(words: string[]): Measuring<Counted> {
  return {
    words,
    counts: [yield* Counts.of(ngrams(words, 1, ' ')), yield* Counts.of(ngrams(words, 2, ' '))],
  }
}

function* shared(a: Counts, b: Counts): Measuring<RougeRates> {
  let [common, done] = [0, 0]
  for (const [ngram, times] of a) {
    common += Math.min(times, b.get(ngram))
    if (++done % STRETCH === 0) yield
  }
  return ratesOf(common, a.total, b.total)
}

function* scored(hypothesis: Counted, reference: Counted): Measuring<RougeScore> {
  const [one, two] = hypothesis.counts
  const common = yield* lengthOfCommon(hypothesis.words, reference.words)
  return {
    rouge1: yield* shared(one, reference.counts[0]),
    rouge2: yield* shared(two, reference.counts[1]),
    rougeL: ratesOf(common, hypothesis.words.length, reference.words.length),
  }
}

const NAMES = ['rouge1', 'rouge2', 'rougeL'] as const
const RATES = ['precision', 'recall', 'f1'] as const

const nothing = (): RougeScore => ({
  rouge1: ratesOf(0, 0, 0),
  rouge2: ratesOf(0, 0, 0),
  rougeL: ratesOf(0, 0, 0),
})

/**
 * ROUGE (Lin 2004) of summaries, as the reference implementation rouge-score reckons it: the means over the corpus; of
 * several references that with the best F1, of each figure for itself. ROUGE-L is of whole summaries.
 *
 * Throws `ERR_ARGUMENT` when hypotheses and references do not fit together, or where stems are asked for without their
 * package; `ERR_EMPTY` without any.
 */
export function rouge(
  hypotheses: readonly string[],
  references: readonly References[],
  options: RougeOptions = {},
): RougeScore {
  return atOnce(measuringRouge(hypotheses, references, options))
}

export function* measuringRouge(
  hypotheses: readonly string[],
  references: readonly References[],
  options: RougeOptions,
): Measuring<RougeScore> {
  const names = { stem: true, tokenize: true } as const
  const { stem = false, tokenize = 'english' } = optionsOf('rouge', options, names)
  checkFlag('rouge', 'stem', stem)
  checkChoice('rouge', 'tokenize', tokenize, ['english', 'none'])
  const stemOf = stem ? stemmer() : (word: string) => word
  const plain = (part: string) =>
    tokenize === 'none' ? part : part.toLowerCase().replace(/[^a-z0-9]+/g, ' ')
  function* read(text: string): Measuring<Counted> {
    const all = yield* words(text, plain)
    for (const [i, word] of all.entries()) {
      if (word.length >= STEMMED) all[i] = stemOf(word)
      if (i % STRETCH === 0) yield
    }
    return yield* counted(all)
  }
  const segments = yield* segmentsOf('rouge', hypotheses, references)
  const total = nothing()
  for (const { hypothesis, references: any } of segments) {
    yield
    const own = yield* read(hypothesis)
    const best = nothing()
    for (const text of any) {
      const score = yield* scored(own, yield* read(text))
      for (const name of NAMES) if (score[name].f1 > best[name].f1) best[name] = score[name]
    }
    for (const name of NAMES) for (const rate of RATES) total[name][rate] += best[name][rate]
  }
  for (const rates of Object.values(total) as RougeRates[])
    for (const rate of RATES) rates[rate] = (100 * rates[rate]) / segments.length
  return total
}
