/** Texts as sparse rows of their terms. */
import { RnnativeError } from '../../errors'
import { Pauses } from '../../pauses'
import type { TermSettings } from './options'
import { SparseBuilder, type Sparse } from './sparse'
import { Terms } from './terms'

/** A text, or its fields: no n-gram reaches from one to the next. */
export type Text = string | readonly string[]

const fieldsOf = (text: Text): readonly string[] => (typeof text === 'string' ? [text] : text)

/** Whole numbers, appended. */
class Ints {
  private all = new Int32Array(1 << 16)
  length = 0

  push(value: number): void {
    if (this.length === this.all.length) {
      const more = new Int32Array(2 * this.length)
      more.set(this.all)
      this.all = more
    }
    this.all[this.length++] = value
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

  /** Gives what was added, ascending, to `use`, and forgets it. */
  take(use: (numbers: Int32Array, counts: Int32Array) => void): void {
    const numbers = this.seen.subarray(0, this.seen.length).slice().sort()
    use(numbers, this.counts)
    for (const number of numbers) this.counts[number] = 0
    this.seen.length = 0
  }
}

export class Vectorizer {
  private readonly tally: Tally

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
      for (const field of fieldsOf(text)) terms.learn(field, (node) => occurrences.push(node))
      ends.push(occurrences.length)
      if (pauses.due) await pauses.pause()
    }
    const frequencies = documentFrequencies(occurrences, ends, terms.nodes)
    const most = settings.maxDocuments * texts.length
    const numbers = terms.choose((node) => {
      const count = frequencies[node] as number
      return count >= settings.minDocuments && count <= most
    })
    if (terms.size === 0)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[${op}] examples: expected n-grams in at least ${settings.minDocuments} and at most ` +
          `${settings.maxDocuments} of all texts, got none`,
      )
    const idf = new Float64Array(terms.size)
    for (const [node, number] of numbers.entries())
      if (number >= 0)
        idf[number] = Math.log((1 + texts.length) / (1 + (frequencies[node] as number))) + 1
    const vectorizer = new Vectorizer(settings, terms, idf)
    const rows = await vectorizer.rows(texts.length, pauses, (i, see) => {
      for (const node of occurrences.subarray(ends[i - 1] ?? 0, ends[i] as number)) {
        const number = numbers[node] as number
        if (number >= 0) see(number)
      }
    })
    return { vectorizer, rows }
  }

  /** Texts as rows; n-grams that are no terms are left out. */
  transform(texts: readonly Text[], pauses = new Pauses()): Promise<Sparse> {
    return this.rows(texts.length, pauses, (i, see) => {
      for (const field of fieldsOf(texts[i] as Text)) this.terms.find(field, see)
    })
  }

  private async rows(
    count: number,
    pauses: Pauses,
    termsOf: (row: number, see: (term: number) => void) => void,
  ): Promise<Sparse> {
    const rows = new SparseBuilder()
    const add = (term: number) => this.tally.add(term)
    for (let i = 0; i < count; ++i) {
      termsOf(i, add)
      this.tally.take((numbers, counts) => rows.push(numbers, this.weigh(numbers, counts)))
      if (pauses.due) await pauses.pause()
    }
    return rows.done(this.size)
  }

  /** What each term of a text counts; of TF-IDF the squares of a text sum to 1. */
  private weigh(numbers: Int32Array, counts: Int32Array): (term: number) => number {
    const { weighting, sublinear } = this.settings
    const count = (term: number) => {
      const own = counts[term] as number
      return weighting === 'binary' ? 1 : sublinear ? 1 + Math.log(own) : own
    }
    if (weighting !== 'tf-idf') return count
    let squares = 0
    for (const term of numbers) squares += (count(term) * (this.idf[term] as number)) ** 2
    const norm = Math.sqrt(squares)
    return (term) => (count(term) * (this.idf[term] as number)) / norm
  }
}

/** In how many texts each node is. */
function documentFrequencies(
  occurrences: Ints,
  ends: readonly number[],
  nodes: number,
): Int32Array {
  const frequencies = new Int32Array(nodes)
  const lastIn = new Int32Array(nodes).fill(-1)
  let begin = 0
  for (const [i, end] of ends.entries()) {
    for (const node of occurrences.subarray(begin, end)) {
      if (lastIn[node] === i) continue
      lastIn[node] = i
      ++frequencies[node]!
    }
    begin = end
  }
  return frequencies
}
