/** Vectors of words in files of word2vec, GloVe and fastText. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { checkPath, MOST_UNITS, optionsOf, whole, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { isIterable } from '../kinds'
import { Pauses } from '../pauses'
import { fastTextVectors, isFastText } from './fasttext'
import { ioError } from './files'
import { badVectors, Vectors } from './word-vectors'

/** Options of {@link readVectors}. */
export interface VectorOptions {
  /** Those that are kept, as they are or in small letters. Default: all. */
  words?: Iterable<string> | undefined
}

const NAMES: Names<VectorOptions> = { words: true }

/**
 * Reads vectors of words: text of word2vec, fastText (`.vec`) and GloVe, binary files of word2vec and of fastText
 * (`.bin`), told by what is in them; gzip allowed but for the last. Of a model of fastText words that it never saw
 * have vectors, too, made of their parts, where `words` are given.
 *
 *     const vectors = await readVectors('glove.6B.100d.txt', { words: tokenizer.tokens })
 *
 * `ERR_FORMAT` for what is none, with the number of the word; `ERR_IO`, `ERR_EMPTY`.
 */
export async function readVectors(path: string, options: VectorOptions = {}): Promise<Vectors> {
  checkPath('read vectors', 'path', path)
  const { words } = optionsOf('read vectors', options, NAMES)
  const listed = words === undefined || (isIterable(words) && typeof words !== 'string')
  expect('read vectors', 'words', listed, 'a list of words', words)
  const wanted = words === undefined ? null : new Set<string>()
  for (const word of words ?? []) wanted?.add(word).add(word.toLowerCase())
  const head = await headOf(path)
  if (isFastText(head)) return fastTextVectors(path, wanted)
  return readStream(path, head[0] === 0x1f && head[1] === 0x8b, wanted)
}

/** The first bytes. */
async function headOf(path: string): Promise<Buffer> {
  try {
    await using file = await open(path)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    throw ioError('read', path, error)
  }
}

const [SPACE, LINE_FEED] = [32, 10]
/** Tabs and the ends of lines. */
const BLANKS: ReadonlySet<number> = new Set([9, LINE_FEED, 13])

/** Bytes of a file as they are asked for. */
class Bytes {
  private held = Buffer.alloc(0)
  private at = 0
  private ended = false
  private readonly chunks: AsyncIterator<Buffer>

  constructor(path: string, packed: boolean) {
    const file = createReadStream(path, { highWaterMark: 1 << 20 })
    const source = packed ? file.pipe(createGunzip()) : file
    if (packed) file.on('error', (error) => source.destroy(error))
    this.chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** Whether so many are held, without waiting. */
  has(count: number): boolean {
    return this.held.length - this.at >= count
  }

  /** Waits for so many. False at the end. */
  async need(count: number): Promise<boolean> {
    while (!this.has(count) && !this.ended) {
      const { value, done } = await this.chunks.next()
      if (done) this.ended = true
      else {
        this.held = Buffer.concat([this.held.subarray(this.at), value])
        this.at = 0
      }
    }
    return this.has(count)
  }

  /** What is before a byte, which is read over; null where it is not there before the end, or not soon enough. */
  async until(byte: number): Promise<Buffer | null> {
    for (let from = this.at; ;) {
      const found = this.held.indexOf(byte, from)
      if (found >= 0) {
        const before = this.held.subarray(this.at, found)
        this.at = found + 1
        return before
      }
      const count = this.held.length - this.at
      if (count > MOST_LINE || !(await this.need(count + 1))) return null
      from = this.at + count
    }
  }

  take(count: number): Buffer {
    const taken = this.held.subarray(this.at, this.at + count)
    this.at += taken.length
    return taken
  }

  peek(count: number): Buffer {
    return this.held.subarray(this.at, this.at + count)
  }

  rest(): Buffer {
    return this.take(this.held.length - this.at)
  }

  async close(): Promise<void> {
    await this.chunks.return?.()
  }
}

/** Bytes of a line that has a vector: more than any has. */
const MOST_LINE = 1 << 24

async function readStream(path: string, packed: boolean, wanted: Set<string> | null) {
  const bytes = new Bytes(path, packed)
  try {
    return await readWords(path, bytes, wanted)
  } catch (error) {
    if (error instanceof RnnativeError) throw error
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_'))
      throw badVectors(path, `damaged gzip: ${(error as Error).message}`)
    throw ioError('read', path, error)
  } finally {
    await bytes.close()
  }
}

async function readWords(path: string, bytes: Bytes, wanted: Set<string> | null): Promise<Vectors> {
  const line = (await bytes.until(LINE_FEED)) ?? bytes.rest()
  if (line.length === 0 && !(await bytes.need(1)))
    throw badVectors(path, 'expected vectors, got none')
  const first = line.toString().trim().split(/\s+/)
  const [count, size] = first.map(Number)
  const headed = first.length === 2 && whole(count, 1) && whole(size, 1)
  const width = headed ? (size as number) : first.length - 1
  if (width < 1 || width > MOST_UNITS)
    throw badVectors(path, `expected a word and its vector in line 1, got ${first.length} parts`)
  const found = new Map<string, Float32Array>()
  const keep = (word: string, vector: () => Float32Array) => {
    if ((wanted === null || wanted.has(word)) && !found.has(word)) found.set(word, vector())
  }
  if (headed && (await isBinary(bytes, width)))
    await readBinary(path, bytes, { count: count as number, size: width }, keep)
  else {
    if (!headed) keepLine(path, line, 1, width, keep)
    const read = await readText(path, bytes, width, keep)
    if (headed && read < (count as number))
      throw badVectors(path, `expected ${count} words, as line 1 has it, got ${read}`)
  }
  return new Vectors(width, found)
}

type Keep = (word: string, vector: () => Float32Array) => void

/** Whether what follows the first word is no text: as numbers it would have a line's end behind them. */
async function isBinary(bytes: Bytes, size: number): Promise<boolean> {
  await bytes.need(64 * size + 256)
  const ahead = bytes.peek(64 * size + 256)
  const space = ahead.indexOf(SPACE)
  const end = ahead.indexOf(LINE_FEED)
  const numbers = ahead.subarray(space + 1, end < 0 ? ahead.length : end)
  if (/^[\d\s.e+\-naif]*$/i.test(numbers.toString('latin1'))) return false
  return ahead.some((byte) => byte < SPACE && !BLANKS.has(byte)) || !isUtf8(ahead)
}

/** Whether it is the beginning of a text. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

async function readBinary(
  path: string,
  bytes: Bytes,
  { count, size }: { count: number; size: number },
  keep: Keep,
): Promise<void> {
  const pauses = new Pauses()
  for (let i = 0; i < count; ++i) {
    const word = await bytes.until(SPACE)
    if (word === null || !(await bytes.need(4 * size)))
      throw badVectors(path, `word ${i + 1} of ${count}: the file ends within it`)
    // Some programs end a line after each vector, some do not.
    const name = word.toString().replace(/^\n+/, '')
    const numbers = bytes.take(4 * size)
    keep(name, () => {
      const vector = Float32Array.from({ length: size }, (_, k) => numbers.readFloatLE(4 * k))
      if (!vector.every(Number.isFinite))
        throw badVectors(path, `word ${i + 1} of ${count}: expected ${size} finite numbers`)
      return vector
    })
    if (pauses.due) await pauses.pause()
  }
}

/** Gives how many words there were. */
async function readText(path: string, bytes: Bytes, size: number, keep: Keep): Promise<number> {
  const pauses = new Pauses()
  let words = 0
  for (let number = 2; ; ++number) {
    const line = await bytes.until(LINE_FEED)
    const whole = line ?? bytes.rest()
    if (keepLine(path, whole, number, size, keep)) ++words
    if (line === null) return words
    if (pauses.due) await pauses.pause()
  }
}

/** False of a line that has nothing. */
function keepLine(path: string, line: Buffer, number: number, size: number, keep: Keep): boolean {
  const text = line.toString().trimEnd()
  if (text === '') return false
  // From the end: a word may have blanks in it.
  let at = text.length
  for (let i = 0; i < size && at >= 0; ++i) at = text.lastIndexOf(' ', at - 1)
  if (at < 1) throw badVectors(path, `line ${number}: expected a word and ${size} numbers`)
  keep(text.slice(0, at), () => {
    const parts = text.slice(at + 1).split(' ')
    const vector = Float32Array.from(parts, (part) => (part === '' ? NaN : Number(part)))
    if (!vector.every(Number.isFinite))
      throw badVectors(path, `line ${number}: expected ${size} finite numbers, a space before each`)
    return vector
  })
  return true
}
