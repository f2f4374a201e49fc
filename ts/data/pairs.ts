import { expect, RnnativeError, told } from '../errors'
import { isSource } from '../kinds'
import { Pauses } from '../pauses'
import type { Tokenizer } from '../text'
import { Column, type Numbers } from './column'
import { asRead, checkCopying, copiesOf, copyingIds } from './copying'
import type { CopyBatch, ReadVocabulary } from './copying'
import { checkIds, digest } from './ids'
import { encodeSource, joined, layOut, tokensOf } from './pair-sources'
import type { Sequences, Source, SourceBatch, SourceOptions } from './pair-sources'
import { IGNORED } from './streams'
import { layOutVectors, Vectors } from './vectors'

/** A source and its target, or several targets of which any would do. */
export type Pair<S = string> = readonly [source: S, target: string | readonly string[]]

export interface PairOptions extends SourceOptions {
  /** Must have boundaries: see `Tokenizer.withBoundaries`. */
  target: Tokenizer
  /**
   * Of several references, learn the first, or each as a pair of its own. Default `first`.
   */
  references?: 'first' | 'each' | undefined
  /** Pairs with more tokens on either side are left out. Default: none is. */
  maxLength?: number | undefined
  /** Targets may repeat words of their sources that their tokenizer does not know. Default false. */
  copy?: boolean | undefined
}

export interface PairBatch {
  rows: number
  source: SourceBatch
  /** `<s>` and the target's tokens: what the decoder is given. Lengths count the `<s>`. */
  target: Sequences
  /** The token after each of `target.ids`, the last one `</s>`; IGNORED beyond a row's length. */
  outputs: Int32Array
  /** Real tokens: those of the sources and the outputs. */
  tokens: number
  /** Where words can be copied; `outputs` are IGNORED where one can only be copied. */
  copy?: CopyBatch | undefined
}

/** Pairs as ids, for training and validation. */
export class PairSet {
  /** Pairs that were longer than `maxLength`. */
  readonly dropped: number
  /** Numbers of a source's vectors; null where sources are texts. */
  readonly features: number | null
  /** The target's vocabulary, where words are copied. */
  private readonly copying: ReadVocabulary | null
  private readonly begin: number
  private readonly end: number
  readonly length: number

  private constructor(
    private readonly sources: Column<Numbers>,
    private readonly targets: Column<Int32Array>,
    /** What each source is in the target's words, where these are copied; else empty. */
    private readonly copies: Column<Int32Array>,
    /** Which of the pairs given each is, from 0. */
    private readonly numbers: readonly number[],
    made: Pick<PairSet, 'dropped' | 'features'> & {
      begin: number
      end: number
      copying: ReadVocabulary | null
    },
  ) {
    const { begin, end, dropped, features, copying } = made
    this.features = features
    this.copying = copying
    this.begin = begin
    this.end = end
    this.dropped = dropped
    this.length = numbers.length
  }

  /**
   * Reads all pairs. Throws `ERR_ARGUMENT` for what is no pair of strings or a target tokenizer
   * without boundaries, `ERR_EMPTY` when no pair is left.
   */
  static async encode(
    pairs: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>>,
    options: PairOptions,
  ): Promise<PairSet> {
    const { source: reader, target, references = 'first', maxLength = Infinity } = options
    const { copy = false } = options
    const { begin, end } = target
    checkPairs(pairs)
    checkOptions(options)
    if (begin === null || end === null)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        '[pairs] target: expected a tokenizer with boundaries; see Tokenizer.withBoundaries',
      )
    if (copy) checkCopying('pairs', reader, target)
    const copying = copy ? { size: target.size, unknown: target.unknown ?? 0 } : null
    const features = reader === null ? (options.sourceFeatures ?? 1) : null
    const sources = new Column<Numbers>((size) =>
      features === null ? new Int32Array(size) : new Float32Array(size),
    )
    const targets = new Column<Int32Array>((size) => new Int32Array(size))
    const copies = new Column<Int32Array>((size) => new Int32Array(size))
    const numbers: number[] = []
    let [count, dropped] = [0, 0]
    const pauses = new Pauses()
    for await (const pair of pairs) {
      if (pauses.due) await pauses.pause()
      const [source, all] = checkPair(pair, count++, features)
      const from = await encodeSource(source, options, pauses, `pair ${count - 1}`)
      const copied =
        copy && reader !== null
          ? await copiesOf(source as string, { ...options, source: reader }, pauses)
          : null
      for (const reference of references === 'each' ? all : all.slice(0, 1)) {
        const to = copied
          ? await copyingIds(reference, target, copied.words, pauses)
          : await target.encodeInStretches(reference, pauses)
        if (Math.max(from.length, to.length) > maxLength) {
          ++dropped
          continue
        }
        sources.push(from instanceof Vectors ? from.data : from)
        targets.push(to)
        if (copied) copies.push(copied.ids)
        numbers.push(count - 1)
      }
    }
    if (numbers.length === 0)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[pairs] expected at least one pair, got ${count}` +
          (dropped > 0 ? ` of which none has at most ${maxLength} tokens` : ''),
      )
    const made = { begin, end, dropped, features, copying }
    return new PairSet(sources, targets, copies, numbers, made)
  }

  /** Which of the pairs that were given it is, from 0. */
  numberOf(index: number): number {
    return this.numbers[index] as number
  }

  /** Throws `ERR_INDEX` for ids that are none of these vocabularies: of a set that other tokenizers made. */
  async check(
    op: string,
    {
      source,
      target,
      features = null,
      copy = false,
    }: { source: number; target: number; features?: number | null; copy?: boolean },
  ): Promise<void> {
    const sorts = ['pairs without copying', 'pairs with copying'] as const
    const same = copy ? this.copying?.size === target : this.copying === null
    expect(op, 'pairs', same, sorts[copy ? 1 : 0], sorts[copy ? 0 : 1])
    const words = features === null ? 'of texts' : `of vectors of ${features} numbers`
    expect(op, 'pairs', this.features === features, words, this.features ?? 'texts')
    if (features === null)
      await checkIds(op, 'sources', this.sources.used.ids as readonly Int32Array[], source)
    // Those that are copied were numbered here.
    const known = copy ? MOST_WORDS : target
    await checkIds(op, 'targets', this.targets.used.ids, known)
    await checkIds(op, 'boundaries', [Int32Array.of(this.begin, this.end)], target)
  }

  /** Tokens of a source, its `</s>` included if it has one. */
  sourceLength(index: number): number {
    return this.sources.length(index) / (this.features ?? 1)
  }

  /** Tokens of a target, its `</s>` included. */
  targetLength(index: number): number {
    return this.targets.length(index) + 1
  }

  /** The pairs of these indices side by side. */
  assemble(indices: ArrayLike<number>): PairBatch {
    const all = Array.from(indices)
    const { begin, end, copying } = this
    const written = all.map((index) => this.targets.get(index))
    const targets = copying ? written.map((ids) => asRead(ids, copying)) : written
    const { features } = this
    const sources = all.map((index) => this.sources.get(index))
    const source =
      features === null
        ? layOut(sources as Int32Array[])
        : layOutVectors(
            sources.map((data) => new Vectors(data as Float32Array, features)),
            features,
          )
    const target = layOut(targets.map((ids) => joined([begin], ids)))
    const outputs = layOut(
      written.map((ids) => joined(ids, [end])),
      IGNORED,
    )
    const copies = copying && layOut(all.map((index) => this.copies.get(index)))
    return {
      rows: all.length,
      source,
      target,
      outputs: copying ? outputs.ids.map((id) => (id < copying.size ? id : IGNORED)) : outputs.ids,
      tokens: tokensOf(source) + tokensOf(target),
      ...(copies && { copy: { ids: copies.ids, outputs: outputs.ids } }),
    }
  }

  /** A digest of all ids, to tell whether a resumed run has the same data. */
  digest(): Promise<string> {
    const columns = [this.sources, this.targets, ...(this.copying ? [this.copies] : [])]
    return digest(columns.flatMap(({ used: { ids, ends } }) => [...ids, ends]))
  }
}

/** Numbers of words, those of sources included, lie below. */
const MOST_WORDS = 2 ** 31

/** Throws `ERR_ARGUMENT` for what holds no pairs. */
function checkPairs(pairs: unknown): void {
  expect('pairs', 'pairs', isSource(pairs), 'an iterable of pairs', pairs)
}

function checkOptions({ references, maxLength }: PairOptions): void {
  if (references !== undefined && references !== 'first' && references !== 'each')
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[pairs] references: expected first or each, got ${told(references)}`,
    )
  if (maxLength !== undefined && !(maxLength >= 1))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[pairs] maxLength: expected a number of at least 1, got ${maxLength}`,
    )
}

function checkPair(
  pair: unknown,
  index: number,
  features: number | null,
): [source: Source, targets: readonly string[]] {
  const [source, target] = Array.isArray(pair) && pair.length === 2 ? (pair as unknown[]) : []
  const targets = (typeof target === 'string' ? [target] : target) as readonly unknown[]
  const strings = (all: unknown): all is string[] =>
    Array.isArray(all) && all.length > 0 && all.every((one) => typeof one === 'string')
  if ((features === null && typeof source !== 'string') || !strings(targets))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[pairs] pair ${index}: expected [source, target], ` +
        (features === null
          ? 'two strings or a string and strings'
          : 'vectors and a string or strings'),
    )
  return [source as Source, targets]
}
