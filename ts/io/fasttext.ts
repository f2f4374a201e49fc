/** Models of fastText (`.bin`, versions 11 and 12): vectors of words, and of words that they never saw. */
import { open, type FileHandle } from 'node:fs/promises'
import { MOST_UNITS, whole } from '../check'
import { RnnativeError } from '../errors'
import { Pauses } from '../pauses'
import { ioError } from './files'
import { partHashes } from './word-parts'
import { badVectors, Vectors } from './word-vectors'

/** What a model's file begins with. */
export const FASTTEXT_MAGIC = 793712314

export const isFastText = (head: Uint8Array): boolean =>
  head.length >= 4 && Buffer.from(head).readInt32LE() === FASTTEXT_MAGIC

/** Reads on through a file. */
class Reader {
  private held = Buffer.alloc(0)
  private at = 0
  /** Where in the file what is held ends. */
  private end = 0

  constructor(
    readonly file: FileHandle,
    private readonly path: string,
  ) {}

  get position(): number {
    return this.end - (this.held.length - this.at)
  }

  async take(count: number): Promise<Buffer> {
    while (this.held.length - this.at < count) {
      const more = Buffer.alloc(1 << 20)
      const { bytesRead } = await this.file.read(more, 0, more.length, this.end)
      if (bytesRead === 0) throw badVectors(this.path, 'the file ends too early')
      this.held = Buffer.concat([this.held.subarray(this.at), more.subarray(0, bytesRead)])
      this.at = 0
      this.end += bytesRead
    }
    this.at += count
    return this.held.subarray(this.at - count, this.at)
  }

  async word(): Promise<string> {
    for (let length = 0; ; ++length) {
      await this.take(length + 1)
      this.at -= length + 1
      const found = this.held.indexOf(0, this.at)
      if (found >= 0) {
        const word = this.held.toString('utf8', this.at, found)
        this.at = found + 1
        return word
      }
      length = this.held.length - this.at
      if (length > 1 << 16) throw badVectors(this.path, 'a word is longer than any')
    }
  }

  async int(): Promise<number> {
    return (await this.take(4)).readInt32LE()
  }

  async long(): Promise<number> {
    return Number((await this.take(8)).readBigInt64LE())
  }
}

interface Model {
  size: number
  bucket: number
  /** Letters of the parts of a word. */
  least: number
  most: number
  /** Rows by word. */
  rows: Map<string, number>
  /** Where in the file the rows begin. */
  begin: number
}

export async function fastTextVectors(path: string, wanted: Set<string> | null): Promise<Vectors> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const model = await readModel(new Reader(file, path), path)
    const found = new Map<string, Float32Array>()
    const pauses = new Pauses()
    let words: string[] = []
    const take = async () => {
      for (const [word, vector] of await vectorsOf(file as FileHandle, model, words, path))
        found.set(word, vector)
      words = []
      if (pauses.due) await pauses.pause()
    }
    for (const word of wanted ?? model.rows.keys()) if (words.push(word) === TOGETHER) await take()
    await take()
    return new Vectors(model.size, found)
  } catch (error) {
    throw error instanceof RnnativeError ? error : ioError('read', path, error)
  } finally {
    await file?.close()
  }
}

async function readModel(reader: Reader, path: string): Promise<Model> {
  await reader.int()
  const version = await reader.int()
  if (version !== 11 && version !== 12)
    throw badVectors(path, `expected version 11 or 12 of fastText's models, got ${version}`)
  const settings: number[] = []
  for (let i = 0; i < 12; ++i) settings.push(await reader.int())
  const [size = 0, , , , , , , kind, bucket = 0, least = 0, most = 0] = settings
  await reader.take(8) // a threshold
  if (!whole(size, 1) || size > MOST_UNITS) throw badVectors(path, `vectors of ${size} numbers`)
  const entries = await reader.int()
  await reader.int() // words
  await reader.int() // labels
  await reader.long() // tokens
  const pruned = await reader.long()
  const rows = new Map<string, number>()
  for (let i = 0; i < entries; ++i) {
    const word = await reader.word()
    await reader.long() // occurrences
    const [type] = await reader.take(1)
    if (type === 0) rows.set(word, rows.size)
  }
  const [quantised] = await reader.take(1)
  if (quantised !== 0 || pruned > 0)
    throw new RnnativeError(
      'ERR_UNSUPPORTED',
      `[read vectors] ${path}: a quantised model; take its .bin`,
    )
  const [height, width] = [await reader.long(), await reader.long()]
  if (width !== size || height < rows.size)
    throw badVectors(
      path,
      `expected at least [${rows.size}, ${size}] numbers, got [${height}, ${width}]`,
    )
  // Version 11 has no parts in classifiers.
  const parts = version === 11 && kind === 3 ? 0 : most
  return { size, bucket, least, most: parts, rows, begin: reader.position }
}

/** Words whose rows are read together: they share most of their parts. */
const TOGETHER = 1 << 15
/** Bytes between two rows that are read rather than left out. */
const GAP = 1 << 14
/** Bytes that are read at a time. */
const READ = 1 << 22

const rowsOf = ({ rows, bucket, least, most }: Model, word: string): number[] => {
  const own = rows.get(word)
  const all = own === undefined ? [] : [own]
  if (most > 0 && bucket > 0)
    for (const hash of partHashes(word, least, most)) all.push(rows.size + (hash % bucket))
  return all
}

/** The means of words' rows and those of their parts; words that have none are left out. */
async function vectorsOf(
  file: FileHandle,
  model: Model,
  words: readonly string[],
  path: string,
): Promise<Map<string, Float32Array>> {
  const { size } = model
  const lists = words.map((word) => rowsOf(model, word))
  const needed = Int32Array.from(new Set(lists.flat())).sort()
  const places = new Map(Array.from(needed, (row, i) => [row, i]))
  const numbers = await readRows(file, model, needed, path)
  const found = new Map<string, Float32Array>()
  const pauses = new Pauses()
  for (const [i, rows] of lists.entries()) {
    if (rows.length === 0) continue
    const sum = new Float64Array(size)
    for (const row of rows) {
      const at = (places.get(row) as number) * size
      for (let k = 0; k < size; ++k) sum[k]! += numbers[at + k] as number
    }
    const word = words[i] as string
    const vector = Float32Array.from(sum, (x) => x / rows.length)
    if (!vector.every(Number.isFinite))
      throw badVectors(path, `${JSON.stringify(word)}: expected ${size} finite numbers`)
    found.set(word, vector)
    if (pauses.due) await pauses.pause()
  }
  return found
}

/** Rows of a file by their numbers, which rise: those that lie near each other at once. */
async function readRows(
  file: FileHandle,
  { size, begin }: Model,
  rows: Int32Array,
  path: string,
): Promise<Float32Array> {
  const length = 4 * size
  const numbers = new Float32Array(rows.length * size)
  const bytes = Buffer.from(numbers.buffer)
  for (let first = 0; first < rows.length;) {
    const from = rows[first] as number
    let end = first + 1
    const near = (row: number) =>
      (row - (rows[end - 1] as number)) * length < GAP && (row - from + 1) * length <= READ
    while (end < rows.length && near(rows[end] as number)) ++end
    const span = ((rows[end - 1] as number) - from + 1) * length
    const read = Buffer.alloc(span)
    const { bytesRead } = await file.read(read, 0, span, begin + from * length)
    if (bytesRead < span) throw badVectors(path, 'the file ends too early')
    for (; first < end; ++first) {
      const at = ((rows[first] as number) - from) * length
      read.copy(bytes, first * length, at, at + length)
    }
  }
  return numbers
}
