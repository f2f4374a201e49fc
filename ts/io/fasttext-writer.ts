/** Models of fastText (`.bin`, version 12), which it loads, and goes on with. */
import { checkPath } from '../check'
import { Pauses } from '../pauses'
import { FASTTEXT_MAGIC } from './fasttext'
import { replaceFile } from './files'

export interface FastTextModel {
  size: number
  window: number
  epochs: number
  minCount: number
  negative: number
  ngrams: number
  loss: 'hierarchical' | 'negative' | 'softmax'
  model: 'cbow' | 'skipgram' | 'labels'
  buckets: number
  minPart: number
  maxPart: number
  sample: number
  words: readonly string[]
  counts: Float64Array
  /** Of a classifier, without fastText's prefix. */
  labels: readonly string[]
  /** Rows by their numbers: of words, then of buckets that have one. */
  gather(rows: Int32Array): Promise<Float32Array>
  /** By bucket its row; those without one are zeros. */
  rowOf(bucket: number): number | undefined
  /** [words, nodes or labels, size] */
  output: Float32Array
}

const LOSSES = { hierarchical: 1, negative: 2, softmax: 3 }
const MODELS = { cbow: 1, skipgram: 2, labels: 3 }
/** Rows that are written together. */
const PART = 1 << 12

const ints = (...values: number[]) => Buffer.from(Int32Array.from(values).buffer)
const longs = (...values: number[]) => Buffer.from(BigInt64Array.from(values, BigInt).buffer)
const doubles = (...values: number[]) => Buffer.from(Float64Array.from(values).buffer)
const bytesOf = (rows: Float32Array) => Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)

function headOf(model: FastTextModel): Buffer {
  const { words, counts, labels } = model
  const hashed = model.maxPart > 0 || model.ngrams > 1
  const entry = (text: string, count: number, type: number) =>
    Buffer.concat([Buffer.from(`${text}\0`), longs(count), Buffer.from([type])])
  return Buffer.concat([
    ints(FASTTEXT_MAGIC, 12, model.size, model.window, model.epochs, model.minCount),
    ints(model.negative, model.ngrams, LOSSES[model.loss], MODELS[model.model]),
    ints(hashed ? model.buckets : 0, model.minPart, model.maxPart, 100),
    doubles(model.sample),
    ints(words.length + labels.length, words.length, labels.length),
    longs(
      counts.reduce((a, b) => a + b, 0),
      -1,
    ),
    ...words.map((word, i) => entry(word, counts[i] as number, 0)),
    ...labels.map((label) => entry(`__label__${label}`, 1, 1)),
    Buffer.from([0]),
    longs(words.length + (hashed ? model.buckets : 0), model.size),
  ])
}

/** Writes a model. Buckets are all there, so that a file of two million takes 800 MB. */
export async function writeFastText(path: string, model: FastTextModel): Promise<void> {
  checkPath('write fastText', 'path', path)
  const { size, words } = model
  const pauses = new Pauses()
  await replaceFile(path, async (file) => {
    await file.writeFile(headOf(model))
    for (let begin = 0; begin < words.length; begin += PART) {
      const count = Math.min(PART, words.length - begin)
      const rows = await model.gather(Int32Array.from({ length: count }, (_, i) => begin + i))
      await file.writeFile(bytesOf(rows))
    }
    const buckets = model.maxPart > 0 || model.ngrams > 1 ? model.buckets : 0
    for (let begin = 0; begin < buckets; begin += PART) {
      const rows = new Float32Array(Math.min(PART, buckets - begin) * size)
      const known: number[] = []
      const places: number[] = []
      for (let i = 0; i < rows.length / size; ++i) {
        const row = model.rowOf(begin + i)
        if (row === undefined) continue
        known.push(row)
        places.push(i)
      }
      const found = await model.gather(Int32Array.from(known))
      for (const [i, place] of places.entries())
        rows.set(found.subarray(i * size, (i + 1) * size), place * size)
      await file.writeFile(bytesOf(rows))
      if (pauses.due) await pauses.pause()
    }
    await file.writeFile(Buffer.concat([Buffer.from([0]), longs(model.output.length / size, size)]))
    await file.writeFile(bytesOf(model.output))
  })
}
