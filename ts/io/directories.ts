/** Making and flushing directories. What fails throws the system's error, for `ioError` to say where. */
import { lstatSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/**
 * Makes a directory and those it lies in; gives the ones that were missing, outermost first. Level by level:
 * Node's recursive mkdir says "no such file or directory" of a read-only file system, and in a directory that
 * has been removed, or under /proc, it never ends. Without promises, as watchers ask for it where they are made.
 */
export function makeDirectory(path: string): string[] {
  const parent = dirname(path)
  try {
    mkdirSync(path)
    return [path]
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      if (isDirectory(path)) return []
      const reason = lstatSync(path).isSymbolicLink()
        ? 'is a link to what does not exist or is no directory'
        : 'is not a directory'
      throw new Error(`${path} ${reason}`, { cause: error })
    }
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error
  }
  const made = makeDirectory(parent)
  try {
    mkdirSync(path)
    return [...made, path]
  } catch (error) {
    // Another process may have made it in between.
    if (codeOf(error) === 'EEXIST' && isDirectory(path)) return made
    removeEmpty(made)
    if (codeOf(error) !== 'ENOENT') throw error
    const reason = `no directory can be made in ${parent}, which was removed or takes none`
    throw new Error(reason, { cause: error })
  }
}

/** Removes directories that {@link makeDirectory} made, as far as nothing is in them. */
export function removeEmpty(made: readonly string[]): void {
  for (const path of [...made].reverse())
    try {
      rmdirSync(path)
    } catch {
      return
    }
}

/** What file systems answer that cannot flush a directory, such as network mounts and FUSE. */
const CANNOT_FLUSH: readonly unknown[] = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']

/** Makes the entries of a directory (new names, renames) durable, where the file system can. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!CANNOT_FLUSH.includes(codeOf(error))) throw error
  } finally {
    await handle.close()
  }
}

/** {@link makeDirectory}, with what it made durable. */
export async function makeDurableDirectory(path: string): Promise<string[]> {
  const made = makeDirectory(path)
  for (const one of made) await syncDirectory(dirname(one))
  return made
}
