/** Texts as sparse rows of their terms. */
import { RnnativeError } from '../../errors'
import { inStretches, Pauses } from '../../pauses'
import type { TermSettings } from './term-options'
import { SparseBuilder, type Sparse } from './sparse'
import { Terms } from './terms'

/** A text, or its fields: no n-gram reaches from one to the next. */
export type Text = string | readonly string[]

const fieldsOf = (text: Text): readonly string[] => (typeof text === 'string' ? [text] : text)

/** Terms between two moments at which there may be a pause. */
const STRETCH = 1 << 14

/** Whole numbers, appended. */
class Ints {
  private all = new Int32Array(1 << 10)
  length = 0

  push(value: number): void {
    if (this.length === this.all.length) {
      const more = new Int32Array(2 * this.length)
      more.set(this.all)
      this.all = more
    }
    this.all[this.length++] = value
  }

  at(index: number): number {
    return this.all[index] as number
  }

  subarray(begin: number, end: number): Int32Array {
    return this.all.subarray(begin, end)
  }
}

/** How often each of many numbers occurs in a row; made once, emptied after each row. */
class Tally {
  private readonly counts: Int32Array
  private readonly seen = new Ints()

  constructor(size: number) {
    this.counts = new Int32Array(size)
  }

  add(number: number): void {
    if (this.counts[number]!++ === 0) this.seen.push(number)
  }

  /** Gives what was added, in the order in which it came or ascending, to `use`, and forgets it. */
  take(use: (numbers: Int32Array, counts: Int32Array) => void, ascending: boolean): void {
    const numbers = this.seen.subarray(0, this.seen.length)
    if (ascending) numbers.sort()
    use(numbers, this.counts)
    for (let i = 0; i < numbers.length; ++i) this.counts[numbers[i] as number] = 0
    this.seen.length = 0
  }
}

export class Vectorizer {
  private readonly tally: Tally
  private held = new Float64Array(1 << 10)

  constructor(
    readonly settings: TermSettings,
    readonly terms: Terms,
    /** ln((1 + texts) / (1 + texts with the term)) + 1. */
    readonly idf: Float64Array,
  ) {
    this.tally = new Tally(terms.size)
  }

  get size(): number {
    return this.terms.size
  }

  /** The terms of these texts, and the texts as rows. `ERR_EMPTY` where no term is left. */
  static async learn(
    op: string,
    settings: TermSettings,
    texts: readonly Text[],
    pauses = new Pauses(),
  ): Promise<{ vectorizer: Vectorizer; rows: Sparse }> {
    const terms = new Terms(settings)
    const occurrences = new Ints()
    const ends: number[] = []
    for (const text of texts) {
      const see = (node: number) => occurrences.push(node)
      for (const field of fieldsOf(text)) await inStretches(terms.learning(field, see), pauses)
      ends.push(occurrences.length)
      if (pauses.due) await pauses.pause()
    }
    const frequencies = await inStretches(
      documentFrequencies(occurrences, ends, terms.nodes),
      pauses,
    )
    const most = settings.maxDocuments * texts.length
    const choosing = terms.choosing((node) => {
      const count = frequencies[node] as number
      return count >= settings.minDocuments && count <= most
    })
    const numbers = await inStretches(choosing, pauses)
    if (terms.size === 0)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[${op}] examples: expected n-grams in at least ${settings.minDocuments} and at most ` +
          `${settings.maxDocuments} of all texts, got none`,
      )
    const idf = new Float64Array(terms.size)
    for (const [node, number] of numbers.entries()) {
      if (node % STRETCH === 0 && pauses.due) await pauses.pause()
      if (number >= 0)
        idf[number] = Math.log((1 + texts.length) / (1 + (frequencies[node] as number))) + 1
    }
    const vectorizer = new Vectorizer(settings, terms, idf)
    const rows = await vectorizer.rows(texts.length, pauses, function* (i, see) {
      for (const [at, node] of occurrences
        .subarray(ends[i - 1] ?? 0, ends[i] as number)
        .entries()) {
        if (at % STRETCH === STRETCH - 1) yield
        const number = numbers[node] as number
        if (number >= 0) see(number)
      }
    })
    return { vectorizer, rows }
  }

  /** Texts as rows; n-grams that are no terms are left out. */
  transform(texts: readonly Text[], pauses = new Pauses()): Promise<Sparse> {
    const { terms } = this
    return this.rows(texts.length, pauses, function* (i, see) {
      for (const field of fieldsOf(texts[i] as Text)) yield* terms.finding(field, see)
    })
  }

  /**
   * Calls `use` with the different terms of a text, in the order in which they come, and what each counts. Yields
   * where there may be a pause. What one text counts is kept apart from another's that is read meanwhile.
   */
  *visiting(
    text: Text,
    use: (terms: Int32Array, values: Float64Array) => void,
  ): Generator<undefined, void> {
    const found = new Ints()
    const see = (term: number) => found.push(term)
    for (const field of fieldsOf(text)) yield* this.terms.finding(field, see)
    for (let i = 0; i < found.length; ++i) this.tally.add(found.at(i))
    this.tally.take((terms, counts) => use(terms, this.weigh(terms, counts)), false)
  }

  private async rows(
    count: number,
    pauses: Pauses,
    termsOf: (row: number, see: (term: number) => void) => Generator<undefined, void>,
  ): Promise<Sparse> {
    const rows = new SparseBuilder()
    const found = new Ints()
    const see = (term: number) => found.push(term)
    for (let i = 0; i < count; ++i) {
      found.length = 0
      await inStretches(termsOf(i, see), pauses)
      for (let at = 0; at < found.length; ++at) this.tally.add(found.at(at))
      this.tally.take((numbers, counts) => rows.push(numbers, this.weigh(numbers, counts)), true)
      if (pauses.due) await pauses.pause()
    }
    return rows.done(this.size)
  }

  /** What each term of a text counts, until the next text; of TF-IDF the squares of a text sum to 1. */
  private weigh(terms: Int32Array, counts: Int32Array): Float64Array {
    const { weighting, sublinear } = this.settings
    if (terms.length > this.held.length) this.held = new Float64Array(2 * terms.length)
    const values = this.held.subarray(0, terms.length)
    let squares = 0
    for (let i = 0; i < terms.length; ++i) {
      const term = terms[i] as number
      const own = counts[term] as number
      let value = weighting === 'binary' ? 1 : sublinear ? 1 + Math.log(own) : own
      if (weighting === 'tf-idf') value *= this.idf[term] as number
      squares += value * value
      values[i] = value
    }
    if (weighting !== 'tf-idf') return values
    const norm = Math.sqrt(squares)
    for (let i = 0; i < values.length; ++i) values[i]! /= norm
    return values
  }
}

/** In how many texts each node is. */
function* documentFrequencies(
  occurrences: Ints,
  ends: readonly number[],
  nodes: number,
): Generator<undefined, Int32Array> {
  const frequencies = new Int32Array(nodes)
  const lastIn = new Int32Array(nodes).fill(-1)
  let begin = 0
  for (const [i, end] of ends.entries()) {
    for (let at = begin; at < end; ++at) {
      if (at % STRETCH === 0) yield
      const node = occurrences.at(at)
      if (lastIn[node] === i) continue
      lastIn[node] = i
      ++frequencies[node]!
    }
    begin = end
  }
  return frequencies
}
