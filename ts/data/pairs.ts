import { expect, RnnativeError, told } from '../errors'
import { isSource } from '../kinds'
import { Pauses } from '../pauses'
import { readLines, type Tokenizer } from '../text'
import { asRead, checkCopying, copiesOf, copyingIds } from './copying'
import type { CopyBatch, ReadVocabulary } from './copying'
import { checkIds, digest } from './ids'
import { IGNORED } from './streams'
import { backwards, layOutVectors, Vectors, vectorsOf } from './vectors'
import type { VectorBatch, VectorSequence } from './vectors'

/** A source and its target, or several targets of which any would do. */
export type Pair<S = string> = readonly [source: S, target: string | readonly string[]]

/** What is read: a text, or a vector for each step. */
export type Source = string | VectorSequence

/**
 * Pairs the lines of two files, gzip allowed. A target line may hold several references, separated by
 * tabs. Throws `ERR_FORMAT` when the files differ in their number of lines or a reference of several is
 * empty, and as `readText`.
 */
export async function readPairs(sourcePath: string, targetPath: string): Promise<Pair[]> {
  const [sources, targets] = await Promise.all([readLines(sourcePath), readLines(targetPath)])
  return pairLines(sources, targets, { source: sourcePath, target: targetPath })
}

/** Pairs that are made without a pause. */
const STRETCH = 1 << 12

/** Pairs lines; `names`: where they are from. `ERR_FORMAT` as of {@link readPairs}. */
export async function pairLines(
  sources: readonly string[],
  targets: readonly string[],
  names: { source: string; target: string },
): Promise<Pair[]> {
  const fail = (problem: string) =>
    new RnnativeError('ERR_FORMAT', `[read] ${names.target}: ${problem}`)
  if (sources.length !== targets.length)
    throw fail(`expected ${sources.length} lines as in ${names.source}, got ${targets.length}`)
  const pairs: Pair[] = []
  const pauses = new Pauses()
  for (const [i, source] of sources.entries()) {
    const references = (targets[i] as string).split('\t')
    const [only] = references
    // An empty text would be as good a target as the others.
    if (references.length > 1 && references.includes(''))
      throw fail(`line ${i + 1}: a tab with nothing before or after it, where tabs part references`)
    pairs.push([source, references.length === 1 ? (only as string) : references])
    if (pairs.length % STRETCH === 0 && pauses.due) await pauses.pause()
  }
  return pairs
}

export interface SourceOptions {
  /** Null where sources are vectors. */
  source: Tokenizer | null
  /** Numbers of a vector. */
  sourceFeatures?: number | undefined
  /** Sources are read backwards, which brings their beginning near the target's (Sutskever 2014). */
  reverseSource?: boolean | undefined
}

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

function joined(first: ArrayLike<number>, second: ArrayLike<number>): Int32Array {
  const all = new Int32Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}

/** A source as it is read: its ids, or its vectors. */
export type EncodedSource = Int32Array | Vectors

/**
 * A source's ids: reversed if wanted, then `</s>` if its tokenizer has boundaries. Of vectors a copy. `name`: of a source
 * that is none, in errors.
 */
export async function encodeSource(
  text: Source,
  { source, sourceFeatures = 1, reverseSource = false }: SourceOptions,
  pauses = new Pauses(),
  name = 'source',
): Promise<EncodedSource> {
  if (source === null) {
    const vectors = vectorsOf('pairs', name, text, sourceFeatures)
    return reverseSource ? backwards(vectors) : vectors
  }
  expect('pairs', name, typeof text === 'string', 'a string', text)
  const ids = await source.encodeInStretches(text as string, pauses)
  if (reverseSource) ids.reverse()
  return source.end === null ? ids : joined(ids, [source.end])
}

/** The ids of many sources. The event loop is left to others now and then. */
export async function encodeSources(
  texts: readonly Source[],
  options: SourceOptions,
): Promise<EncodedSource[]> {
  const encoded: EncodedSource[] = []
  const pauses = new Pauses()
  for (const [i, text] of texts.entries())
    encoded.push(await encodeSource(text, options, pauses, `sources[${i}]`))
  return encoded
}

/** Sequences of ids side by side, time-major. */
export interface Sequences {
  /** Of the longest. */
  steps: number
  /** [steps, rows]; what is beyond a row's length is 0 and means nothing. */
  ids: Int32Array
  /** [rows] */
  lengths: Int32Array
}

/** How many tokens are real. */
export const tokensOf = ({ lengths }: { lengths: Int32Array }): number =>
  lengths.reduce((sum, length) => sum + length, 0)

/** Sources side by side. */
export type SourceBatch = Sequences | VectorBatch

export function layOutSources(sources: readonly EncodedSource[]): SourceBatch {
  const [first] = sources
  return first instanceof Vectors
    ? layOutVectors(sources as readonly Vectors[], first.size)
    : layOut(sources as readonly Int32Array[])
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

/** Lays sequences out time-major. */
export function layOut(sequences: readonly Int32Array[], padding = 0): Sequences {
  const rows = sequences.length
  const lengths = Int32Array.from(sequences, ({ length }) => length)
  const steps = lengths.reduce((most, length) => Math.max(most, length), 0)
  const ids = new Int32Array(steps * rows).fill(padding)
  sequences.forEach((sequence, row) => {
    let at = row
    for (const id of sequence) {
      ids[at] = id
      at += rows
    }
  })
  return { steps, ids, lengths }
}

type Numbers = Int32Array | Float32Array

/** Numbers of the first part and of the largest, but for sequences that are longer. */
const [LEAST, MOST] = [1 << 12, 1 << 20]

/** Sequences of numbers, one after the other, in parts: one array stops the event loop each time that it grows. */
class Column<T extends Numbers> {
  private readonly parts: T[] = []
  /** Ids in the last part. */
  private filled = 0
  /** By sequence: its part, where in that it begins, and where in all it ends. */
  private readonly partOf: number[] = []
  private readonly begins: number[] = []
  private readonly ends: number[] = []

  constructor(private readonly make: (size: number) => T) {}

  get(index: number): T {
    const begin = this.begins[index] as number
    const part = this.parts[this.partOf[index] as number] as T
    return part.subarray(begin, begin + this.length(index)) as T
  }

  length(index: number): number {
    return (this.ends[index] as number) - (this.ends[index - 1] ?? 0)
  }

  push(ids: T): void {
    const last = this.parts.at(-1)
    if (last === undefined || this.filled + ids.length > last.length) {
      // What is empty of the last part is left out.
      if (last) this.parts.splice(-1, 1, last.subarray(0, this.filled) as T)
      const size = Math.min(MOST, 2 * this.filled)
      this.parts.push(this.make(Math.max(LEAST, size, ids.length)))
      this.filled = 0
    }
    this.parts.at(-1)?.set(ids, this.filled)
    this.partOf.push(this.parts.length - 1)
    this.begins.push(this.filled)
    this.ends.push((this.ends.at(-1) ?? 0) + ids.length)
    this.filled += ids.length
  }

  get used(): { ids: readonly T[]; ends: Float64Array } {
    const last = (this.parts.at(-1)?.subarray(0, this.filled) ?? this.make(0)) as T
    return { ids: [...this.parts.slice(0, -1), last], ends: Float64Array.from(this.ends) }
  }
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
