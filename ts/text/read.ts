import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { checkPath } from '../check'
import { RnnativeError } from '../errors'
import { readFileOrThrow } from '../io/files'
import { Pauses } from '../pauses'

const unzip = promisify(gunzip)

/** What a gzip file unpacks to at most, in bytes: one of a few megabytes may hold a thousand times as much. */
export const MOST_UNPACKED = 2 ** 30

/** Bytes that are taken together. */
const PART = 1 << 20

const formatError = (source: string, problem: string, cause?: unknown): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[read] ${source}: ${problem}`, { cause })

/** Unzips bytes that are gzip, told by the first ones; errors as of {@link readBytes}. */
export async function unpack(
  bytes: Uint8Array,
  source: string,
  most = MOST_UNPACKED,
): Promise<Uint8Array> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b
  const unpacked = packed ? await unzipped(bytes, source, most) : bytes
  if (unpacked.length === 0)
    throw new RnnativeError('ERR_EMPTY', `[read] ${source}: the file is empty`)
  return unpacked
}

async function unzipped(bytes: Uint8Array, source: string, most: number): Promise<Uint8Array> {
  try {
    return await unzip(bytes, { maxOutputLength: most, chunkSize: PART })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const problem =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `unpacks to more than ${most} bytes`
        : `damaged gzip: ${message}`
    throw formatError(source, problem, error)
  }
}

/**
 * The content of a file, unzipped when it is gzip (told by its first bytes, not its name). A file may have 2 GiB,
 * and a gzip file unpack to 1 GiB. Throws `ERR_IO` when it cannot be read, `ERR_FORMAT` when the archive is
 * damaged or unpacks to more, `ERR_EMPTY` when nothing is in it.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  checkPath('read', 'path', path)
  return unpack(await readFileOrThrow(path), path)
}

/** Bytes as text; `ERR_FORMAT` with the number of the line that is not UTF-8. A byte-order mark is dropped. */
export async function decodeText(bytes: Uint8Array, source: string): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const pauses = new Pauses()
  const parts: string[] = []
  try {
    for (let begin = 0; begin < bytes.length; begin += PART) {
      const more = begin + PART < bytes.length
      parts.push(decoder.decode(bytes.subarray(begin, begin + PART), { stream: more }))
      if (pauses.due) await pauses.pause()
    }
    return parts.join('')
  } catch (error) {
    if (isUtf8(bytes))
      throw formatError(source, `${bytes.length} bytes are more than a text may have`, error)
    throw formatError(source, `line ${badLine(bytes)}: not valid UTF-8 text`, error)
  }
}

const LINE_FEED = 10

/** The number, from 1, of the first line that is not UTF-8. */
export function badLine(bytes: Uint8Array): number {
  for (let line = 1, begin = 0; ; ++line) {
    const found = bytes.indexOf(LINE_FEED, begin)
    const end = found < 0 ? bytes.length : found
    if (found < 0 || !isUtf8(bytes.subarray(begin, end))) return line
    begin = end + 1
  }
}

/**
 * Like {@link readBytes}, decoded; `ERR_FORMAT`, with the line's number, when it is not UTF-8, and where it has
 * more than 2^29 characters, which no string can hold. A byte-order mark is dropped.
 */
export async function readText(path: string): Promise<string> {
  const text = await decodeText(await readBytes(path), path)
  if (text.length === 0) throw new RnnativeError('ERR_EMPTY', `[read] ${path}: the file is empty`)
  return text
}

/** Lines that are taken together. */
const LINES = 1 << 12

/**
 * The lines of a text, without their ends: `\n`, `\r\n`, and `\r` at the end of the text. Empty lines count, but
 * not what follows the last line's end.
 */
export async function linesOf(text: string): Promise<string[]> {
  const lines: string[] = []
  const pauses = new Pauses()
  for (let begin = 0; begin < text.length;) {
    const found = text.indexOf('\n', begin)
    const end = found < 0 ? text.length : found
    lines.push(withoutReturn(text.slice(begin, end)))
    begin = end + 1
    if (lines.length % LINES === 0 && pauses.due) await pauses.pause()
  }
  return lines
}

/** A line, without the `\r` that is a part of its end. */
export const withoutReturn = (line: string): string =>
  line.endsWith('\r') ? line.slice(0, -1) : line

/** The lines of a text file: without their ends; errors as of {@link readText}. */
export const readLines = async (path: string): Promise<string[]> => linesOf(await readText(path))
