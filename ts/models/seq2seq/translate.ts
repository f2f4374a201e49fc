/** Decoding with one model or several: encoding in batches, searching, and text out of tokens. */
import { encodeSource, encodeSources, layOutSources } from '../../data'
import type { Copies, EncodedSource, Source } from '../../data'
import { beamSearch, ensemble, sample, stream, withTerms } from '../../decode'
import { BEAM_NAMES, DEFAULT_BEAM } from '../../decode/beam-options'
import { checkFlag, checkWhole, isListOf, optionsOf, whole, type Names } from '../../check'
import { LIMIT_NAMES, type LimitOptions } from '../../decode/limits'
import { SAMPLE_NAMES } from '../../decode/sample'
import type { BeamOptions, EnsembleOptions, Sample, SampleOptions } from '../../decode'
import type { OpenTerm, SearchTerm, StepModel, TermModel } from '../../decode'
import { checkTerms } from '../../decode/terms'
import { expect } from '../../errors'
import { Pauses } from '../../pauses'
import { noGrad, scope, type Tensor } from '../../tensor'
import type { Tokenizer } from '../../text'
import { sameTokens } from '../../text/tokenizer'
import { asTranslation, candidateOf, checkSources } from './candidate'
import type { Candidate, Decoded, Member, Translation } from './candidate'
import { copiesOfAll, Copying } from './copying'
import type { Encoded } from './decoder'
import type { LentFold } from './folds'

interface TextOptions extends Pick<LimitOptions, 'minLength'> {
  /** Texts that the results begin with: one for all sources, or one (or null) for each. */
  prefix?: string | readonly (string | null)[] | undefined
  /**
   * Most tokens of a result: for all sources, or for each. Default 50 and twice the tokens of the
   * source, more where the prefix or `minLength` asks for it.
   */
  maxLength?: number | readonly number[] | undefined
  /** Sources decoded side by side. Default 128. */
  batch?: number | undefined
}

/** As a beam search's, but in texts. */
export interface TranslateOptions extends TextOptions, Omit<BeamOptions, keyof LimitOptions> {
  /**
   * Lets `<unk>` be chosen, and writes the source token it looked at most in its place; needs
   * attention. Default false: `<unk>` is never chosen.
   */
  replaceUnknown?: boolean | undefined
  /**
   * Language or n-gram models of the target's tokens, whose weighted log-probabilities the search adds to the model's:
   * what it finds is best by the sum that `rescore` ranks by.
   */
  terms?: readonly SearchTerm[] | undefined
}

/** As sampling's, but in texts. */
export type SampleTextOptions = TextOptions & Omit<SampleOptions, keyof LimitOptions>

/** As sampling's of one text. */
export interface StreamOptions extends Omit<
  SampleTextOptions,
  'samples' | 'batch' | 'streams' | 'maxLength' | 'prefix'
> {
  /** Text that the result begins with. */
  prefix?: string | undefined
  /** Most tokens of the result. Default as {@link SampleTextOptions}'. */
  maxLength?: number | undefined
}

const TEXT_NAMES: Names<TextOptions> = {
  ...{ prefix: true, maxLength: true, minLength: true, batch: true },
}

/** Names without those of limits, which are given in other words. */
function without<T>(names: Names<T>): Names<Omit<T, keyof LimitOptions>> {
  const limited: readonly string[] = Object.keys(LIMIT_NAMES)
  const own = Object.keys(names).filter((name) => !limited.includes(name))
  return Object.fromEntries(own.map((name) => [name, true])) as Names<Omit<T, keyof LimitOptions>>
}

const TRANSLATE_NAMES: Names<TranslateOptions> = {
  ...TEXT_NAMES,
  ...without<BeamOptions>(BEAM_NAMES),
  replaceUnknown: true,
  terms: true,
}
const SAMPLE_TEXT_NAMES: Names<SampleTextOptions> = {
  ...TEXT_NAMES,
  ...without<SampleOptions>(SAMPLE_NAMES),
}
const { samples: _samples, batch: _batch, streams: _streams, ...STREAM_NAMES } = SAMPLE_TEXT_NAMES

/** Decodes a batch's step model; `sources`: their places among all texts. */
type Search = (
  model: StepModel,
  limits: LimitOptions,
  sources: readonly number[],
) => Promise<Decoded[][]>

/** Translates every text with the members as one. */
export async function translateAll(
  members: readonly Member[],
  texts: readonly Source[],
  given: TranslateOptions,
  together: EnsembleOptions = {},
): Promise<Translation[]> {
  const op = 'translate'
  const { replaceUnknown = false, terms = [], ...options } = optionsOf(op, given, TRANSLATE_NAMES)
  const { prefix: _p, maxLength: _m, minLength: _l, batch: _b, ...searching } = options
  checkFlag(op, 'replaceUnknown', replaceUnknown)
  checkTerms(op, terms)
  const { beam = DEFAULT_BEAM } = options
  checkWhole(op, 'beam', beam, 1)
  const attends = members.length === 1 && members[0]?.network.decoder.attending
  if (replaceUnknown)
    expect(op, 'replaceUnknown', Boolean(attends), 'false but for one model with attention', true)
  const named = !replaceUnknown || members[0]?.source !== null
  expect(op, 'replaceUnknown', named, 'false where sources are vectors', true)
  const free = terms.length === 0 || members.every(({ options }) => !options.copy)
  expect(op, 'terms', free, 'none where words are copied', terms)
  const alignments = replaceUnknown || options.alignments
  const [{ target }] = members as readonly [Member]
  const search: Search = (model, limits) =>
    withOpenTerms(model, target, terms, (weighed) =>
      beamSearch(weighed, { ...searching, ...limits, alignments }),
    )
  const found = await decodeAll(members, texts, options, search, {
    ...{ op, together, replaceUnknown, hypotheses: beam },
  })
  return found.map((candidates) => asTranslation(candidates))
}

/** The model with terms for its sources, for as long as `use`. */
async function withOpenTerms<T>(
  model: StepModel,
  target: Tokenizer,
  terms: readonly SearchTerm[],
  use: (model: StepModel) => Promise<T>,
): Promise<T> {
  if (terms.length === 0) return use(model)
  const opened: ReturnType<TermModel['predicting']>[] = []
  try {
    const all = terms.map(({ model: one, weight, first = Infinity }): OpenTerm => {
      const open = one.predicting(target, model.sources)
      opened.push(open)
      return { model: open.model, weight, first }
    })
    return await use(withTerms(model, all))
  } finally {
    for (const { dispose } of opened) dispose()
  }
}

/** Draws texts for every text from the members as one. */
export async function sampleAll(
  members: readonly Member[],
  texts: readonly Source[],
  options: SampleTextOptions,
  together: EnsembleOptions = {},
): Promise<Translation[]> {
  const asDecoded = (drawn: Sample): Decoded => ({
    ...drawn,
    score: drawn.logProbability,
    alignments: null,
  })
  const op = 'sample'
  optionsOf(op, options, SAMPLE_TEXT_NAMES)
  const { streams, prefix: _p, maxLength: _m, minLength: _l, batch: _b, ...drawing } = options
  const { samples = 1 } = options
  checkWhole(op, 'samples', samples, 1)
  checkSources(op, members[0] as Member, texts)
  const valid = streams === undefined || (Array.isArray(streams) && streams.length === texts.length)
  expect(op, 'streams', valid, `${texts.length} numbers`, streams)
  const search: Search = async (model, limits, sources) => {
    const own = sources.map((i) => streams?.[i] ?? i)
    const drawn = await sample(model, { ...drawing, ...limits, streams: own })
    return drawn.map((all) => all.map(asDecoded))
  }
  const found = await decodeAll(members, texts, options, search, {
    ...{ op, together, replaceUnknown: false, hypotheses: samples },
  })
  return found.map((candidates) => asTranslation(candidates))
}

/** Pieces of a text for `text` as its tokens are drawn. */
export async function* streamPieces(
  members: readonly Member[],
  text: Source,
  given: StreamOptions,
  together: EnsembleOptions = {},
): AsyncGenerator<string, void, void> {
  const op = 'stream'
  const { prefix, maxLength, ...options } = optionsOf(op, given, STREAM_NAMES)
  const [first] = members as readonly [Member]
  const { target } = first
  if (first.source !== null) expect(op, 'text', typeof text === 'string', 'a string', text)
  const sources: EncodedSource[][] = []
  for (const member of members) sources.push([await encodeSource(text, member)])
  const longest = Math.max(...sources.map(([source]) => source?.length ?? 0))
  const prefixes = await prefixesOf(op, target, 1, prefix)
  const { minLength } = options
  const least = Math.max(minLength ?? 0, prefixes?.[0]?.length ?? 0)
  const limits = {
    maxLength: maxLength ?? Math.max(mostTokens(longest), least),
    ...{ minLength, prefixes, forbidden: forbiddenOf(target, false) },
  }
  const copied = await copiesOfAll(op, members, [text])
  const decoder = target.decoder(undefined, copied?.[0]?.[0]?.words)
  const { model, dispose } = openModel(members, { sources, copied }, together, {
    ...{ tokens: longest, more: longest },
  })
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

/** Batches in work at a time. */
const WORKERS = 2

async function decodeAll(
  members: readonly Member[],
  texts: readonly Source[],
  { prefix, maxLength, minLength, batch = 128 }: TextOptions,
  search: Search,
  how: { op: string; together: EnsembleOptions; replaceUnknown: boolean; hypotheses: number },
): Promise<Candidate[][]> {
  const { op, together, replaceUnknown, hypotheses } = how
  checkSources(op, members[0] as Member, texts)
  checkWhole(op, 'batch', batch, 1)
  if (minLength !== undefined) checkWhole(op, 'minLength', minLength, 0)
  const [{ target }] = members as readonly [Member]
  const encoded: EncodedSource[][] = []
  for (const member of members) encoded.push(await encodeSources(texts, member))
  const copies = await copiesOfAll(op, members, texts)
  const longest = texts.map((_, i) => Math.max(...encoded.map((all) => all[i]?.length ?? 0)))
  const length = (i: number) => longest[i] as number
  const prefixes = await prefixesOf(op, target, texts.length, prefix)
  const most = mostOf(op, maxLength, texts.length)
  const lengths = texts.map((_, i) => {
    const begun = prefixes?.[i]?.length ?? 0
    const given = most(i)
    const fits = given === undefined || begun <= given
    expect(op, `prefix ${i}`, fits, `at most the maxLength of ${given} tokens`, prefixes?.[i])
    return given ?? Math.max(mostTokens(length(i)), minLength ?? 0, begun)
  })
  const limits = (which: readonly number[]): LimitOptions => ({
    maxLength: which.map((i) => lengths[i] as number),
    prefixes: prefixes && which.map((i) => prefixes[i] ?? null),
    ...{ minLength, forbidden: forbiddenOf(target, replaceUnknown) },
  })
  // About as many tokens as the sources have, for each hypothesis.
  const tokens = texts.reduce((sum, _, i) => sum + length(i), 0) * hypotheses
  const order = longestFirst(longest)
  const found = new Array<Candidate[]>(texts.length)
  let [next, failed] = [0, false]
  /** Decodes one batch after another, until none is left. */
  const work = async (): Promise<void> => {
    try {
      while (next < order.length && !failed) {
        const which = order.slice(next, (next += batch))
        const sources = encoded.map((all) => which.map((i) => all[i] as EncodedSource))
        const copied = copies?.map((all) => which.map((i) => all[i] as Copies)) ?? null
        const { model, dispose } = openModel(members, { sources, copied }, together, {
          tokens: which.reduce((sum, i) => sum + length(i), 0) * hypotheses,
          more: tokens,
        })
        const lists = await search(model, limits(which), which).finally(dispose)
        lists.forEach((list, row) => {
          const i = which[row] as number
          const text = texts[i] as Source
          const written = { replaceUnknown, copied: copies?.[0]?.[i]?.words ?? [] }
          found[i] = list.map((one) => candidateOf(members, text, one, written))
        })
      }
    } catch (error) {
      failed = true
      throw error
    }
  }
  // While the hypotheses of one batch are sorted out here, the engine computes for the other.
  const workers = Math.min(WORKERS, Math.ceil(order.length / batch))
  const ended = await Promise.allSettled(Array.from({ length: workers }, work))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
  return found
}

/** Positions of these lengths, the longest first and of equals the first one first. */
function longestFirst(lengths: readonly number[]): number[] {
  const alike = new Map<number, number[]>()
  for (const [i, length] of lengths.entries()) {
    const known = alike.get(length)
    if (known === undefined) alike.set(length, [i])
    else known.push(i)
  }
  return [...alike.keys()].sort((a, b) => b - a).flatMap((length) => alike.get(length) ?? [])
}

/** What `maxLength` says of each source. */
function mostOf(
  op: string,
  given: TextOptions['maxLength'],
  count: number,
): (index: number) => number | undefined {
  const all = Array.isArray(given) ? (given as readonly number[]) : null
  const numbers = all ?? [given ?? 1]
  const valid = isListOf(numbers, (n) => whole(n, 1)) && (all?.length ?? count) === count
  const expected = `a whole number of at least 1, or ${count} of them`
  expect(op, 'maxLength', valid && given !== null, expected, given)
  return (index) => (all ? all[index] : (given as number | undefined))
}

async function prefixesOf(
  op: string,
  target: Tokenizer,
  count: number,
  prefix: TextOptions['prefix'],
): Promise<(Int32Array | null)[] | undefined> {
  if (prefix === undefined) return undefined
  const pauses = new Pauses()
  if (typeof prefix === 'string') {
    const ids = await target.encodeInStretches(prefix, pauses)
    return new Array<Int32Array>(count).fill(ids)
  }
  const valid =
    isListOf(prefix, (text) => text === null || typeof text === 'string') && prefix.length === count
  expect(op, 'prefix', valid, `a string, or ${count} of them or null`, prefix)
  const own = prefix.slice()
  const prefixes: (Int32Array | null)[] = []
  for (const text of own)
    prefixes.push(text === null ? null : await target.encodeInStretches(text, pauses))
  return prefixes
}

/** Most tokens for a source of that many, unless told. */
const mostTokens = (source: number): number => 2 * source + 50

/** The beginning of a sequence is never within one. */
const forbiddenOf = ({ begin, unknown }: Tokenizer, allowUnknown: boolean): number[] =>
  [begin, allowUnknown ? null : unknown].filter((id) => id !== null)

/** Sources as each member reads them, and what it may copy of them. */
interface Opened {
  sources: readonly (readonly EncodedSource[])[]
  copied: readonly (readonly Copies[])[] | null
}

/**
 * Encodes sources with every member; dispose it after its decodings. `reading`: about as many tokens as will be read with
 * it, and with others like it.
 */
function openModel(
  members: readonly Member[],
  { sources, copied }: Opened,
  together: EnsembleOptions,
  reading: { tokens: number; more: number },
): { model: StepModel; dispose: () => void } {
  const made: Encoded[] = []
  const folds: LentFold[] = []
  const dispose = () => {
    made.forEach(disposeEncoded)
    for (const fold of folds) fold.release()
  }
  try {
    const models = members.map(({ network, target }, i) => {
      network.eval()
      // Of the weights as they are: a fit may go on between two batches.
      const fold = network.folds.lend(reading.tokens, reading.more)
      if (fold) folds.push(fold)
      const folded = fold?.decoder ?? null
      const encoded = scope(() =>
        noGrad(() => {
          const own = network.encode(layOutSources(sources[i] ?? []))
          return folded ? folded.fold(own) : own
        }),
      )
      made.push(encoded)
      const [bos, eos] = [target.begin as number, target.end as number]
      const read = { size: target.size, unknown: target.unknown ?? 0 }
      const copying = copied && new Copying(copied[i] ?? [], read)
      return network.stepModel(encoded, { vocabulary: read.size, bos, eos }, folded, copying)
    })
    const [only] = models
    if (models.length === 1 && only) return { model: only, dispose }
    const model = ensemble(models, together)
    return { model: readAlike(members) ? model : { ...model, sourceLengths: null }, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

/** Whether a place of the source is the same to all, so that attention can be averaged. */
const readAlike = ([first, ...others]: readonly Member[]): boolean =>
  others.every(
    ({ source, reverseSource }) =>
      reverseSource === first?.reverseSource &&
      (source === null || first.source === null
        ? source === first.source
        : sameTokens(source, first.source)),
  )

export function disposeEncoded({ sources, state }: Encoded): void {
  const { memory, keys, summary } = sources
  const all: (Tensor | null)[] = [memory, keys, summary, ...Object.values(state ?? {})]
  for (const x of all) x?.dispose()
}
