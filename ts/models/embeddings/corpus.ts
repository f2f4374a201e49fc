import { RnnativeError } from '../../errors'
import { Pauses } from '../../pauses'
import { BLOCK } from '../../ops/embed-train'
import { readSentences, type TextSource } from './source'
import { IdStore } from './store'

/** Words that are learned, the frequent ones first. */
export interface Vocabulary {
  readonly words: readonly string[]
  /** How often each occurs. */
  readonly counts: Float64Array
}

/** Sentences that are learned from together. */
export interface Chunk {
  tokens: Int32Array
  /** Where each begins, and where the last ends. */
  starts: Int32Array
  /** The number of each in the text; parts of a long one have the same. */
  numbers: Int32Array
}

/** Marks a sentence's end among ids. */
const END = -1
/** Tokens of a chunk: 64 blocks. */
const CHUNK = 64 * BLOCK
/** What is longer is cut, as word2vec does it. */
const MOST_SENTENCE = 1000
/** Different words; a Map holds no more than 2^24. Rare ones are forgotten beyond. */
const MOST_WORDS = 1 << 23

/** Numbers words as they come. */
export class Numbering {
  readonly ids = new Map<string, number>()
  words: string[] = []
  counts: number[] = []
  private rare = 1

  id(word: string): number {
    const known = this.ids.get(word)
    if (known !== undefined) {
      ++this.counts[known]!
      return known
    }
    if (this.ids.size >= MOST_WORDS) this.forget()
    // A copy: a part of a line would keep all of it.
    const own = Buffer.from(word).toString()
    const id = this.words.push(own) - 1
    this.counts.push(1)
    this.ids.set(own, id)
    return id
  }

  private forget(): void {
    while (this.ids.size >= MOST_WORDS / 2) {
      for (const [word, id] of this.ids) {
        if ((this.counts[id] as number) > this.rare) continue
        this.ids.delete(word)
        this.counts[id] = 0
      }
      ++this.rare
    }
  }
}

export class Corpus {
  private constructor(
    readonly vocabulary: Vocabulary,
    /** Occurrences of words of the vocabulary. */
    readonly tokens: number,
    readonly sentences: number,
    private readonly store: IdStore,
    /** By first number: a word's place in the vocabulary, or -1. */
    private readonly places: Int32Array,
  ) {}

  /** Reads a text once. `ERR_EMPTY` where no word occurs often enough. `going` throws to end it. */
  static async read(
    op: string,
    source: TextSource,
    minCount: number,
    going: () => void,
  ): Promise<Corpus> {
    const store = new IdStore()
    const numbering = new Numbering()
    const pauses = new Pauses()
    let sentences = 0
    try {
      for await (const some of readSentences(op, source)) {
        for (const { words, ends } of some) {
          for (const word of words) {
            if (store.full) await store.flush()
            store.add(numbering.id(word))
          }
          if (!ends) continue
          ++sentences
          if (store.full) await store.flush()
          store.add(END)
        }
        going()
        if (pauses.due) await pauses.pause()
      }
      await store.flush()
      const { vocabulary, places } = chosen(numbering, minCount)
      const tokens = vocabulary.counts.reduce((a, b) => a + b, 0)
      if (tokens === 0)
        throw new RnnativeError(
          'ERR_EMPTY',
          `[${op}] text: expected a word that occurs at least ${minCount} times`,
        )
      return new Corpus(vocabulary, tokens, sentences, store, places)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** A pass over it, in chunks of whole sentences. */
  async *chunks(): AsyncGenerator<Chunk> {
    let tokens = new Int32Array(CHUNK + MOST_SENTENCE)
    let starts = [0]
    let numbers: number[] = []
    let [at, number] = [0, 0]
    const { places } = this
    const end = () => {
      if (at === starts.at(-1)) return
      starts.push(at)
      numbers.push(number)
    }
    const taken = (): Chunk => {
      const chunk = { tokens: tokens.subarray(0, at), starts: Int32Array.from(starts) }
      const made = { ...chunk, numbers: Int32Array.from(numbers) }
      tokens = new Int32Array(CHUNK + MOST_SENTENCE)
      ;[starts, numbers, at] = [[0], [], 0]
      return made
    }
    for await (const ids of this.store.read())
      for (const id of ids) {
        if (id === END) {
          end()
          ++number
        } else {
          const place = places[id] as number
          if (place < 0) continue
          tokens[at++] = place
          if (at - (starts.at(-1) as number) === MOST_SENTENCE) end()
          else continue
        }
        if (at >= CHUNK) yield taken()
      }
    end()
    if (at > 0) yield taken()
  }

  close(): Promise<void> {
    return this.store.close()
  }
}

/** Words that occur often enough, by their counts, and of the same count as they came. */
export function chosen({ words, counts }: Numbering, minCount: number) {
  const order = [...counts.keys()].filter((id) => (counts[id] as number) >= minCount)
  order.sort((a, b) => (counts[b] as number) - (counts[a] as number) || a - b)
  const places = new Int32Array(words.length).fill(-1)
  for (const [place, id] of order.entries()) places[id] = place
  const vocabulary: Vocabulary = {
    words: order.map((id) => words[id] as string),
    counts: Float64Array.from(order, (id) => counts[id] as number),
  }
  return { vocabulary, places }
}
