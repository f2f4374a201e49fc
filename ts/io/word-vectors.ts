import { checkText, checkWhole, isListOf, optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { isNumberArray } from '../kinds'
import { rankCorrelation } from '../metrics/rank-correlation'
import { Pauses } from '../pauses'

/** A word, and the cosine of the angle between its vector and another. */
export interface Neighbour {
  /** The word. */
  word: string
  /** Cosine of the angle to what was asked for. */
  similarity: number
}

/** Options of `nearest`. */
export interface NearestOptions {
  /** How many. Default: 10. */
  count?: number | undefined
  /** Words that are left out, besides the one that is asked for. */
  exclude?: readonly string[] | undefined
}

/** How well similarities agree with what people say. */
export interface SimilarityScore {
  /** Spearman's rank correlation; NaN for fewer than two pairs. */
  correlation: number
  /** Pairs both of whose words have vectors. */
  covered: number
  /** Pairs whose words both have vectors. */
  pairs: number
}

/** Two words, and how alike people find them. */
export type WordPair = readonly [string, string, number]

/** Numbers that are dealt with without a pause. */
const STRETCH = 1 << 18

/** Vectors of one size by word. */
export class Vectors {
  private units: { words: readonly string[]; rows: Float32Array } | null = null

  constructor(
    /** Numbers of a vector. */
    readonly size: number,
    private readonly byWord: ReadonlyMap<string, Float32Array>,
  ) {}

  /** How many words there are. */
  get length(): number {
    return this.byWord.size
  }

  /** A word's vector, `[features]`; undefined where it has none. */
  get(word: string): Float32Array | undefined {
    return this.byWord.get(word)
  }

  /** All words, in the file's order. */
  words(): IterableIterator<string> {
    return this.byWord.keys()
  }

  private vectorOf(op: string, word: string): Float32Array {
    checkText(op, 'word', word)
    const found = this.byWord.get(word)
    if (found === undefined)
      throw new RnnativeError('ERR_ARGUMENT', `[${op}] ${JSON.stringify(word)}: has no vector here`)
    return found
  }

  /** The cosine of the angle between two words' vectors; 0 where one is zero. `ERR_ARGUMENT` for an unknown word. */
  similarity(a: string, b: string): number {
    return cosine(this.vectorOf('similarity', a), this.vectorOf('similarity', b))
  }

  /** The words nearest to a word, or to a vector, the nearest first. */
  async nearest(
    to: string | ArrayLike<number>,
    options: NearestOptions = {},
  ): Promise<Neighbour[]> {
    const { count = 10, exclude = [] } = optionsOf('nearest', options, {
      ...{ count: true, exclude: true },
    })
    checkWhole('nearest', 'count', count, 1)
    const listed = isListOf(exclude, (word) => typeof word === 'string')
    expect('nearest', 'exclude', listed, 'a list of words', exclude)
    const vector = typeof to === 'string' ? this.vectorOf('nearest', to) : to
    const numbers = isNumberArray(vector) || isListOf(vector, (x) => typeof x === 'number')
    expect('nearest', 'to', numbers, 'a word or numbers', to)
    if (vector.length !== this.size)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[nearest] to: expected ${this.size} numbers, got ${vector.length}`,
      )
    const without = new Set(typeof to === 'string' ? [to, ...exclude] : exclude)
    return this.closest(Float64Array.from(vector), count, without)
  }

  /**
   * What is to `c` as `b` is to `a`: the words nearest to b - a + c, all of length 1, but for these three (Mikolov et al.
   * 2013).
   */
  async analogy(
    a: string,
    b: string,
    c: string,
    options: Pick<NearestOptions, 'count'> = {},
  ): Promise<Neighbour[]> {
    const { count = 10 } = optionsOf('analogy', options, { count: true })
    checkWhole('analogy', 'count', count, 1)
    const [from, to, of] = [a, b, c].map((word) => unit(this.vectorOf('analogy', word)))
    const sum = Float64Array.from(to as Float64Array, (x, i) => {
      return x - ((from as Float64Array)[i] as number) + ((of as Float64Array)[i] as number)
    })
    return this.closest(sum, count, new Set([a, b, c]))
  }

  /** Holds similarities against those of people, such as of WordSim-353. Words are taken in small letters where they are not known as they are. */
  evaluate(pairs: readonly WordPair[]): SimilarityScore {
    const valid = isListOf(
      pairs,
      (pair) =>
        Array.isArray(pair) &&
        pair.length === 3 &&
        typeof pair[0] === 'string' &&
        typeof pair[1] === 'string' &&
        Number.isFinite(pair[2]),
    )
    expect('evaluate', 'pairs', valid, 'a list of [word, word, number]', pairs)
    const [own, given]: [number[], number[]] = [[], []]
    for (const [a, b, score] of pairs) {
      const [one, other] = [a, b].map((x) => this.get(x) ?? this.get(x.toLowerCase()))
      if (one === undefined || other === undefined) continue
      own.push(cosine(one, other))
      given.push(score)
    }
    const correlation = rankCorrelation(own, given)
    return { correlation, covered: own.length, pairs: pairs.length }
  }

  private async closest(
    to: Float64Array,
    count: number,
    without: ReadonlySet<string>,
  ): Promise<Neighbour[]> {
    const pauses = new Pauses()
    const { words, rows } = (this.units ??= await this.unitRows(pauses))
    const wanted = unit(to)
    const { size } = this
    const best: Neighbour[] = []
    const every = Math.max(1, Math.floor(STRETCH / size))
    for (const [i, word] of words.entries()) {
      let similarity = 0
      for (let k = 0, at = i * size; k < size; ++k, ++at)
        similarity += (rows[at] as number) * (wanted[k] as number)
      const last = best.at(-1)
      const room = best.length < count || similarity > (last as Neighbour).similarity
      if (room && !without.has(word)) insert(best, { word, similarity }, count)
      if (i % every === 0 && pauses.due) await pauses.pause()
    }
    return best
  }

  /** All vectors at length 1. */
  private async unitRows(pauses: Pauses) {
    const words = [...this.byWord.keys()]
    const rows = new Float32Array(words.length * this.size)
    let at = 0
    for (const vector of this.byWord.values()) {
      rows.set(unit(vector), at)
      at += this.size
      if (pauses.due) await pauses.pause()
    }
    return { words, rows }
  }
}

/** Puts one in its place among the best, of which no more than `count` stay. */
function insert(best: Neighbour[], one: Neighbour, count: number): void {
  let at = best.length
  while (at > 0 && (best[at - 1] as Neighbour).similarity < one.similarity) --at
  best.splice(at, 0, one)
  if (best.length > count) best.pop()
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; ++i) sum += (a[i] as number) * (b[i] as number)
  return sum
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b))
  return lengths > 0 ? dot(a, b) / lengths : 0
}

function unit(vector: ArrayLike<number>): Float64Array {
  const length = Math.sqrt(dot(vector, vector))
  return Float64Array.from(vector, (x) => (length > 0 ? x / length : 0))
}

export const badVectors = (path: string, problem: string): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[read vectors] ${path}: ${problem}`)
