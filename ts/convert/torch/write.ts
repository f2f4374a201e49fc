/** State dicts as `torch.save` writes them, for `torch.load` with `weights_only=True`. */
import { checkPath, isObject, optionsOf } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { replaceFile } from '../../io/files'
import { toBf16 } from '../../io/floats'
import { isFloat32Array, isFloat64Array, isInt32Array, isMap } from '../../kinds'
import type { HostTensor } from '../../nn'
import { checkPrecision, type Precision } from '../../precision'
import type { TypedArray } from '../../tensor'
import { zip } from '../zip'

const OP = 'torch'

/** Options of {@link writeTorch}. */
export interface WriteTorchOptions {
  /** `bf16` writes what is f32 in half of the bytes. Default 'f32': as it is. */
  precision?: Precision | undefined
}

/** Opcodes of pickle, protocol 2. */
const CODE = {
  proto: Buffer.from([0x80, 2]),
  mark: Buffer.from('('),
  emptyTuple: Buffer.from(')'),
  tuple: Buffer.from('t'),
  setItems: Buffer.from('u'),
  reduce: Buffer.from('R'),
  persistentId: Buffer.from('Q'),
  no: Buffer.from([0x89]),
  stop: Buffer.from('.'),
}

const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`)

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  const head = Buffer.from([0x58, 0, 0, 0, 0])
  head.writeUInt32LE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** As LONG1 where it does not fit in 31 bits. */
function integer(value: number): Buffer {
  if (value < 2 ** 31) {
    const made = Buffer.from([0x4a, 0, 0, 0, 0])
    made.writeInt32LE(value, 1)
    return made
  }
  const made = Buffer.from([0x8a, 6, 0, 0, 0, 0, 0, 0])
  made.writeIntLE(value, 2, 6)
  return made
}

const tuple = (...parts: Buffer[]): Buffer => Buffer.concat([CODE.mark, ...parts, CODE.tuple])
const ORDERED_DICT = Buffer.concat([
  global('collections', 'OrderedDict'),
  CODE.emptyTuple,
  CODE.reduce,
])

interface Stored {
  type: string
  bytes: Uint8Array
}

function stored(name: string, data: TypedArray, precision: Precision): Stored {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (isFloat32Array(data)) {
    if (precision === 'f32') return { type: 'FloatStorage', bytes }
    const narrowed = Uint16Array.from(data, toBf16)
    return { type: 'BFloat16Storage', bytes: new Uint8Array(narrowed.buffer) }
  }
  if (isFloat64Array(data)) return { type: 'DoubleStorage', bytes }
  if (isInt32Array(data)) return { type: 'IntStorage', bytes }
  const message = `[${OP}] ${name}: expected a Float32Array, Float64Array or Int32Array`
  throw new RnnativeError('ERR_DTYPE', message)
}

/** The strides of a tensor whose rows follow each other. */
const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((n, extent) => n * extent, 1))

function rebuilt(type: string, key: string, shape: readonly number[], size: number): Buffer {
  const storage = tuple(
    text('storage'),
    global('torch', type),
    text(key),
    text('cpu'),
    integer(size),
  )
  const lengths = (extents: readonly number[]) => tuple(...extents.map(integer))
  return Buffer.concat([
    global('torch._utils', '_rebuild_tensor_v2'),
    tuple(
      ...[storage, CODE.persistentId, integer(0), lengths(shape), lengths(stridesOf(shape))],
      ...[CODE.no, ORDERED_DICT],
    ),
    CODE.reduce,
  ])
}

function checkTensors(tensors: unknown): asserts tensors is ReadonlyMap<string, HostTensor> {
  expect(OP, 'tensors', isMap(tensors), 'a Map of { shape, data } by name', tensors)
  for (const [name, given] of tensors as Map<unknown, unknown>) {
    const { shape, data } = (isObject(given) ? given : {}) as Partial<HostTensor>
    const valid = typeof name === 'string' && Array.isArray(shape) && data !== undefined
    expect(OP, String(name), valid, 'one of { shape, data }', given)
    const count = (shape as number[]).reduce((n, extent) => n * extent, 1)
    if (count === (data as TypedArray).length) continue
    const message = `[${OP}] ${String(name)}: expected ${count} numbers, got ${data?.length}`
    throw new RnnativeError('ERR_SHAPE', message)
  }
}

/**
 * Writes tensors by name as a state dict, which `torch.load(path)` reads. Those of one array (tied weights) share a
 * storage. `ERR_SHAPE`, `ERR_DTYPE`, `ERR_ARGUMENT`, `ERR_IO`. Needs `fflate`.
 */
export async function writeTorch(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  options: WriteTorchOptions = {},
): Promise<void> {
  checkPath(OP, 'path', path)
  const { precision = 'f32' } = optionsOf(OP, options, { precision: true })
  checkPrecision(OP, precision)
  checkTensors(tensors)
  const keys = new Map<TypedArray, string>()
  const storages = new Map<string, Uint8Array>()
  const items: Buffer[] = []
  for (const [name, { shape, data }] of tensors) {
    const { type, bytes } = stored(name, data, precision)
    const key = keys.get(data) ?? String(keys.size)
    keys.set(data, key)
    storages.set(`archive/data/${key}`, bytes)
    items.push(text(name), rebuilt(type, key, shape, data.length))
  }
  const pickle = Buffer.concat([
    ...[CODE.proto, ORDERED_DICT, CODE.mark, ...items, CODE.setItems, CODE.stop],
  ])
  const entries = new Map<string, Uint8Array>([
    ['archive/data.pkl', pickle],
    ['archive/byteorder', Buffer.from('little')],
    ...storages,
    ['archive/version', Buffer.from('3\n')],
  ])
  const bytes = zip(OP, path, entries)
  await replaceFile(path, (file) => file.writeFile(bytes))
}
