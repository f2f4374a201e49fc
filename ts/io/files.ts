/** File access with errors that name the file, and writes that survive a crash at any moment. */
import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { RnnativeError } from '../errors'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'exists already',
  ENOTEMPTY: 'the directory is not empty',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
}

/** An `ERR_IO` that says what failed on which path. */
export function ioError(action: string, path: string, error: unknown): RnnativeError {
  if (error instanceof RnnativeError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const reason = (code !== undefined && REASONS[code]) || message
  return new RnnativeError('ERR_IO', `[${action}] ${path}: ${reason}`, { cause: error })
}

export async function readFileOrThrow(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw ioError('read', path, error)
  }
}

/** Parses a JSON file; `ERR_IO` or `ERR_FORMAT`. */
export async function readJson(path: string): Promise<unknown> {
  const text = (await readFileOrThrow(path)).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new RnnativeError(
      'ERR_FORMAT',
      `[read] ${path}: not valid JSON: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }
}

/** Makes the entries of a directory (new names, renames) durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A name beside `path` that no other writer uses. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`)

/**
 * Writes a file under a temporary name, flushes it to disk and renames it: readers see the old file
 * or the whole new one.
 */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path)
  try {
    const file = await open(temporary, 'wx')
    try {
      await write(file)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw ioError('write', path, error)
  }
}

export const writeFileAtomic = (path: string, content: string): Promise<void> =>
  replaceFile(path, (file) => file.writeFile(content))
