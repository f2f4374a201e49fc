import { checkChoice, checkFlag, optionsOf } from '../check'
import { atOnce } from '../pauses'
import { Counts, ngrams, segmentsOf, signatureOf, STRETCH, trimEnd, words } from './corpus'
import type { CorpusScore, Measuring, References } from './corpus'

/** Options of {@link bleu}. */
export interface BleuOptions {
  /**
   * `13a`: punctuation is split off as mteval-v13a does, for plain text. `none`: tokens are what
   * stands between white space, for text that is tokenised already. Default `13a`.
   */
  tokenize?: '13a' | 'none' | undefined
  /** Ignores case. Default false. */
  lowercase?: boolean | undefined
}

export interface BleuScore extends CorpusScore {
  /** In percent, of n-grams of 1 to 4 words, smoothed. */
  precisions: number[]
  /** What a corpus shorter than its references is multiplied by; 1 unless it is. */
  brevityPenalty: number
  /** Words of all hypotheses. */
  hypothesisLength: number
  /** Words of the references that are closest in length. */
  referenceLength: number
}

const ORDERS = [1, 2, 3, 4]

/** Punctuation of mteval-v13a, but for what depends on digits beside it. */
const PUNCTUATION = /[{-~[-` -&(-+:-@/]/gu
const ENTITIES: Readonly<Record<string, string>> = { quot: '"', amp: '&', lt: '<', gt: '>' }

/** NIST's mteval-v13a, before the words are taken. */
function prepare13a(text: string): string {
  let line = text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ')
  // One after the other: what an ampersand begins may be an entity in turn.
  for (const [name, character] of Object.entries(ENTITIES))
    line = line.replaceAll(`&${name};`, character)
  return ` ${line} `
    .replace(PUNCTUATION, ' $& ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ')
}

const closest = (length: number, lengths: readonly number[]): number =>
  lengths.reduce((best, other) => {
    const nearer = Math.abs(other - length) - Math.abs(best - length)
    return nearer < 0 || (nearer === 0 && other < best) ? other : best
  })

const mostOf = (counts: readonly Counts[], ngram: string): number =>
  Math.max(...counts.map((one) => one.get(ngram)))

/**
 * Corpus BLEU (Papineni et al. 2002) with sacreBLEU's defaults (Post 2018): up to 4 words, clipped
 * by the reference that has an n-gram most often, the closest reference length (the shorter one of
 * two), and `exp` smoothing: the first order without a match counts half a match, the next a
 * quarter, and so on (Chen & Cherry 2014, number 3). Without any match it is 0.
 *
 * Throws `ERR_ARGUMENT` when hypotheses and references do not fit together, `ERR_EMPTY` without any.
 */
export function bleu(
  hypotheses: readonly string[],
  references: readonly References[],
  options: BleuOptions = {},
): BleuScore {
  return atOnce(measuringBleu(hypotheses, references, options))
}

export function* measuringBleu(
  hypotheses: readonly string[],
  references: readonly References[],
  options: BleuOptions,
): Measuring<BleuScore> {
  const names = { tokenize: true, lowercase: true } as const
  const { tokenize = '13a', lowercase = false } = optionsOf('bleu', options, names)
  checkChoice('bleu', 'tokenize', tokenize, ['13a', 'none'])
  checkFlag('bleu', 'lowercase', lowercase)
  const segments = yield* segmentsOf('bleu', hypotheses, references)
  const prepare = tokenize === '13a' ? prepare13a : (text: string) => text
  const tokens = (text: string) =>
    words(tokenize === '13a' ? trimEnd(text) : text, (part) =>
      prepare(lowercase ? part.toLowerCase() : part),
    )

  const matches = ORDERS.map(() => 0)
  const totals = ORDERS.map(() => 0)
  let hypothesisLength = 0
  let referenceLength = 0
  let done = 0
  for (const segment of segments) {
    yield
    const hypothesis = yield* tokens(segment.hypothesis)
    const others: string[][] = []
    for (const reference of segment.references) others.push(yield* tokens(reference))
    hypothesisLength += hypothesis.length
    referenceLength += closest(
      hypothesis.length,
      others.map(({ length }) => length),
    )
    for (const [i, order] of ORDERS.entries()) {
      const limits: Counts[] = []
      for (const other of others) limits.push(yield* Counts.of(ngrams(other, order, ' ')))
      for (const [ngram, times] of yield* Counts.of(ngrams(hypothesis, order, ' '))) {
        totals[i]! += times
        matches[i]! += Math.min(times, mostOf(limits, ngram))
        if (++done % STRETCH === 0) yield
      }
    }
  }

  const matched = matches.some((found) => found > 0)
  let share = 1
  const precisions = ORDERS.map((_, i) => {
    const total = totals[i] as number
    const found = matches[i] as number
    if (!matched || total === 0) return 0
    return (100 * (found > 0 ? found : (share /= 2))) / total
  })
  const brevityPenalty =
    hypothesisLength >= referenceLength
      ? 1
      : hypothesisLength > 0
        ? Math.exp(1 - referenceLength / hypothesisLength)
        : 0
  const mean = precisions.reduce((sum, precision) => sum + Math.log(precision), 0) / ORDERS.length
  return {
    score: matched ? brevityPenalty * Math.exp(mean) : 0,
    signature: signatureOf(segments, {
      case: lowercase ? 'lc' : 'mixed',
      eff: 'no',
      tok: tokenize,
      smooth: 'exp',
    }),
    precisions,
    brevityPenalty,
    hypothesisLength,
    referenceLength,
  }
}
