/** File access with errors that name the file, and writes that survive a crash at any moment. */
import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { open, readFile, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { checkPath } from '../check'
import { expect, RnnativeError } from '../errors'
import { syncDirectory } from './directories'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'exists already',
  ENOTEMPTY: 'the directory is not empty',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is exceeded',
  EROFS: 'the file system is read-only',
  EIO: 'the device failed (input/output error)',
  EBUSY: 'is a mount point, or in use',
  EXDEV: 'lies across two file systems',
  ELOOP: 'too many links',
  ENAMETOOLONG: 'the name is too long',
  EPIPE: 'its reader has gone',
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

/** What happens with an error of this code is up to `otherwise`; any other is thrown. */
export const unless =
  <T>(code: string, otherwise: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === code) return otherwise
    throw error
  }

/** Removes a file that may be there; that it stays is no failure. */
export const discard = (path: string): Promise<void> =>
  rm(path, { force: true, recursive: true }).catch(() => undefined)

/** Removes a file of ours. Not there is as good; a directory of its name is none of ours and stays. */
export const removeFile = (path: string): Promise<void> =>
  rm(path, { force: true }).catch(unless('ERR_FS_EISDIR', undefined))

/** A name beside `path` that no other writer uses. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`)

/** The file that a temporary name was made for; null for any other name. */
export const temporaryFor = (name: string): string | null =>
  /^\.(.+)\.tmp-\d+-[0-9a-f]{8}$/.exec(name)?.[1] ?? null

const kindOf = (found: Stats): string =>
  found.isFIFO() ? 'a FIFO' : found.isSocket() ? 'a socket' : 'a device'

/**
 * The file that writing under this path concerns: what a link leads to, so that the link stays. Throws
 * `ERR_ARGUMENT` where something else than a file lies there, which renaming would replace.
 */
export async function targetOf(path: string): Promise<{ target: string; mode?: number }> {
  const found = await stat(path).catch(unless('ENOENT', null))
  if (found === null) {
    const link = await readlink(path).catch(() => null)
    if (link === null) return { target: path }
    return targetOf(isAbsolute(link) ? link : `${await realpath(dirname(path))}/${link}`)
  }
  if (found.isDirectory()) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' })
  expect('write', path, found.isFile(), 'a file', found.isFile() || kindOf(found))
  return { target: await realpath(path), mode: found.mode & 0o777 }
}

/** A file that is on disk, complete, but not yet under its name. */
export interface Staged {
  from: string
  to: string
}

/** Writes a file under a temporary name beside its own and flushes it to disk. */
export async function stage(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<Staged> {
  const { target: to, mode } = await targetOf(path)
  const from = temporaryName(to)
  try {
    const file = await open(from, 'wx', mode)
    try {
      await write(file)
      await file.sync()
    } finally {
      await file.close()
    }
    return { from, to }
  } catch (error) {
    await discard(from)
    throw error
  }
}

/** Throws what writing this file would, but for what does not fit: before hours of work. */
export async function tryFile(path: string): Promise<void> {
  checkPath('write', 'path', path)
  try {
    await discard((await stage(path, () => Promise.resolve())).from)
  } catch (error) {
    throw ioError('write', path, error)
  }
}

/** Gives a staged file its name. Where that fails it is gone, and the old file is as it was. */
export async function place({ from, to }: Staged): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    await discard(from)
    throw error
  }
}

/** Replaces a file: readers, and whoever finds it after a crash, see the old one or the whole new one. */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  checkPath('write', 'path', path)
  try {
    const staged = await stage(path, write)
    await place(staged)
    await syncDirectory(dirname(staged.to))
  } catch (error) {
    throw ioError('write', path, error)
  }
}

export const writeFileAtomic = (path: string, content: string): Promise<void> =>
  replaceFile(path, (file) => file.writeFile(content))
