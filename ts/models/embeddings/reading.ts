/** What a text is to a fastText classifier: rows of its words, of their parts, and of n-grams. */
import { hashOf, LINE_END, partHashes } from '../../io/word-parts'
import type { FastTextSettings } from './classifier-options'
import type { Vocabulary } from './corpus'
import { ngramBuckets } from './ngram-hash'
import type { Parts } from './parts'
import { partsOf } from '../parts/text-parts'
import { BLANK, wordsOf } from './source'

export type Text = string | readonly string[]

/** The words of a text, or of its fields one after another, and the line's end. */
export function* textWords(
  text: Text,
  unit: FastTextSettings['unit'],
): Generator<undefined, string[]> {
  const line = (typeof text === 'string' ? text : text.join(' ')).replaceAll('\n', ' ')
  const all: string[] = []
  for (const part of partsOf(line, BLANK)) {
    if (all.length > 0) yield
    const words = unit === 'char' ? part.replace(/\s+/g, '') : wordsOf(part)
    for (const word of words) all.push(word)
  }
  all.push(LINE_END)
  return all
}

/** Words between two moments at which there may be a pause. */
const STRETCH = 1024

export class Reader {
  private readonly known: ReadonlyMap<string, { id: number; hash: number; parts: number[] }>

  constructor(
    vocabulary: Vocabulary,
    private readonly parts: Parts,
    private readonly options: FastTextSettings,
  ) {
    this.known = new Map(
      vocabulary.words.map((word, id) => {
        const hashes = this.hashes(word)
        return [word, { id, hash: hashOf(word) | 0, parts: hashes }]
      }),
    )
  }

  private hashes(word: string): number[] {
    const { minPart, maxPart, buckets } = this.options
    return maxPart === 0 ? [] : partHashes(word, minPart, maxPart).map((hash) => hash % buckets)
  }

  /**
   * The rows of a text's words; buckets without a row get one where they are to be learned, and else count as zeros.
   * Yields where there may be a pause.
   */
  *reading(text: Text, learns: boolean): Generator<undefined, { rows: number[]; count: number }> {
    const { unit, ngrams, buckets } = this.options
    const words = yield* textWords(text, unit)
    const rows: number[] = []
    const hashes = new Int32Array(words.length)
    let count = 0
    const take = (bucket: number) => {
      ++count
      const row = learns ? this.parts.row(bucket) : this.parts.find(bucket)
      if (row !== undefined) rows.push(row)
    }
    for (const [i, word] of words.entries()) {
      if (i % STRETCH === STRETCH - 1) yield
      const known = this.known.get(word)
      hashes[i] = known?.hash ?? hashOf(word) | 0
      if (known) {
        rows.push(known.id)
        ++count
      }
      for (const bucket of known?.parts ?? this.hashes(word)) take(bucket)
    }
    // Parts of the text overlap by an n-gram less a word.
    for (let begin = 0; ngrams > 1 && begin < hashes.length; begin += STRETCH) {
      const some = hashes.subarray(begin, begin + STRETCH + ngrams - 1)
      for (const bucket of ngramBuckets(some, ngrams, buckets, STRETCH)) take(bucket)
      yield
    }
    return { rows, count }
  }
}
