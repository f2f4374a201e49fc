/** What the thread for HDF5 runs: h5wasm, on files in its own memory, so that nothing in them reaches a disk. */
import { parentPort } from 'node:worker_threads'
import { RnnativeError, show } from '../../errors'
import { messageOf } from '../../kinds'
import { loadHDF5, type HDF5, type HDF5Dataset, type HDF5File, type HDF5Group } from '../optional'
import { OP, type Answer, type Dataset, type HDF5Contents, type Wanted } from './hdf5'

/** Bounds, far beyond use. */
const MOST_OBJECTS = 1 << 16
const MOST_DEPTH = 24
const MOST_AXES = 8

/** A path in the memory of h5wasm that no other call has. */
let count = 0
const freshPath = (): string => `/rnnative-${count++}.h5`

/** Calls with the module, and a file of its own in the module's memory, which goes. */
async function withFile<T>(
  bytes: Uint8Array | null,
  run: (hdf5: HDF5, path: string, read: () => Uint8Array) => T,
): Promise<T> {
  const hdf5 = await loadHDF5(OP)
  const { FS, activate_throwing_error_handler: throwErrors } = await hdf5.ready
  // Else they are printed.
  throwErrors()
  const path = freshPath()
  try {
    if (bytes) FS.writeFile(path, bytes)
    return run(hdf5, path, () => FS.readFile(path))
  } finally {
    if (FS.analyzePath(path).exists) FS.unlink(path)
  }
}

/** Walks a file's groups, in which links may lead in circles. */
function* objectsOf(
  hdf5: HDF5,
  group: HDF5Group,
  path: string,
  fail: (problem: string) => RnnativeError,
  seen = { count: 0 },
): Generator<[string, HDF5Dataset | HDF5Group]> {
  if (path.split('/').length > MOST_DEPTH) throw fail(`${show(path)}: groups lie too deep`)
  for (const key of group.keys()) {
    if (++seen.count > MOST_OBJECTS) throw fail(`more than ${MOST_OBJECTS} groups and tensors`)
    const inner = path === '' ? key : `${path}/${key}`
    const entity = group.get(key)
    if (entity instanceof hdf5.Group) {
      yield [inner, entity]
      yield* objectsOf(hdf5, entity, inner, fail, seen)
    } else if (entity instanceof hdf5.Dataset) yield [inner, entity]
    else throw fail(`${show(inner)}: expected a group or numbers`)
  }
}

/** What ends WebAssembly's work, after which its memory is not to be relied on. */
const isTrap = (error: unknown): boolean => (error as Error | null)?.name === 'RuntimeError'

/** HDF5's class of floats. */
const FLOAT_CLASS = 1

function readDataset(
  dataset: HDF5Dataset,
  path: string,
  most: { left: number },
  fail: (problem: string) => RnnativeError,
): Dataset | null {
  const { type, size, shape } = dataset.metadata
  // States of random generators and counts of steps.
  if (type !== FLOAT_CLASS) return null
  const bad = (problem: string) => fail(`${show(path)}: ${problem}`)
  if (size !== 4 && size !== 8) throw bad(`floats of ${size} bytes are not read`)
  const valid = shape !== null && shape.length <= MOST_AXES
  if (!valid || !shape.every((n) => Number.isSafeInteger(n) && n >= 0))
    throw bad(`a shape of ${show(shape)}`)
  const numbers = shape.reduce((n, extent) => n * extent, 1)
  // Keras does not compress: what is larger than the file was made to be.
  most.left -= numbers * size
  if (!(most.left >= 0)) throw bad('the tensors are larger than the file')
  const { value } = dataset
  const data = numbers === 1 && typeof value === 'number' ? [value] : (value as ArrayLike<number>)
  if (data?.length !== numbers) throw bad(`expected ${numbers} numbers`)
  return { shape: [...shape], data: Float32Array.from(data) }
}

/**
 * The floats of a file, which begins as HDF5 does. `ERR_FORMAT`. Attributes are not looked at: HDF5 never comes back
 * from a text whose heap was made to lead in a circle.
 */
async function read(file: string, bytes: Uint8Array): Promise<HDF5Contents> {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${OP}] ${file}: ${problem}`)
  if (Buffer.from(bytes.subarray(1, 4)).toString('latin1') !== 'HDF')
    throw fail('expected a file of HDF5')
  return withFile(bytes, (hdf5, path) => {
    let opened: HDF5File | null = null
    try {
      opened = new hdf5.File(path, 'r')
      const contents: HDF5Contents = { datasets: new Map(), names: new Map() }
      const most = { left: bytes.length }
      for (const [at, object] of objectsOf(hdf5, opened, '', fail)) {
        // An optimizer's numbers are none of a model's.
        if (at.startsWith('optimizer')) continue
        if (object instanceof hdf5.Dataset) {
          const read = readDataset(object, at, most, fail)
          if (read) contents.datasets.set(at, read)
        }
      }
      return contents
    } catch (error) {
      if (error instanceof RnnativeError || isTrap(error)) throw error
      throw fail(`not a whole file of HDF5: ${messageOf(error)}`)
    } finally {
      opened?.close()
    }
  })
}

/** A file of these numbers; groups get their attribute `name`. */
async function make({ datasets, names }: HDF5Contents): Promise<Uint8Array> {
  return withFile(null, (hdf5, path, read) => {
    const file = new hdf5.File(path, 'w')
    const groups = new Map<string, HDF5Group>([['', file]])
    const groupOf = (at: string): HDF5Group => {
      const known = groups.get(at)
      if (known) return known
      const cut = at.lastIndexOf('/')
      const parent = groupOf(at.slice(0, Math.max(0, cut)))
      const made = parent.create_group(at.slice(cut + 1))
      groups.set(at, made)
      return made
    }
    for (const [at, name] of names) groupOf(at).create_attribute('name', name)
    for (const [at, { shape, data }] of datasets) {
      const cut = at.lastIndexOf('/')
      const group = groupOf(at.slice(0, Math.max(0, cut)))
      group.create_dataset({ name: at.slice(cut + 1), data, shape, dtype: '<f4' })
    }
    file.close()
    return read()
  })
}

async function answer(wanted: Wanted): Promise<Answer> {
  try {
    if ('bytes' in wanted) return { contents: await read(wanted.file, wanted.bytes) }
    return { bytes: await make(wanted.contents) }
  } catch (error) {
    if (error instanceof RnnativeError) return { code: error.code, message: error.message }
    return { broken: messageOf(error) }
  }
}

parentPort?.on('message', (wanted: Wanted) => {
  void answer(wanted).then((made) => parentPort?.postMessage(made))
})
