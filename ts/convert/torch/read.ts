/** State dicts that `torch.save` wrote (`.pt`, `.pth`): a zip of a pickle and of a file for each storage. */
import { checkPath } from '../../check'
import { RnnativeError, show } from '../../errors'
import { readFileOrThrow } from '../../io/files'
import { isMap } from '../../kinds'
import type { HostTensor } from '../../nn'
import { decode, ELEMENTS } from '../dtypes'
import { unzip } from '../zip'
import { Storage, Unpickled, unpickle } from './unpickle'

const OP = 'torch'

/** What a file begins with. */
const ZIP = 'PK\x03\x04'
/** A pickle of PyTorch's magic number: how it saved before version 1.6. */
const LEGACY = Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex')
/** At this place a tar says what it is. */
const TAR = { at: 257, text: 'ustar' }

/** Bounds of what a state dict may hold, all far beyond use. */
const MOST_PICKLE = 1 << 26
const MOST_DEPTH = 32
const MOST_ENTRIES = 1 << 20
const MOST_AXES = 8

interface Archive {
  pickle: Uint8Array
  /** By key. */
  storages: Map<string, Uint8Array>
  /** Bytes of all that was found. */
  size: number
}

function openArchive(path: string, file: Uint8Array): Archive {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${OP}] ${path}: ${problem}`)
  const begin = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, 512))
  const resave = 'save it again with a PyTorch of version 1.6 or later'
  if (begin.subarray(0, LEGACY.length).equals(LEGACY))
    throw fail(`a pickle of the legacy format, without a zip: ${resave}`)
  if (begin.toString('latin1', TAR.at, TAR.at + TAR.text.length) === TAR.text)
    throw fail(`a tar of the legacy format: ${resave}`)
  if (begin.toString('latin1', 0, ZIP.length) !== ZIP) throw fail('expected a zip archive')
  let top: string | null = null
  const found = unzip(OP, path, file, (name) => {
    const [, folder = '', rest = ''] = /^([^/]+)\/([^]*)$/.exec(name) ?? []
    if (rest === 'constants.pkl' || rest.startsWith('code/'))
      throw fail('holds TorchScript, expected a state dict: save model.state_dict()')
    if (rest !== 'data.pkl' && rest !== 'byteorder' && !/^data\/[^/]+$/.test(rest)) return false
    if (top !== null && top !== folder)
      throw fail(`expected one folder, got ${show([top, folder])}`)
    top = folder
    return true
  })
  const entry = (name: string) => found.get(`${String(top)}/${name}`)
  const pickle = entry('data.pkl')
  if (!pickle) throw fail('has no data.pkl: not what torch.save wrote')
  if (pickle.length > MOST_PICKLE) throw fail(`data.pkl has ${pickle.length} bytes`)
  const order = Buffer.from(entry('byteorder') ?? 'little').toString('latin1')
  if (order !== 'little') throw fail(`byteorder: expected little, got ${show(order)}`)
  const storages = new Map<string, Uint8Array>()
  let size = 0
  for (const [name, bytes] of found) {
    size += bytes.length
    const prefix = `${String(top)}/data/`
    if (name.startsWith(prefix)) storages.set(name.slice(prefix.length), bytes)
  }
  return { pickle, storages, size }
}

const isWhole = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0
const isWholes = (x: unknown): x is number[] =>
  Array.isArray(x) && x.length <= MOST_AXES && x.every(isWhole)

/** Calls with the place of each element of a view, in order. */
function visit(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  write: (at: number) => void,
): void {
  const axis = (at: number, from: number): void => {
    if (at === shape.length) return write(from)
    const [extent, stride] = [shape[at] as number, strides[at] as number]
    for (let i = 0; i < extent; ++i) axis(at + 1, from + i * stride)
  }
  if (!shape.includes(0)) axis(0, offset)
}

/** Makes tensors of an archive, as long as they are not more than its storages may be. */
class Storages {
  /** Weights that are tied lie in one storage; what is larger by more was made to be. */
  private left: number

  constructor(
    private readonly archive: Archive,
    private readonly fail: (problem: string) => RnnativeError,
  ) {
    this.left = 4 * archive.size + 1024
  }

  tensor(name: string, { storage, offset, shape, strides }: Unpickled): HostTensor {
    const { fail } = this
    if (!(storage instanceof Storage) || !Object.hasOwn(ELEMENTS, storage.element))
      throw fail(`${name}: its storage is none`)
    if (
      !isWhole(offset) ||
      !isWholes(shape) ||
      !isWholes(strides) ||
      shape.length !== strides.length
    )
      throw fail(`${name}: its shape is none`)
    const { element, key, size } = storage
    const bytes = this.archive.storages.get(key)
    if (!bytes) throw fail(`${name}: the file has no storage ${show(key)}`)
    const { bytes: width } = ELEMENTS[element]
    if (!isWhole(size) || bytes.length !== size * width)
      throw fail(`${name}: expected ${size * width} bytes in storage ${key}, got ${bytes.length}`)
    const count = shape.reduce((n, extent) => n * extent, 1)
    const last = shape.reduce((at, extent, i) => at + (extent - 1) * (strides[i] as number), offset)
    if (count > 0 && !(last < size)) throw fail(`${name}: lies beyond its storage`)
    this.left -= count * width
    if (!(this.left >= 0)) throw fail(`${name}: the tensors are larger than the file`)
    const data = decode(element, bytes, count, (write) => visit(shape, strides, offset, write))
    if (data === null) throw fail(`${name}: a number does not fit in 32 bits`)
    return { shape: [...shape], data }
  }
}

/** What is in maps and lists, by dotted names. */
function* entriesOf(
  value: unknown,
  name: string,
  fail: (problem: string) => RnnativeError,
  depth = 0,
  seen = { count: 0 },
): Generator<[string, Unpickled]> {
  const here = name === '' ? 'the file' : name
  if (++seen.count > MOST_ENTRIES) throw fail(`holds more than ${MOST_ENTRIES} tensors and lists`)
  if (depth > MOST_DEPTH) throw fail(`${here}: lies too deep, or in itself`)
  if (value instanceof Unpickled) return yield [name, value]
  if (!isMap(value) && !Array.isArray(value))
    throw fail(`${here}: expected a tensor, got ${show(value)}`)
  const entries: Iterable<[unknown, unknown]> = value.entries()
  for (const [key, entry] of entries) {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw fail(`${here}: expected names, got ${show(key)}`)
    yield* entriesOf(entry, name === '' ? String(key) : `${name}.${key}`, fail, depth + 1, seen)
  }
}

/**
 * Reads the tensors of a state dict that `torch.save` wrote, by their names. Those in dicts and lists of them have
 * dotted names. F32, F64 and I32 come as they are, 16-bit floats are widened, I64 narrowed. Nothing in the file is run:
 * anything but tensors in plain containers is refused by name (`ERR_FORMAT`). Needs `pickleparser` and `fflate`.
 */
export async function readTorch(path: string): Promise<Map<string, HostTensor>> {
  checkPath(OP, 'path', path)
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${OP}] ${path}: ${problem}`)
  const archive = openArchive(path, await readFileOrThrow(path))
  const root = unpickle(OP, path, archive.pickle)
  const storages = new Storages(archive, fail)
  const tensors = new Map<string, HostTensor>()
  for (const [name, tensor] of entriesOf(root, '', fail)) {
    if (tensors.has(name)) throw fail(`${name} occurs twice`)
    tensors.set(name, storages.tensor(name === '' ? 'the file' : name, tensor))
  }
  return tensors
}
