import { partHashes } from '../../io/word-parts'
import { Pauses } from '../../pauses'
import type { Vocabulary } from './corpus'

/**
 * What words are made of: rows by word, its own first. Of the buckets that parts are hashed to, those alone have rows
 * in which a part of a word of the vocabulary falls: what nobody learned says nothing of words that come later.
 */
export class Parts {
  private readonly rows = new Map<number, number>()

  private constructor(
    private readonly own: number,
    private readonly range: { minPart: number; maxPart: number; buckets: number },
    /** Numbers of the buckets that have rows, in the order of these. */
    readonly used: number[],
  ) {
    for (const [i, bucket] of used.entries()) this.rows.set(bucket, own + i)
  }

  static of(
    words: number,
    range: { minPart: number; maxPart: number; buckets: number },
    used: number[] = [],
  ): Parts {
    return new Parts(words, range, used)
  }

  /** All rows. */
  get size(): number {
    return this.own + this.used.length
  }

  /** Lists of rows for the engine; buckets that no word had yet get rows. */
  async lists({ words }: Vocabulary): Promise<{ starts: Int32Array; rows: Int32Array }> {
    const { minPart, maxPart, buckets } = this.range
    const starts = new Int32Array(words.length + 1)
    let rows = new Int32Array(16 * words.length + 64)
    let at = 0
    const pauses = new Pauses()
    for (const [i, word] of words.entries()) {
      const hashes = partHashes(word, minPart, maxPart)
      if (at + hashes.length + 1 > rows.length) {
        const wider = new Int32Array(2 * rows.length + hashes.length)
        wider.set(rows)
        rows = wider
      }
      rows[at++] = i
      for (const hash of hashes) rows[at++] = this.row(hash % buckets)
      starts[i + 1] = at
      if (pauses.due) await pauses.pause()
    }
    return { starts, rows: rows.subarray(0, at) }
  }

  /** The row of a bucket; undefined where it has none. */
  find(bucket: number): number | undefined {
    return this.rows.get(bucket)
  }

  /** The same; a bucket without one gets the next. */
  row(bucket: number): number {
    let row = this.rows.get(bucket)
    if (row === undefined) {
      row = this.size
      this.used.push(bucket)
      this.rows.set(bucket, row)
    }
    return row
  }

  /** The rows of a word's parts that have been learned, and how many parts there are. */
  known(word: string): { rows: number[]; parts: number } {
    const { minPart, maxPart, buckets } = this.range
    const hashes = partHashes(word, minPart, maxPart)
    const rows = hashes.map((hash) => this.rows.get(hash % buckets))
    return { rows: rows.filter((row) => row !== undefined), parts: hashes.length }
  }
}
