/**
 * Checkpoint directories:
 *
 *     DIR/latest         names the newest checkpoint, "step-300"
 *     DIR/best           names the one with the lowest validation loss
 *     DIR/step-300/      model.safetensors, config.json, tokenizer.json, state.json, ...
 *
 * A checkpoint is written under a temporary name, every file and the directory are flushed, and it is
 * renamed; only then do the pointers move, each by an atomic rename, and only after that is anything
 * older removed. So whatever moment a process dies at, the pointers name whole checkpoints. What is
 * removed is known by its `state.json`: directories of such names may be somebody else's.
 */
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject } from '../check'
import { RnnativeError } from '../errors'
import type { HostTensor } from '../nn'
import type { StoredPrecision } from '../precision'
import { makeDurableDirectory, syncDirectory } from './directories'
import {
  discard,
  ioError,
  removeFile,
  temporaryFor,
  temporaryName,
  unless,
  writeFileAtomic,
} from './files'
import { writeSafetensors } from './write-safetensors'

export type Pointer = 'latest' | 'best'

/** Files by name: JSON-serialisable values for `.json`, tensors for `.safetensors`. */
export interface CheckpointFiles {
  json: Readonly<Record<string, unknown>>
  tensors: Readonly<Record<string, ReadonlyMap<string, HostTensor>>>
  /** What tensors are written in; f32 unless given. */
  precision?: StoredPrecision | undefined
}

/** The file that tells a checkpoint from any other directory. */
export const STATE_FILE = 'state.json'

const STEP_NAME = /^step-\d+(-\d+)?$/
const POINTERS: readonly string[] = ['latest', 'best'] satisfies Pointer[]

/** What a JSON file holds, as a human may read it. */
export const jsonText = (content: unknown): string => `${JSON.stringify(content, null, 1)}\n`

/** For tests only: waits this long between the stages of a write, so that a kill can hit each. */
export async function testDelay(): Promise<void> {
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

/** The names of DIR's latest and best checkpoints. */
export async function readPointers(directory: string): Promise<Record<Pointer, string | null>> {
  const [latest, best] = [
    await readPointer(directory, 'latest'),
    await readPointer(directory, 'best'),
  ]
  return { latest, best }
}

/** The directory of DIR's latest or best checkpoint; null when DIR holds none. */
export async function findCheckpoint(directory: string, pointer: Pointer): Promise<string | null> {
  const name = await readPointer(directory, pointer)
  return name === null ? null : join(directory, name)
}

/**
 * The names of a checkpoint's files, the last of them `state.json`; null where a directory is none, or a link.
 * Those that earlier versions wrote do not list them.
 */
async function ownFiles(path: string): Promise<string[] | null> {
  if (!(await lstat(path)).isDirectory()) return null
  const text = await readFile(join(path, STATE_FILE), 'utf8').catch(() => '')
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(state) || state['format'] !== 1 || !isObject(state['progress'])) return null
  const listed: unknown = state['files']
  const names = Array.isArray(listed)
    ? listed.filter((name) => typeof name === 'string' && basename(name) === name)
    : (await readdir(path)).filter((name) => /\.(json|safetensors)$/.test(name))
  return [...names.filter((name) => name !== STATE_FILE), STATE_FILE] as string[]
}

export const isCheckpoint = async (path: string): Promise<boolean> =>
  (await ownFiles(path)) !== null

/** The checkpoints of a directory that the pointers do not name. */
async function others(directory: string, named: ReadonlySet<string | null>): Promise<string[]> {
  const names = (await readdir(directory)).filter(
    (name) => STEP_NAME.test(name) && !named.has(name),
  )
  const own = await Promise.all(names.map((name) => isCheckpoint(join(directory, name))))
  return names.filter((_, i) => own[i])
}

/** The name of a checkpoint of the run that has its checkpoints there, the latest if it is known. */
export async function checkpointIn(directory: string): Promise<string | null> {
  const { latest, best } = await readPointers(directory)
  return latest ?? best ?? (await others(directory, new Set())).at(-1) ?? null
}

/** Removes a checkpoint's files, and its directory unless something else is in it. */
async function removeCheckpoint(path: string): Promise<void> {
  const names = await ownFiles(path)
  if (names === null) return
  for (const name of names) if (name !== STATE_FILE) await removeFile(join(path, name))
  // As long as `state.json` is there, or by its temporary name, what is left is known for ours.
  if ((await readdir(path)).some((name) => name !== STATE_FILE))
    return removeFile(join(path, STATE_FILE))
  const aside = temporaryName(path)
  await rename(path, aside)
  await rm(aside, { recursive: true, force: true })
}

/** Writes files into a new directory, flushed to disk. */
async function writeFiles(directory: string, { json, tensors }: CheckpointFiles): Promise<void> {
  await mkdir(directory)
  for (const [name, content] of Object.entries(tensors)) {
    await writeSafetensors(join(directory, name), content)
    await testDelay()
  }
  for (const [name, content] of Object.entries(json))
    await writeFileAtomic(join(directory, name), jsonText(content))
  await testDelay()
  await syncDirectory(directory)
}

/** The files of a run with their names in `state.json`. */
function listed({ json, tensors }: CheckpointFiles): CheckpointFiles {
  const state = json[STATE_FILE] as object
  const files = [...Object.keys(tensors), ...Object.keys(json)]
  return { json: { ...json, [STATE_FILE]: { ...state, files } }, tensors }
}

/**
 * A free name for the checkpoint of a step. A new run in the directory of an old one may reach a step that a
 * pointer still names; and there may be a directory of that name that is not ours.
 */
async function freeName(
  directory: string,
  step: number,
  named: ReadonlySet<string | null>,
): Promise<string> {
  for (let i = 0; ; ++i) {
    const name = i === 0 ? `step-${step}` : `step-${step}-${i}`
    if (named.has(name)) continue
    const path = join(directory, name)
    const there = () => lstat(path).catch(unless('ENOENT', null))
    if ((await there()) === null) return name
    if (!(await isCheckpoint(path))) continue
    await removeCheckpoint(path)
    if ((await there()) === null) return name
  }
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
    await makeDurableDirectory(directory)
    const { latest, best } = await readPointers(directory)
    const name = await freeName(directory, step, new Set([latest, best]))
    const target = join(directory, name)
    const temporary = temporaryName(target)
    try {
      await writeFiles(temporary, listed(files))
      await rename(temporary, target)
    } catch (error) {
      await discard(temporary)
      throw error
    }
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
  for (const name of await others(directory, kept)) await removeCheckpoint(join(directory, name))
  for (const name of await readdir(directory)) {
    const file = temporaryFor(name)
    if (file !== null && (STEP_NAME.test(file) || POINTERS.includes(file)))
      await discard(join(directory, name))
  }
}
