/** Labelled texts as rows, learned in an order of their own in each pass. */
import type { Labelled } from '../../data/labelled'
import { BLOCK, type EmbedChunk } from '../../ops/embed-train'
import { inStretches, Pauses } from '../../pauses'
import { randomUniforms, streamKey } from '../../tensor/random'
import type { FastTextSettings } from './classifier-options'
import { chosen, Numbering, type Vocabulary } from './corpus'
import { textWords, type Reader } from './reading'

/** Rows of a chunk. */
const CHUNK = 64 * BLOCK

export async function countWords(
  examples: readonly Labelled[],
  { unit, minCount }: FastTextSettings,
): Promise<Vocabulary> {
  const numbering = new Numbering()
  const pauses = new Pauses()
  for (const { text } of examples) {
    for (const word of await inStretches(textWords(text, unit), pauses)) numbering.id(word)
    if (pauses.due) await pauses.pause()
  }
  return chosen(numbering, minCount).vocabulary
}

export class ExamplePasses {
  private pass = 0

  private constructor(
    private readonly rows: readonly Int32Array[],
    private readonly labels: Int32Array,
    private readonly seed: number,
    /** Rows of all examples. */
    readonly tokens: number,
  ) {}

  static async read(
    examples: readonly Labelled[],
    labels: Int32Array,
    reader: Reader,
    seed: number,
  ): Promise<ExamplePasses> {
    const rows: Int32Array[] = []
    let tokens = 0
    const pauses = new Pauses()
    for (const { text } of examples) {
      const own = Int32Array.from((await inStretches(reader.reading(text, true), pauses)).rows)
      tokens += own.length
      rows.push(own)
      if (pauses.due) await pauses.pause()
    }
    return new ExamplePasses(rows, labels, seed, tokens)
  }

  async *chunks(): AsyncGenerator<EmbedChunk> {
    const order = this.shuffled()
    for (let begin = 0; begin < order.length;) {
      let [end, size] = [begin, 0]
      while (end < order.length && size < CHUNK)
        size += (this.rows[order[end++] as number] as Int32Array).length
      const taken = order.subarray(begin, end)
      const starts = new Int32Array(taken.length + 1)
      const tokens = new Int32Array(size)
      for (const [i, example] of taken.entries()) {
        const rows = this.rows[example] as Int32Array
        tokens.set(rows, starts[i])
        starts[i + 1] = (starts[i] as number) + rows.length
      }
      yield { tokens, starts, labels: Int32Array.from(taken, (i) => this.labels[i] as number) }
      begin = end
    }
  }

  /** Fisher and Yates's. */
  private shuffled(): Int32Array {
    const order = Int32Array.from(this.rows.keys())
    const key = streamKey(this.seed, 'fasttext.order')
    const drawn = randomUniforms({ key, step: this.pass++, sampleBase: 0 }, order.length)
    for (let i = order.length - 1; i > 0; --i) {
      const j = Math.floor((drawn[i] as number) * (i + 1))
      ;[order[i], order[j]] = [order[j] as number, order[i] as number]
    }
    return order
  }
}
