/** Decoding with one model or several: encoding in batches, searching, and text out of tokens. */
import { encodeSource, layOut } from '../data'
import { beamSearch, ensemble, sample, stream } from '../decode'
import { DEFAULT_BEAM } from '../decode/beam-options'
import type { BeamOptions, EnsembleOptions, Hypothesis, Sample, SampleOptions } from '../decode'
import type { StepModel } from '../decode'
import { expect } from '../errors'
import type { AttentionMap } from '../report'
import { noGrad, scope, type Tensor } from '../tensor'
import type { Tokenizer } from '../text'
import { FoldedDecoder } from './folded-decoder'
import { checkTexts } from './model'
import type { Encoded, Seq2SeqNetwork } from './seq2seq-network'

/** One of several texts for a source. */
export interface Candidate {
  text: string
  /** Ids of the target's tokenizer, without its boundaries. */
  tokens: Int32Array
  /** Natural logarithm of the probability of the tokens and the end (of the tokens if truncated). */
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
  /** Best first. */
  nBest: Candidate[]
}

interface TextOptions {
  /** Texts that the results begin with: one for all sources, or one (or null) for each. */
  prefix?: string | readonly (string | null)[] | undefined
  /**
   * Most tokens of a result: for all sources, or for each. Default 50 and twice the tokens of the
   * source.
   */
  maxLength?: number | readonly number[] | undefined
  /** Sources decoded side by side. Default 128. */
  batch?: number | undefined
}

/** As a beam search's, but in texts. */
export interface TranslateOptions
  extends TextOptions, Omit<BeamOptions, 'prefixes' | 'maxLength' | 'forbidden'> {
  /**
   * Lets `<unk>` be chosen, and writes the source token it looked at most in its place; needs
   * attention. Default false: `<unk>` is never chosen.
   */
  replaceUnknown?: boolean | undefined
}

/** As sampling's, but in texts. */
export type SampleTextOptions = TextOptions &
  Omit<SampleOptions, 'prefixes' | 'maxLength' | 'forbidden' | 'streams'>

/** As sampling's of one text. */
export interface StreamOptions extends Omit<
  SampleTextOptions,
  'samples' | 'batch' | 'maxLength' | 'prefix'
> {
  /** Text that the result begins with. */
  prefix?: string | undefined
  /** Most tokens of the result. Default 50 and twice the tokens of the source. */
  maxLength?: number | undefined
}

/** What decoding needs of a model. */
export interface Member {
  readonly network: Seq2SeqNetwork
  readonly source: Tokenizer
  readonly target: Tokenizer
  readonly reverseSource: boolean
}

type Decoded = Pick<Hypothesis, 'tokens' | 'logProbability' | 'truncated'> & {
  score: number
  alignments: readonly Float32Array[] | null
}

/** Decodes a batch's step model; `sources`: their places among all texts. */
type Search = (
  model: StepModel,
  limits: BatchLimits,
  sources: readonly number[],
) => Promise<Decoded[][]>

interface BatchLimits {
  maxLength: readonly number[]
  prefixes: readonly (Int32Array | null)[] | undefined
  forbidden: readonly number[]
}

/** Translates every text with the members as one. */
export async function translateAll(
  members: readonly Member[],
  texts: readonly string[],
  { replaceUnknown = false, prefix, maxLength, batch, ...options }: TranslateOptions,
  together: EnsembleOptions = {},
): Promise<Translation[]> {
  const op = 'translate'
  expect(op, 'replaceUnknown', typeof replaceUnknown === 'boolean', 'true or false', replaceUnknown)
  const attends = members.length === 1 && members[0]?.network.decoder.attending
  if (replaceUnknown)
    expect(op, 'replaceUnknown', Boolean(attends), 'false but for one model with attention', true)
  const alignments = replaceUnknown || options.alignments
  const search: Search = (model, limits) => beamSearch(model, { ...options, ...limits, alignments })
  const found = await decodeAll(members, texts, { prefix, maxLength, batch }, search, {
    ...{ op, together, replaceUnknown, hypotheses: options.beam ?? DEFAULT_BEAM },
  })
  return found.map((candidates) => asTranslation(candidates))
}

/** Draws texts for every text from the members as one. */
export async function sampleAll(
  members: readonly Member[],
  texts: readonly string[],
  { prefix, maxLength, batch, ...options }: SampleTextOptions,
  together: EnsembleOptions = {},
): Promise<Translation[]> {
  const asDecoded = (drawn: Sample): Decoded => ({
    ...drawn,
    score: drawn.logProbability,
    alignments: null,
  })
  const search: Search = async (model, limits, streams) => {
    const drawn = await sample(model, { ...options, ...limits, streams })
    return drawn.map((own) => own.map(asDecoded))
  }
  const found = await decodeAll(members, texts, { prefix, maxLength, batch }, search, {
    ...{ op: 'sample', together, replaceUnknown: false, hypotheses: options.samples ?? 1 },
  })
  return found.map((candidates) => asTranslation(candidates))
}

/** Pieces of a text for `text` as its tokens are drawn. */
export async function* streamPieces(
  members: readonly Member[],
  text: string,
  { prefix, maxLength, ...options }: StreamOptions,
  together: EnsembleOptions = {},
): AsyncGenerator<string, void, void> {
  const op = 'stream'
  expect(op, 'text', typeof text === 'string', 'a string', text)
  const [{ target }] = members as readonly [Member]
  const sources = members.map((member) => [encodeSource(text, member)])
  const longest = Math.max(...sources.map(([source]) => source?.length ?? 0))
  const limits = {
    maxLength: maxLength ?? mostTokens(longest),
    prefixes: prefixesOf(op, target, 1, prefix),
    forbidden: forbiddenOf(target, false),
  }
  const decoder = target.decoder()
  const { model, dispose } = openModel(members, sources, together)
  try {
    for await (const { token } of stream(model, { ...options, ...limits })) {
      const piece = decoder.write(token)
      if (piece !== '') yield piece
    }
    const rest = decoder.end()
    if (rest !== '') yield rest
  } finally {
    dispose()
  }
}

const NOTHING: Candidate = {
  ...{ text: '', tokens: new Int32Array(), logProbability: -Infinity, score: -Infinity },
  ...{ truncated: false, attention: null },
}

/** Where constraints leave nothing, an empty text of no probability. */
const asTranslation = (nBest: Candidate[]): Translation => ({ ...(nBest[0] ?? NOTHING), nBest })

/** Batches in work at a time. */
const WORKERS = 2

async function decodeAll(
  members: readonly Member[],
  texts: readonly string[],
  { prefix, maxLength, batch = 128 }: TextOptions,
  search: Search,
  how: { op: string; together: EnsembleOptions; replaceUnknown: boolean; hypotheses: number },
): Promise<Candidate[][]> {
  const { op, together, replaceUnknown, hypotheses } = how
  checkTexts(op, texts)
  expect(op, 'batch', Number.isSafeInteger(batch) && batch >= 1, 'a whole number above 0', batch)
  const [{ target }] = members as readonly [Member]
  const encoded = members.map((member) => texts.map((text) => encodeSource(text, member)))
  const length = (i: number) => Math.max(...encoded.map((all) => all[i]?.length ?? 0))
  const prefixes = prefixesOf(op, target, texts.length, prefix)
  const limits = (which: readonly number[]): BatchLimits => ({
    maxLength: which.map((i) => lengthOf(op, maxLength, i, texts.length, mostTokens(length(i)))),
    prefixes: prefixes && which.map((i) => prefixes[i] ?? null),
    forbidden: forbiddenOf(target, replaceUnknown),
  })
  // About as many tokens as the sources have, for each hypothesis.
  const tokens = texts.reduce((sum, _, i) => sum + length(i), 0) * hypotheses
  const order = texts.map((_, i) => i).sort((a, b) => length(b) - length(a) || a - b)
  const found = new Array<Candidate[]>(texts.length)
  let [next, failed] = [0, false]
  /** Decodes one batch after another, until none is left. */
  const work = async (): Promise<void> => {
    const folds = members.map(({ network, target: { size } }) =>
      FoldedDecoder.of(network.decoder, tokens >= size),
    )
    try {
      while (next < order.length && !failed) {
        const which = order.slice(next, (next += batch))
        const sources = encoded.map((all) => which.map((i) => all[i] as Int32Array))
        // A fit may go on between two batches.
        const folded = folds.map((fold) => fold?.current() ?? null)
        const { model, dispose } = openModel(members, sources, together, folded)
        const lists = await search(model, limits(which), which).finally(dispose)
        lists.forEach((list, row) => {
          const i = which[row] as number
          const text = texts[i] as string
          found[i] = list.map((one) => candidateOf(members, text, one, replaceUnknown))
        })
      }
    } catch (error) {
      failed = true
      throw error
    } finally {
      for (const fold of folds) fold?.dispose()
    }
  }
  // While the hypotheses of one batch are sorted out here, the engine computes for the other.
  const workers = Math.min(WORKERS, Math.ceil(order.length / batch))
  const ended = await Promise.allSettled(Array.from({ length: workers }, work))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
  return found
}

function lengthOf(
  op: string,
  given: number | readonly number[] | undefined,
  index: number,
  count: number,
  fallback: number,
): number {
  if (given === undefined || typeof given === 'number') return given ?? fallback
  expect(op, 'maxLength', given.length === count, `a whole number, or ${count}`, given)
  return given[index] as number
}

function prefixesOf(
  op: string,
  target: Tokenizer,
  count: number,
  prefix: TextOptions['prefix'],
): (Int32Array | null)[] | undefined {
  if (prefix === undefined) return undefined
  const all = typeof prefix === 'string' ? new Array<string>(count).fill(prefix) : prefix
  const valid =
    Array.isArray(all) &&
    all.length === count &&
    all.every((text) => text === null || typeof text === 'string')
  expect(op, 'prefix', valid, `a string, or ${count} of them or null`, prefix)
  return all.map((text) => (text === null ? null : target.encode(text)))
}

/** Most tokens for a source of that many, unless told. */
const mostTokens = (source: number): number => 2 * source + 50

/** The beginning of a sequence is never within one. */
const forbiddenOf = ({ begin, unknown }: Tokenizer, allowUnknown: boolean): number[] =>
  [begin, allowUnknown ? null : unknown].filter((id) => id !== null)

/** Encodes sources with every member; dispose it after its decodings. `folds`: of their decoders. */
function openModel(
  members: readonly Member[],
  sources: readonly (readonly Int32Array[])[],
  together: EnsembleOptions,
  folds: readonly (FoldedDecoder | null)[] = [],
): { model: StepModel; dispose: () => void } {
  const made: Encoded[] = []
  const dispose = () => made.forEach(disposeEncoded)
  try {
    const models = members.map(({ network, target }, i) => {
      network.eval()
      const folded = folds[i] ?? null
      const encoded = scope(() =>
        noGrad(() => {
          const own = network.encode(layOut(sources[i] ?? []))
          return folded ? folded.fold(own) : own
        }),
      )
      made.push(encoded)
      const [bos, eos] = [target.begin as number, target.end as number]
      return network.stepModel(encoded, { vocabulary: target.size, bos, eos }, folded)
    })
    const [only] = models
    return { model: models.length === 1 && only ? only : ensemble(models, together), dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

function disposeEncoded({ sources, state }: Encoded): void {
  const { memory, keys, summary } = sources
  const all: (Tensor | null)[] = [memory, keys, summary, ...Object.values(state ?? {})]
  for (const x of all) x?.dispose()
}

function candidateOf(
  members: readonly Member[],
  text: string,
  { tokens, logProbability, score, truncated, alignments }: Decoded,
  replaceUnknown: boolean,
): Candidate {
  const [member] = members as readonly [Member]
  const { source, target } = member
  const attention = alignments && attentionOf(member, text, tokens, alignments)
  // Never the end of the source, which is no word.
  const words = (attention?.source.length ?? 0) - (source.end === null ? 0 : 1)
  const lookedAt = (position: number): string => {
    const weights = attention?.weights[position] ?? []
    const count = Math.min(weights.length, words)
    let best = 0
    for (let i = 1; i < count; ++i) if ((weights[i] ?? 0) > (weights[best] ?? 0)) best = i
    return attention?.source[best] ?? ''
  }
  return {
    text: target.decode(tokens, replaceUnknown ? lookedAt : undefined),
    ...{ tokens, logProbability, score, truncated, attention },
  }
}

const END = '</s>'

/** Weights over the source as it was written, whatever order it was read in. */
function attentionOf(
  { source, target, reverseSource }: Member,
  text: string,
  tokens: Int32Array,
  alignments: readonly Float32Array[],
): AttentionMap {
  const pieces = source.pieces(text)
  const forward = (weights: Float32Array): Float32Array => {
    const ordered = weights.slice()
    if (reverseSource) ordered.subarray(0, pieces.length).reverse()
    return ordered
  }
  const decoder = target.decoder()
  const written = Array.from(tokens, (id) => decoder.write(id).trim() || (target.tokens[id] ?? ''))
  return {
    source: source.end === null ? pieces : [...pieces, END],
    target: [...written, END],
    weights: alignments.map(forward),
  }
}
