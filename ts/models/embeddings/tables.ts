import { makeRows, readRows, uploadList, type EmbedLists } from '../../ops/embed-train'
import { takeRows } from '../../ops'
import { Vectors } from '../../io/word-vectors'
import { Pauses } from '../../pauses'
import type { Tensor } from '../../tensor'
import { streamKey } from '../../tensor/random'
import type { Vocabulary } from './corpus'
import type { EmbeddingSettings } from './options'
import { Parts } from './parts'
import { choicesOf, keptOf, pathsOf } from './sampling'

/** Rows whose mean is taken together. */
const PART = 1 << 12

/** What words are learned as. */
export class WordTables {
  constructor(
    readonly vocabulary: Vocabulary,
    /** `[rows, dim, and zeros]`: of words, then of buckets. */
    readonly table: Tensor,
    /** [words or nodes, dim, and zeros]. */
    readonly output: Tensor,
    readonly size: number,
    readonly parts: Parts | null,
    private readonly made: { starts: Int32Array; rows: Int32Array } | null,
  ) {}

  /** What the engine draws from, negatives in so many classes. */
  lists(options: Pick<EmbeddingSettings, 'sample' | 'power' | 'loss'>, classes = 1) {
    const { vocabulary, made } = this
    const keep = keptOf(vocabulary, options.sample)
    const tree = options.loss === 'hierarchical' ? pathsOf(vocabulary.counts) : null
    const words = vocabulary.words.length
    const tensors: EmbedLists = {
      ...(made && { partStarts: uploadList(made.starts), parts: uploadList(made.rows) }),
      ...(keep && { keep: uploadList(keep) }),
      ...(tree
        ? { pathStarts: uploadList(tree.starts), paths: uploadList(tree.paths) }
        : {
            choices: uploadList(choicesOf(vocabulary.counts, options.power, classes), [words, 2]),
          }),
    }
    const dispose = () => {
      for (const tensor of Object.values(tensors) as Tensor[]) tensor.dispose()
    }
    return { tensors, dispose }
  }

  async vectors(): Promise<Vectors> {
    const { words } = this.vocabulary
    const found = new Map<string, Float32Array>()
    const pauses = new Pauses()
    for (let begin = 0; begin < words.length; begin += PART) {
      const end = Math.min(words.length, begin + PART)
      const rows = await this.rowsOf(begin, end)
      for (let i = begin; i < end; ++i) {
        const at = (i - begin) * this.size
        found.set(words[i] as string, rows.subarray(at, at + this.size))
      }
      if (pauses.due) await pauses.pause()
    }
    return new Vectors(this.size, found)
  }

  private async rowsOf(begin: number, end: number): Promise<Float32Array> {
    const { made, size } = this
    if (made === null) return readRows(this.table, begin, end, size)
    const means = new Float32Array((end - begin) * size)
    const [first, last] = [made.starts[begin] as number, made.starts[end] as number]
    const gathered = await this.gather(made.rows.subarray(first, last))
    for (let i = begin; i < end; ++i) {
      const [from, to] = [made.starts[i] as number, made.starts[i + 1] as number]
      const mean = meanOf(gathered.subarray((from - first) * size, (to - first) * size), size)
      means.set(mean, (i - begin) * size)
    }
    return means
  }

  /** Rows of the table, one after another. */
  async gather(rows: Int32Array): Promise<Float32Array> {
    if (rows.length === 0) return new Float32Array(0)
    const taken = takeRows(this.table, rows)
    try {
      return await readRows(taken, 0, rows.length, this.size)
    } finally {
      taken.dispose()
    }
  }

  /** The vector of a word that was never seen; undefined where none of its parts was. */
  async unseen(word: string): Promise<Float32Array | undefined> {
    const { rows, parts } = this.parts?.known(word) ?? { rows: [], parts: 0 }
    if (rows.length === 0) return undefined
    return meanOf(await this.gather(Int32Array.from(rows)), this.size, parts)
  }

  /** What a file of fastText's has of them. */
  async forFastText() {
    const { vocabulary, size, parts } = this
    const [outputs] = this.output.shape as [number]
    return {
      ...{ size, words: vocabulary.words, counts: vocabulary.counts },
      gather: (rows: Int32Array) => this.gather(rows),
      rowOf: (bucket: number) => parts?.find(bucket),
      output: await readRows(this.output, 0, outputs, size),
    }
  }

  dispose(): void {
    this.table.dispose()
    this.output.dispose()
  }
}

/** The mean of rows, of which there may be more that are zero. */
function meanOf(rows: Float32Array, size: number, count = rows.length / size): Float32Array {
  const sum = new Float64Array(size)
  for (let at = 0; at < rows.length; at += size)
    for (let k = 0; k < size; ++k) sum[k]! += rows[at + k] as number
  return Float32Array.from(sum, (x) => x / count)
}

/** The rows of words' parts; null: words have none. */
export async function partsOf(
  { minPart, maxPart, buckets }: Pick<EmbeddingSettings, 'minPart' | 'maxPart' | 'buckets'>,
  vocabulary: Vocabulary,
  used?: number[],
) {
  if (maxPart === 0) return { parts: null, made: null, rows: vocabulary.words.length }
  const parts = Parts.of(vocabulary.words.length, { minPart, maxPart, buckets }, used)
  const made = await parts.lists(vocabulary)
  return { parts, made, rows: parts.size }
}

/** Tables as they are before anything is learned: small numbers for what predicts, zeros for what is predicted. */
export async function makeTables(
  options: EmbeddingSettings,
  vocabulary: Vocabulary,
): Promise<WordTables> {
  const { parts, made, rows } = await partsOf(options, vocabulary)
  const { dim } = options
  const key = streamKey(options.seed, 'embeddings.table')
  const table = makeRows(rows, dim, (options.model === 'fasttext' ? 1 : 0.5) / dim, key)
  const words = vocabulary.words.length
  const outputs = options.loss === 'hierarchical' ? Math.max(1, words - 1) : words
  const output = makeRows(outputs, dim, 0, key)
  return new WordTables(vocabulary, table, output, dim, parts, made)
}
