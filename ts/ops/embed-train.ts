/** Training tables of vectors in place, a chunk of text at a time. Records no gradients. */
import { native, type Maybe, type N, type NativeRandom } from '../native/index'
import { Tensor } from '../tensor/tensor'

/** See RnEmbedTrain in native/abi/args/embed_train.h. */
export interface EmbedTrainOptions {
  model: 'skipgram' | 'cbow' | 'document' | 'documentContext' | 'labels'
  loss: 'negative' | 'hierarchical' | 'softmax'
  window: number
  /** Whether a word's window is drawn from 1 to `window`. */
  shrink: boolean
  negative: number
  /** 1: the table, 2: the output. */
  frozen: number
  /** Whether all sentences draw alike, so that what becomes of one depends on no other. */
  alike: boolean
  /** At most so many of the engine's; with one the same arguments give the same bits. */
  threads: number
  /** Of negatives, for `choices` of as many: threads draw from one each. */
  classes: number
  lrBegin: number
  lrEnd: number
  random: NativeRandom
}

type Lists = readonly [
  partStarts: Maybe,
  parts: Maybe,
  keep: Maybe,
  choices: Maybe,
  pathStarts: Maybe,
  paths: Maybe,
]

declare module '../native/index' {
  interface NativeAddon {
    /** [mean negative log-likelihood of a prediction, how many]. */
    embedTrain(
      options: EmbedTrainOptions,
      table: N,
      output: N,
      documents: Maybe,
      tokens: N,
      starts: N,
      labels: Maybe,
      lists: Lists,
    ): N
  }
}

export interface EmbedTables {
  table: Tensor
  output: Tensor
  documents?: Tensor | undefined
}

/** What words are made of, and how they are drawn. */
export interface EmbedLists {
  partStarts?: Tensor | undefined
  parts?: Tensor | undefined
  keep?: Tensor | undefined
  choices?: Tensor | undefined
  pathStarts?: Tensor | undefined
  paths?: Tensor | undefined
}

export interface EmbedChunk {
  tokens: Int32Array
  /** Where sentences begin, and where the last ends. */
  starts: Int32Array
  /** Of each sentence its document, or its label. */
  labels?: Int32Array | undefined
}

/** The rows' length for vectors of this size. */
export const rowLength = (size: number): number => 16 * Math.ceil(size / 16)

/** Tokens that draw together: chunks of whole multiples learn as if they were one. */
export const BLOCK = 1024

/** Most negatives, and nodes of a path. */
export const MOST_NEGATIVE = 64

/** Enqueues a pass over a chunk. The result, once it is read, tells its loss: see `NativeAddon.embedTrain`. */
export function embedTrain(
  options: EmbedTrainOptions,
  { table, output, documents }: EmbedTables,
  chunk: EmbedChunk,
  lists: EmbedLists,
): Tensor {
  const { device } = table
  const upload = (data: Int32Array) => native.fromData(device, 'i32', [data.length], data)
  const own = [upload(chunk.tokens), upload(chunk.starts), chunk.labels && upload(chunk.labels)]
  const [tokens, starts, labels] = own as [N, N, N | undefined]
  const of = (tensor: Tensor | undefined) => tensor?.handle ?? null
  try {
    const { partStarts, parts, keep, choices, pathStarts, paths } = lists
    const handle = native.embedTrain(
      options,
      ...([table.handle, output.handle, of(documents), tokens, starts, labels ?? null] as const),
      [of(partStarts), of(parts), of(keep), of(choices), of(pathStarts), of(paths)],
    )
    return new Tensor({ handle, shape: [2], dtype: table.dtype, device })
  } finally {
    for (const one of own) if (one) native.dispose(one)
  }
}

/** Rows that are drawn at a time. */
const PART = 1 << 15

/**
 * A table of rows for vectors of `size` numbers, uniform in [-bound, bound] (zeros for a bound of 0), and zeros behind
 * them. A row depends on its number alone.
 */
export function makeRows(rows: number, size: number, bound: number, key: Uint32Array): Tensor {
  const length = rowLength(size)
  const shape = [rows, length]
  const handle = native.full('cpu', 'f32', shape, 0)
  const table = new Tensor({ handle, shape, dtype: 'f32', device: 'cpu' }, false)
  if (bound === 0) return table
  const mask = new Float32Array(length).fill(1, 0, size)
  const kept = native.fromData('cpu', 'f32', [1, length], mask)
  for (let begin = 0; begin < rows; begin += PART) {
    const part = [Math.min(PART, rows - begin), length]
    const random = { key, step: begin / PART, sampleBase: 0 }
    const drawn = native.random('cpu', 'f32', part, 'uniform', -bound, bound, random)
    const masked = native.binary('mul', drawn, kept)
    const place = native.view(handle, begin * length, part)
    native.copyInto(place, masked)
    for (const one of [drawn, masked, place]) native.dispose(one)
  }
  native.dispose(kept)
  return table
}

/** The rows `begin` to `end` of a table, without the zeros behind them. */
export async function readRows(
  table: Tensor,
  begin: number,
  end: number,
  size: number,
): Promise<Float32Array> {
  const length = table.shape[1] as number
  const place = native.view(table.handle, begin * length, [end - begin, length])
  const read = (await native.read(place).finally(() => native.dispose(place))) as Float32Array
  if (length === size) return read
  const rows = new Float32Array((end - begin) * size)
  for (let i = 0; i < end - begin; ++i)
    rows.set(read.subarray(i * length, i * length + size), i * size)
  return rows
}

/** Puts vectors into the rows from `begin` on. */
export function writeRows(table: Tensor, begin: number, rows: Float32Array, size: number): void {
  const length = table.shape[1] as number
  const count = rows.length / size
  const padded = new Float32Array(count * length)
  for (let i = 0; i < count; ++i) padded.set(rows.subarray(i * size, (i + 1) * size), i * length)
  const place = native.view(table.handle, begin * length, [count, length])
  native.writeInto(place, padded)
  native.dispose(place)
}

/** A list for the engine. */
export function uploadList(data: Int32Array, shape: readonly number[] = [data.length]): Tensor {
  const handle = native.fromData('cpu', 'i32', shape, data)
  return new Tensor({ handle, shape, dtype: 'i32', device: 'cpu' }, false)
}
