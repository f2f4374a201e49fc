/**
 * A saved model: `config.json`, the weights, tokenizers. In `config.json` the key `rnnative` lists the files that
 * are ours; whatever else lies in the directory is not touched. To replace a model,
 *
 *  1. its files are written under temporary names beside their own, and flushed;
 *  2. `config.json` is replaced by one that says under `moving` where each of them lies: from here on the
 *     directory holds the new model, until here the old one;
 *  3. they are renamed, and last `config.json` is replaced by one without `moving`.
 *
 * So whoever reads by `config.json`, as {@link readModel} does, finds the old model or the new one, at whatever
 * moment the writer dies.
 */
import { readdir, readFile, realpath, rename, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkPath, isObject } from '../check'
import { RnnativeError } from '../errors'
import {
  checkpointIn,
  isCheckpoint,
  jsonText,
  readPointers,
  testDelay,
  type CheckpointFiles,
  type Pointer,
} from './checkpoint'
import { makeDurableDirectory, removeEmpty, syncDirectory } from './directories'
import { discard, ioError, place, removeFile, stage, targetOf, temporaryFor } from './files'
import { writeFileAtomic, type Staged } from './files'
import { isLock, lock, SAVE_LOCK, type Holder } from './lock'
import { safetensorsWriter } from './write-safetensors'

/** The file that tells a model's directory from any other. */
export const CONFIG_FILE = 'config.json'
/** What a run has told, beside its checkpoints. */
export const EVENTS_FILE = 'events.jsonl'
const OWN_KEY = 'rnnative'
const OWN_TYPE = /^rnnative\./
/** What a directory may hold and count as empty: what killed writers left, and what file systems begin with. */
const unseen = (name: string): boolean =>
  isLock(name) || temporaryFor(name) !== null || name === EVENTS_FILE || name === 'lost+found'

/** How long a save waits for another in the same directory. */
const WAIT = 60_000 // ms

/** What `config.json` says of the directory it is in. */
interface Saved {
  /** Our files; null where an earlier version wrote it, which did not list them. */
  files: readonly string[] | null
  /** The names beside theirs under which they still lie. */
  moving: Readonly<Record<string, string>>
  /** What the pointers of a run in the same directory were when the model was saved. */
  checkpoints: Readonly<Record<Pointer, string | null>>
}

const isName = (name: unknown): name is string =>
  typeof name === 'string' && name !== '' && name !== '..' && basename(name) === name

const BESIDE_NO_RUN = { latest: null, best: null }

function parseSaved(config: unknown): Saved | 'foreign' {
  if (!isObject(config)) return 'foreign'
  const { [OWN_KEY]: own, model_type: type } = config
  if (!isObject(own))
    return typeof type === 'string' && OWN_TYPE.test(type)
      ? { files: null, moving: {}, checkpoints: BESIDE_NO_RUN }
      : 'foreign'
  const { files, moving = {}, checkpoints = BESIDE_NO_RUN } = own
  const valid = Array.isArray(files) && isObject(moving) && isObject(checkpoints)
  if (!valid || ![...files, ...Object.values(moving)].every(isName)) return 'foreign'
  return { files, moving, checkpoints } as unknown as Saved
}

/** What lies under `config.json`: nothing, somebody else's, or ours. */
async function readSaved(directory: string): Promise<Saved | 'none' | 'foreign'> {
  const path = join(directory, CONFIG_FILE)
  try {
    if (!(await stat(path)).isFile()) return 'foreign'
    return parseSaved(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if (error instanceof SyntaxError) return 'foreign'
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none'
    throw error
  }
}

/**
 * Whether a model of these files may be saved here: in what is empty, or holds a saved model or a run. Gives the
 * files that are ours; `ERR_ARGUMENT` where any of the model's would replace one that is not.
 */
async function ownFiles(home: string, path: string, names: readonly string[]): Promise<string[]> {
  const refuse = (reason: string) => new RnnativeError('ERR_ARGUMENT', `[save] ${path}: ${reason}`)
  const there = (await readdir(home)).filter((name) => !unseen(name))
  if (there.length === 0) return []
  const saved = await readSaved(home)
  if (saved === 'foreign')
    throw refuse(`the directory is not empty and its ${CONFIG_FILE} is not of a saved model`)
  if (await isCheckpoint(home)) throw refuse('the directory is a checkpoint of a run')
  if (saved === 'none' && (await checkpointIn(home)) === null)
    throw refuse('the directory is not empty and holds no saved model')
  const own = saved === 'none' ? [] : (saved.files ?? names)
  const foreign = names.find((name) => there.includes(name) && !own.includes(name))
  if (foreign !== undefined) throw refuse(`its ${foreign} is not of a saved model`)
  return [...own]
}

/** The pointers of a run; beside a model, files of such names may be somebody else's. */
const pointersBeside = (directory: string): Promise<Saved['checkpoints']> =>
  readPointers(directory).catch((error: RnnativeError) => {
    const { code, cause } = error
    const foreign = code === 'ERR_FORMAT' || (cause as NodeJS.ErrnoException).code === 'EISDIR'
    if (!foreign) throw error
    return BESIDE_NO_RUN
  })

/** Steps 1 to 3. */
async function replaceModel(home: string, path: string, files: CheckpointFiles): Promise<void> {
  const { [CONFIG_FILE]: config, ...json } = files.json
  const writers: [string, (file: FileHandle) => Promise<void>][] = [
    ...Object.entries(files.tensors).map(([name, content]): (typeof writers)[0] => [
      name,
      safetensorsWriter(join(home, name), content, {}, { precision: files.precision }),
    ]),
    ...Object.entries(json).map(([name, content]): (typeof writers)[0] => [
      name,
      (file) => file.writeFile(jsonText(content)),
    ]),
  ]
  const names = writers.map(([name]) => name)
  const before = await ownFiles(home, path, names)
  const gone = before.filter((name) => !names.includes(name))
  const checkpoints = await pointersBeside(home)
  const configText = (own: object) =>
    jsonText({ ...(config as object), [OWN_KEY]: { ...own, checkpoints } })

  const staged: Staged[] = []
  const moving: Record<string, string> = {}
  try {
    for (const [name, write] of writers) {
      const one = await stage(join(home, name), write)
      staged.push(one)
      moving[name] = basename(one.from)
      await testDelay()
    }
    for (const one of new Set(staged.map(({ to }) => dirname(to)))) await syncDirectory(one)
    const text = configText({ files: [...names, ...gone], moving })
    await place(await stage(join(home, CONFIG_FILE), (file) => file.writeFile(text)))
  } catch (error) {
    await Promise.all(staged.map(({ from }) => discard(from)))
    throw error
  }
  // What fails from here on leaves the new model where `moving` says.
  await syncDirectory(home)
  await testDelay()
  for (const { from, to } of staged) {
    await rename(from, to)
    await testDelay()
  }
  for (const name of gone) await removeFile(join(home, name))
  await syncDirectory(home)
  await writeFileAtomic(join(home, CONFIG_FILE), configText({ files: names }))
  for (const name of await readdir(home))
    if ([...names, ...gone, CONFIG_FILE].includes(temporaryFor(name) ?? ''))
      await discard(join(home, name))
}

/**
 * Writes a model into a directory, which is made where it is missing. In place of a saved model, beside the
 * checkpoints of a run, or in what is empty; `ERR_ARGUMENT` for any other directory. Other files there stay.
 */
export async function writeModelDirectory(path: string, files: CheckpointFiles): Promise<void> {
  checkPath('save', 'directory', path)
  const busy = ({ pid, host }: Holder) =>
    new RnnativeError('ERR_BUSY', `[save] ${path}: process ${pid} on ${host} is saving there`, {
      details: { pid, host },
    })
  let made: string[] = []
  try {
    made = await makeDurableDirectory(path)
    const home = await realpath(path)
    const names = [...Object.keys(files.tensors), ...Object.keys(files.json)]
    await ownFiles(
      home,
      path,
      names.filter((name) => name !== CONFIG_FILE),
    )
    const release = await lock(join(home, SAVE_LOCK), busy, WAIT)
    try {
      await replaceModel(home, path, files)
    } finally {
      await release()
    }
  } catch (error) {
    removeEmpty(made)
    throw ioError('save', path, error)
  }
}

/**
 * Throws what {@link writeModelDirectory} would, as far as it can be told: before hours of work. `ERR_ARGUMENT` where
 * there is a model or a run already, unless it is to be replaced.
 */
export async function tryModelDirectory(path: string, overwrite: boolean): Promise<void> {
  checkPath('save', 'directory', path)
  let made: string[] = []
  try {
    made = await makeDurableDirectory(path)
    const home = await realpath(path)
    await ownFiles(home, path, [])
    const found = (await readSaved(home)) === 'none' ? await checkpointIn(home) : CONFIG_FILE
    if (found !== null && !overwrite)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[save] ${path}: holds a ${found === CONFIG_FILE ? 'model' : `run with ${found}`}; overwrite replaces it`,
      )
    // It is written in, too.
    await discard((await stage(join(home, CONFIG_FILE), () => Promise.resolve())).from)
  } catch (error) {
    throw ioError('save', path, error)
  } finally {
    removeEmpty(made)
  }
}

const existing = (path: string) =>
  stat(path, { bigint: true }).then(
    (found) => found,
    () => null,
  )

/**
 * The directory that holds a model's files: the best checkpoint of a checkpoint directory, or `path` itself if
 * there is none, or if the model there was saved after it. Throws `ERR_IO` when there is no model.
 */
export async function findModel(path: string): Promise<string> {
  checkPath('load', 'directory', path)
  try {
    return await lookForModel(path)
  } catch (error) {
    throw ioError('load', path, error)
  }
}

async function lookForModel(path: string): Promise<string> {
  const saved = await readSaved(path)
  const { latest, best } = await (saved === 'none' ? readPointers : pointersBeside)(path)
  const after =
    typeof saved === 'object' &&
    saved.checkpoints.best === best &&
    saved.checkpoints.latest === latest
  if (best !== null && !after) return join(path, best)
  if (saved !== 'none') return path
  const reason = (await existing(path))
    ? `holds no model (neither ${CONFIG_FILE} nor a complete checkpoint)`
    : 'no such directory'
  throw new RnnativeError('ERR_IO', `[load] ${path}: ${reason}`)
}

/** Where the files of a model that is being replaced lie; those under their own names are left out. */
async function placesOf(directory: string): Promise<Map<string, string>> {
  const saved = await readSaved(directory)
  const places = new Map<string, string>()
  if (typeof saved !== 'object') return places
  for (const [name, from] of Object.entries(saved.moving)) {
    const { target } = await targetOf(join(directory, name))
    const path = join(dirname(target), from)
    if (await existing(path)) places.set(name, path)
  }
  return places
}

/** Changes whenever a model is replaced. */
async function versionOf(directory: string): Promise<string> {
  const found = await existing(join(directory, CONFIG_FILE))
  return found === null ? 'none' : [found.dev, found.ino, found.mtimeNs, found.size].join(' ')
}

const ATTEMPTS = 50

/**
 * Reads a model by its files' paths, all of them of one save: where another was saved in between, or the run
 * that the checkpoint belongs to has removed it, it is read again, after `drop` of what was made.
 */
export async function readModel<T>(
  path: string,
  read: (file: (name: string) => string) => Promise<T>,
  drop: (made: T) => Promise<void>,
): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; ++attempt, await sleep(20)) {
    const directory = await findModel(path)
    const version = await versionOf(directory)
    const places = await placesOf(directory)
    const isSame = async () => (await versionOf(directory)) === version
    let made: T
    try {
      made = await read((name) => places.get(name) ?? join(directory, name))
    } catch (error) {
      // Files that are just being renamed may be missed, too.
      const renamed = places.size > 0 && attempt < 5
      if (!renamed && (await isSame())) throw error
      continue
    }
    if (await isSame()) return made
    await drop(made)
  }
  throw new RnnativeError('ERR_BUSY', `[load] ${path}: is replaced again and again`)
}
