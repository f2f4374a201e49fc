/**
 * Checkpoint directories:
 *
 *     DIR/latest         names the newest checkpoint, "step-300"
 *     DIR/best           names the one with the lowest validation loss
 *     DIR/step-300/      model.safetensors, config.json, tokenizer.json, state.json, ...
 *
 * A checkpoint is written under a temporary name, every file and the directory are flushed, and it is
 * renamed; only then do the pointers move, each by an atomic rename, and only after that is anything
 * older removed. So whatever moment a process dies at, the pointers name whole checkpoints.
 */
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RnnativeError } from '../errors'
import type { HostTensor } from '../nn'
import { ioError, syncDirectory, temporaryName, writeFileAtomic } from './files'
import { writeSafetensors } from './safetensors'

export type Pointer = 'latest' | 'best'

/** Files by name: JSON-serialisable values for `.json`, tensors for `.safetensors`. */
export interface CheckpointFiles {
  json: Readonly<Record<string, unknown>>
  tensors: Readonly<Record<string, ReadonlyMap<string, HostTensor>>>
}

const STEP_NAME = /^step-\d+(-\d+)?$/
const TEMPORARY_NAME = /^\.(step-|latest\.|best\.).*tmp-/

/** For tests only: waits this long between the stages of a write, so that a kill can hit each. */
async function testDelay(): Promise<void> {
  const milliseconds = Number(process.env['RNNATIVE_TEST_CHECKPOINT_DELAY_MS'] ?? 0)
  if (milliseconds > 0) await sleep(milliseconds)
}

/** The checkpoint that a pointer names, or null when there is no pointer. */
async function readPointer(directory: string, pointer: Pointer): Promise<string | null> {
  const path = join(directory, pointer)
  let name: string
  try {
    name = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw ioError('checkpoint', path, error)
  }
  if (!STEP_NAME.test(name))
    throw new RnnativeError('ERR_FORMAT', `[checkpoint] ${path}: expected the name of a checkpoint`)
  return name
}

/** The directory of DIR's latest or best checkpoint; null when DIR holds none. */
export async function findCheckpoint(directory: string, pointer: Pointer): Promise<string | null> {
  const name = await readPointer(directory, pointer)
  return name === null ? null : join(directory, name)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Writes files into a new directory, flushed to disk. */
async function writeFiles(directory: string, { json, tensors }: CheckpointFiles): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, content] of Object.entries(tensors)) {
    await writeSafetensors(join(directory, name), content)
    await testDelay()
  }
  for (const [name, content] of Object.entries(json))
    await writeFileAtomic(join(directory, name), `${JSON.stringify(content, null, 1)}\n`)
  await testDelay()
  await syncDirectory(directory)
}

/**
 * Writes the checkpoint of a step and points `latest` to it, and `best` too if `isBest`. Then all but
 * these two are removed, and so is what crashed writers left. Returns the checkpoint's directory.
 */
export async function writeCheckpoint(
  directory: string,
  step: number,
  files: CheckpointFiles,
  isBest: boolean,
): Promise<string> {
  try {
    await mkdir(directory, { recursive: true })
    const [latest, best] = [
      await readPointer(directory, 'latest'),
      await readPointer(directory, 'best'),
    ]
    // A new run in the directory of an old one may reach a step that a pointer still names.
    let name = `step-${step}`
    for (let i = 1; name === latest || name === best; ++i) name = `step-${step}-${i}`
    const target = join(directory, name)
    const temporary = temporaryName(target)
    try {
      await writeFiles(temporary, files)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
    await rm(target, { recursive: true, force: true })
    await rename(temporary, target)
    await syncDirectory(directory)
    await testDelay()

    // `best` first: a crash in between leaves `latest` behind, and resuming reaches this step again.
    const newBest = isBest || best === null ? name : best
    if (newBest !== best) await writeFileAtomic(join(directory, 'best'), `${newBest}\n`)
    await testDelay()
    await writeFileAtomic(join(directory, 'latest'), `${name}\n`)
    await testDelay()
    await prune(directory, new Set([name, newBest]))
    return target
  } catch (error) {
    throw ioError('checkpoint', directory, error)
  }
}

async function prune(directory: string, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory))
    if ((STEP_NAME.test(name) && !kept.has(name)) || TEMPORARY_NAME.test(name))
      await rm(join(directory, name), { recursive: true, force: true })
}

/** The file that tells a model's directory from any other. */
export const CONFIG_FILE = 'config.json'

/**
 * Writes a model as a plain directory. What is there is replaced only if it is a saved model itself;
 * `ERR_ARGUMENT` for any other directory that is not empty.
 */
export async function writeModelDirectory(path: string, files: CheckpointFiles): Promise<void> {
  const target = resolve(path)
  const temporary = temporaryName(target)
  try {
    const there = await readdir(target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (there !== null && there.length > 0 && !there.includes(CONFIG_FILE))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[save] ${path}: the directory is not empty and holds no saved model`,
      )
    await mkdir(dirname(target), { recursive: true })
    await writeFiles(temporary, files)
    if (there === null || there.length === 0) {
      await rename(temporary, target) // replaces an empty directory
    } else {
      const old = temporaryName(target)
      await rename(target, old)
      await rename(temporary, target)
      await rm(old, { recursive: true, force: true })
    }
    await syncDirectory(dirname(target))
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw ioError('save', path, error)
  }
}

/**
 * The directory that holds a model's files: the best checkpoint of a checkpoint directory, or `path`
 * itself. Throws `ERR_IO` when there is no model.
 */
export async function findModel(path: string): Promise<string> {
  const best = await findCheckpoint(path, 'best')
  if (best !== null) return best
  if (await exists(join(path, CONFIG_FILE))) return path
  const reason = (await exists(path))
    ? `holds no model (neither ${CONFIG_FILE} nor a complete checkpoint)`
    : 'no such directory'
  throw new RnnativeError('ERR_IO', `[load] ${path}: ${reason}`)
}
