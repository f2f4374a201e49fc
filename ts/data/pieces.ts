/** Text files in pieces of whole lines, whatever their size: unzipped where they are gzip, and known to be UTF-8. */
import { isUtf8 } from 'node:buffer'
import { open, type FileHandle } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { RnnativeError } from '../errors'
import { ioError } from '../io/files'
import { badLine } from '../text/read'

/** Whole lines, but for the last of a file that has no line end. */
export interface Piece {
  bytes: Buffer
  /** The number of its first line, from 1. */
  line: number
}

/** Bytes of the longest line: one that never ends would fill the memory. */
const LONGEST = 2 ** 26

export const badFile = (path: string, problem: string, cause?: unknown): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[read] ${path}: ${problem}`, { cause })

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b
const MARK = Buffer.from('\ufeff')
const LINE_FEED = 10

/** The first bytes, which tell what a file is; fewer where it has fewer. */
async function begin(file: FileHandle, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count)
  let filled = 0
  // A pipe may give fewer than it was asked for, and has no positions.
  for (let read = 1; read > 0 && filled < count; filled += read)
    ({ bytesRead: read } = await file.read(bytes, filled, count - filled, null))
  return bytes.subarray(0, filled)
}

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path)
  try {
    const first = await begin(file, MARK.length)
    if (first.length === 0)
      throw new RnnativeError('ERR_EMPTY', `[read] ${path}: the file is empty`)
    const rest = file.createReadStream({ autoClose: false })
    if (!isGzip(first)) {
      if (!first.equals(MARK)) yield first
      yield* rest as AsyncIterable<Buffer>
      return
    }
    const unzipped = createGunzip()
    unzipped.write(first)
    pipeline(rest, unzipped, () => undefined)
    yield* withoutMark(unzipped)
  } finally {
    await file.close()
  }
}

async function* withoutMark(stream: Readable): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    const marked = isFirst && bytes.subarray(0, MARK.length).equals(MARK)
    isFirst = false
    yield marked ? bytes.subarray(MARK.length) : bytes
  }
}

function failure(path: string, error: unknown): RnnativeError {
  const { code = '', message } = error as NodeJS.ErrnoException
  return code.startsWith('Z_')
    ? badFile(path, `damaged gzip: ${message}`, error)
    : ioError('read', path, error)
}

/**
 * The pieces of a file. `ERR_IO` where it cannot be read, `ERR_EMPTY` for an empty one, `ERR_FORMAT` for a damaged
 * archive, with the line's number for what is not UTF-8, and for a line of more than 64 MiB. A byte-order mark is
 * dropped.
 */
export async function* piecesOf(path: string): AsyncGenerator<Piece> {
  let [line, rest, held] = [1, [] as Buffer[], 0]
  const piece = (bytes: Buffer): Piece => {
    if (!isUtf8(bytes))
      throw badFile(path, `line ${line + badLine(bytes) - 1}: not valid UTF-8 text`)
    const made = { bytes, line }
    line += countOf(bytes, LINE_FEED)
    return made
  }
  try {
    for await (const bytes of bytesOf(path)) {
      const end = bytes.lastIndexOf(LINE_FEED) + 1
      if (end > 0) {
        yield piece(Buffer.concat([...rest, bytes.subarray(0, end)]))
        ;[rest, held] = [[], 0]
      }
      rest.push(bytes.subarray(end))
      held += bytes.length - end
      if (held > LONGEST) throw badFile(path, `line ${line}: longer than ${LONGEST} bytes`)
    }
    if (held > 0) yield piece(Buffer.concat(rest))
  } catch (error) {
    throw error instanceof RnnativeError ? error : failure(path, error)
  }
}

/** How often a byte occurs. */
export function countOf(bytes: Buffer, byte: number): number {
  let count = 0
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) ++count
  return count
}
