/** Texts out of decoded tokens: with their scores, and with what was looked at for each. */
import type { Source } from '../../data'
import type { Hypothesis } from '../../decode'
import { expect } from '../../errors'
import type { AttentionMap } from '../../report'
import type { Tokenizer } from '../../text'
import { checkTexts } from '../model'
import type { Seq2SeqNetwork } from './network'

/** One of several texts for a source. */
export interface Candidate {
  /** What it reads. */
  text: string
  /** Ids of the target's tokenizer, without its boundaries; with `copy`, ids past these are words of the source. */
  tokens: Int32Array
  /**
   * Natural logarithm of the probability of the tokens and the end. Of a truncated text a search counts the end
   * that it forced, as `score` does; sampling counts the tokens alone.
   */
  logProbability: number
  /** What candidates are ranked by: with length and coverage penalties. */
  score: number
  /** Whether it was cut off at the greatest length. */
  truncated: boolean
  /** What was looked at for each token and the end; null unless asked for. */
  attention: AttentionMap | null
}

/** The best candidate, and all that were asked for. */
export interface Translation extends Candidate {
  /**
   * Best first; at least one. Where constraints leave nothing, such as `blockNgrams` with `minLength`, it is an
   * empty text with a score and a log-probability of -Infinity.
   */
  nBest: Candidate[]
}

/** What decoding needs of a model. */
export interface Member {
  readonly network: Seq2SeqNetwork
  /** Null where sources are vectors. */
  readonly source: Tokenizer | null
  readonly sourceFeatures: number | undefined
  readonly target: Tokenizer
  readonly reverseSource: boolean
  readonly options: { readonly copy: boolean }
}

/** Throws `ERR_ARGUMENT` for what is no list of sources; each is looked at when it is read. */
export function checkSources(op: string, { source }: Member, sources: readonly Source[]): void {
  if (source !== null) return checkTexts(op, sources as readonly string[])
  expect(op, 'sources', Array.isArray(sources), 'a list of sequences of vectors', sources)
}

/** What a search found. */
export type Decoded = Pick<Hypothesis, 'tokens' | 'logProbability' | 'truncated'> & {
  score: number
  alignments: readonly Float32Array[] | null
}

/** The text of what was decoded for `text`. */
export function candidateOf(
  members: readonly Member[],
  text: Source,
  { tokens, logProbability, score, truncated, alignments }: Decoded,
  { replaceUnknown, copied }: { replaceUnknown: boolean; copied: readonly string[] },
): Candidate {
  const [member] = members as readonly [Member]
  const { source, target } = member
  const attention = alignments && attentionOf(member, text, { tokens, copied, alignments })
  // Never the end of the source, which is no word.
  const words = (attention?.source.length ?? 0) - (source === null || source.end === null ? 0 : 1)
  const lookedAt = (position: number): string => {
    const weights = attention?.weights[position] ?? []
    const count = Math.min(weights.length, words)
    let best = 0
    for (let i = 1; i < count; ++i) if ((weights[i] ?? 0) > (weights[best] ?? 0)) best = i
    return words > 0 ? (attention?.source[best] ?? '') : ''
  }
  return {
    text: target.decode(tokens, replaceUnknown ? lookedAt : undefined, copied),
    ...{ tokens, logProbability, score, truncated, attention },
  }
}

const END = '</s>'

/** Weights over the source as it was written, whatever order it was read in. */
function attentionOf(
  { source, target, reverseSource }: Member,
  text: Source,
  made: { tokens: Int32Array; copied: readonly string[]; alignments: readonly Float32Array[] },
): AttentionMap {
  const { tokens, copied, alignments } = made
  // Vectors go by their numbers.
  const pieces =
    source === null
      ? Array.from({ length: alignments[0]?.length ?? 0 }, (_, i) => `${i + 1}`)
      : source.pieces(text as string)
  const forward = (weights: Float32Array): Float32Array => {
    const ordered = weights.slice()
    if (reverseSource) ordered.subarray(0, pieces.length).reverse()
    return ordered
  }
  const decoder = target.decoder(undefined, copied)
  const written = Array.from(tokens, (id) => decoder.write(id).trim() || (target.tokens[id] ?? ''))
  return {
    source: source === null || source.end === null ? pieces : [...pieces, END],
    target: [...written, END],
    weights: alignments.map(forward),
  }
}

const NOTHING: Candidate = {
  ...{ text: '', tokens: new Int32Array(), logProbability: -Infinity, score: -Infinity },
  ...{ truncated: false, attention: null },
}

/** Where constraints leave nothing, an empty text of no probability. */
export function asTranslation(found: Candidate[]): Translation {
  const nBest = found.length > 0 ? found : [{ ...NOTHING, tokens: new Int32Array() }]
  return { ...(nBest[0] as Candidate), nBest }
}
