/** Words of a text, sentence by sentence, from wherever it comes; of a file only a part is held at a time. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { isListOf, isObject, isPath } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { ioError } from '../../io/files'
import { isIterable } from '../../kinds'
import { partsOf, type White } from '../parts/text-parts'

/** A line, whose words are between white space, or the words themselves. */
export type Sentence = string | readonly string[]

/**
 * A text whose lines are sentences; a file of such text (UTF-8, gzip allowed), which may be larger than memory; or
 * sentences.
 */
export type TextSource =
  string | { readonly file: string } | Iterable<Sentence> | AsyncIterable<Sentence>

/** Words of a sentence, or of a part of one where it goes on. */
export interface Words {
  words: readonly string[]
  ends: boolean
}

/** Bytes that are read at a time. */
const PART = 1 << 18

/** What separates words in text of word2vec and fastText. */
export const wordsOf = (line: string): string[] => {
  const words = line.split(/[ \t\r\v\f\0]+/)
  if (words[0] === '') words.shift()
  if (words.at(-1) === '') words.pop()
  return words
}

/** What parts words. */
export const BLANK: White = { space: /[ \t\r\v\f\0]/g, other: /[^ \t\r\v\f\0]/g }
/** The same, and ends of lines. */
const BLANK_OR_END: White = { space: /[ \t\r\v\f\0\n]/g, other: /[^ \t\r\v\f\0\n]/g }

/** Those of all lines of a text, a part after another. */
export function* wordsIn(text: string): Generator<string[]> {
  for (const part of partsOf(text, BLANK_OR_END)) yield part.split('\n').flatMap(wordsOf)
}

const isFile = (source: unknown): source is { readonly file: string } =>
  isObject(source) && isPath(source['file'])

const isAsync = (source: unknown): source is AsyncIterable<Sentence> =>
  typeof source === 'object' && source !== null && Symbol.asyncIterator in source

/** Throws `ERR_ARGUMENT` for what is no source. */
export function checkSource(op: string, source: unknown): void {
  const valid =
    typeof source === 'string' || isFile(source) || isAsync(source) || isIterable(source)
  expect(op, 'text', valid, 'a text, { file } or sentences', source)
}

/** Goes through a source. `ERR_IO`, `ERR_FORMAT` for what is not UTF-8, `ERR_ARGUMENT` for a sentence that is none. */
export async function* readSentences(op: string, source: TextSource): AsyncGenerator<Words[]> {
  checkSource(op, source)
  if (isFile(source)) return yield* readFile(source.file)
  if (typeof source === 'string') return yield* readString(source)
  let number = 0
  let held: Words[] = []
  for await (const sentence of source) {
    const valid = typeof sentence === 'string' || isListOf(sentence, (x) => typeof x === 'string')
    expect(op, `text[${number}]`, valid, 'a string or a list of words', sentence)
    ++number
    held.push({ words: typeof sentence === 'string' ? wordsOf(sentence) : sentence, ends: true })
    if (held.length < 256) continue
    yield held
    held = []
  }
  yield held
}

async function* readString(text: string): AsyncGenerator<Words[]> {
  const lines = new Lines()
  for (let begin = 0; begin < text.length; begin += PART)
    yield lines.take(text.slice(begin, begin + PART))
  yield lines.end()
}

/** Lines out of text that comes in parts. One may be longer than memory: its words are given as they come. */
class Lines {
  private rest = ''

  take(part: string): Words[] {
    const lines = (this.rest + part).split('\n')
    this.rest = lines.pop() as string
    const found = lines.map((line) => ({ words: wordsOf(line), ends: true }))
    if (this.rest.length < PART) return found
    const words = wordsOf(this.rest)
    this.rest = /[ \t\r\v\f\0]$/.test(this.rest) ? '' : (words.pop() ?? '')
    found.push({ words, ends: false })
    return found
  }

  end(): Words[] {
    return this.rest === '' ? [] : [{ words: wordsOf(this.rest), ends: true }]
  }
}

async function isPacked(path: string): Promise<boolean> {
  await using file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
  return buffer[0] === 0x1f && buffer[1] === 0x8b
}

async function* readFile(path: string): AsyncGenerator<Words[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const lines = new Lines()
  try {
    const packed = await isPacked(path)
    const file = createReadStream(path, { highWaterMark: PART })
    const stream: Readable = packed ? file.pipe(createGunzip()) : file
    if (packed) file.on('error', (error) => stream.destroy(error))
    for await (const bytes of stream) yield lines.take(decoder.decode(bytes, { stream: true }))
    yield lines.take(decoder.decode())
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const damaged = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' || code?.startsWith('Z_')
    if (!damaged) throw ioError('read', path, error)
    throw new RnnativeError('ERR_FORMAT', `[read] ${path}: ${message}`, { cause: error })
  }
  yield lines.end()
}
