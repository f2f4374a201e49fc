import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { RnnativeError } from '../errors'
import { readFileOrThrow } from '../io/files'

const unzip = promisify(gunzip)

/**
 * The content of a file, unzipped when it is gzip (told by its first bytes, not its name). Throws
 * `ERR_IO` when it cannot be read, `ERR_FORMAT` when the archive is damaged, `ERR_EMPTY` when nothing
 * is in it.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array = await readFileOrThrow(path)
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    try {
      bytes = await unzip(bytes)
    } catch (error) {
      throw new RnnativeError(
        'ERR_FORMAT',
        `[read] ${path}: damaged gzip: ${(error as Error).message}`,
        {
          cause: error,
        },
      )
    }
  if (bytes.length === 0) throw new RnnativeError('ERR_EMPTY', `[read] ${path}: the file is empty`)
  return bytes
}

/** Like {@link readBytes}, decoded; `ERR_FORMAT` when it is not UTF-8. A byte-order mark is dropped. */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const problem =
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
        ? 'not valid UTF-8 text'
        : `${bytes.length} bytes are no string: ${(error as Error).message}`
    throw new RnnativeError('ERR_FORMAT', `[read] ${path}: ${problem}`, { cause: error })
  }
  if (text.length === 0) throw new RnnativeError('ERR_EMPTY', `[read] ${path}: the file is empty`)
  return text
}

/**
 * The lines of a text file, without their ends (`\n` or `\r\n`); errors as of {@link readText}. Empty
 * lines count, but not what follows the last line's end.
 */
export async function readLines(path: string): Promise<string[]> {
  const lines = (await readText(path)).split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}
