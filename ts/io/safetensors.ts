import { open, type FileHandle } from 'node:fs/promises'
import { checkPath, isObject, optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { isFloat32Array, isFloat64Array, isInt32Array, isMap } from '../kinds'
import type { HostTensor } from '../nn'
import { inStretches } from '../pauses'
import { checkPrecision, type Precision } from '../precision'
import type { Shape, TypedArray } from '../tensor'
import { ioError, replaceFile } from './files'
import { bf16ToNumber, halfToNumber, toBf16 } from './floats'
import {
  DTYPE_BYTES,
  formatError,
  headerLength,
  MAX_HEADER_BYTES,
  METADATA,
  parseHeader,
  shapeProblem,
  type Entry,
  type SafetensorsDType,
} from './safetensors-header'

/** A file's content, of {@link readSafetensors}. */
export interface Safetensors {
  /** By name, in the order of the file's header. */
  tensors: Map<string, HostTensor>
  /** Its header's `__metadata__`. */
  metadata: Map<string, string>
}

/** Linux reads at most 2 GiB a call. */
const CHUNK = 1 << 30

async function readInto(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < target.length) {
    const length = Math.min(CHUNK, target.length - done)
    const { bytesRead } = await file.read(target, done, length, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

/** Elements that are widened without a pause. */
const PART = 1 << 16

/** What `convert` makes of each. */
function* converted<From extends ArrayLike<unknown>, To extends TypedArray | Uint16Array>(
  from: From,
  to: To,
  convert: (value: From[number]) => number,
): Generator<void, To> {
  for (let begin = 0; begin < from.length; begin += PART) {
    const end = Math.min(from.length, begin + PART)
    for (let i = begin; i < end; ++i) to[i] = convert(from[i])
    yield
  }
  return to
}

/** Bytes of floats as those of bf16. */
async function narrowedTo16({ buffer, byteOffset, byteLength }: Uint8Array): Promise<Uint8Array> {
  const from = new Float32Array(buffer, byteOffset, byteLength / 4)
  const narrowed = await inStretches(converted(from, new Uint16Array(from.length), toBf16))
  return new Uint8Array(narrowed.buffer)
}

/** 64-bit integers, as pairs of 32 bits: bigints would be a heap of garbage. */
function* narrowed(
  buffer: ArrayBufferLike,
  problem: (value: bigint) => Error,
): Generator<void, Int32Array> {
  const halves = new Int32Array(buffer)
  const to = new Int32Array(halves.length / 2)
  for (let begin = 0; begin < to.length; begin += PART) {
    const end = Math.min(to.length, begin + PART)
    for (let i = begin; i < end; ++i) {
      const low = halves[2 * i] as number
      if (halves[2 * i + 1] !== low >> 31) throw problem(new BigInt64Array(buffer)[i] as bigint)
      to[i] = low
    }
    yield
  }
  return to
}

/** The bytes (of an aligned buffer) as numbers: 16-bit types widen to f32, 64-bit integers narrow. */
function decode(
  { buffer }: Uint8Array,
  { name, dtype }: Entry,
  file: string,
): TypedArray | Promise<TypedArray> {
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer)
    case 'F64':
      return new Float64Array(buffer)
    case 'I32':
      return new Int32Array(buffer)
    case 'F16':
    case 'BF16': {
      const from = new Uint16Array(buffer)
      const convert = dtype === 'F16' ? halfToNumber : bf16ToNumber
      return inStretches(converted(from, new Float32Array(from.length), convert))
    }
    case 'I64': {
      return inStretches(
        narrowed(buffer, (value) =>
          formatError(file, `tensor "${name}": ${value} does not fit in 32 bits`),
        ),
      )
    }
  }
}

/** A file whose header has been read and checked; close it. */
export class SafetensorsFile {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly dataStart: number,
    private readonly entries: ReadonlyMap<string, Entry>,
    readonly metadata: Map<string, string>,
  ) {}

  /** `ERR_IO`, `ERR_FORMAT`. */
  static async open(path: string): Promise<SafetensorsFile> {
    let file: FileHandle
    try {
      file = await open(path, 'r')
    } catch (error) {
      throw ioError('read', path, error)
    }
    try {
      const { size } = await file.stat()
      const prefix = new Uint8Array(Math.min(8, size))
      await readInto(file, prefix, 0)
      const length = headerLength(prefix, size, path)
      const header = new Uint8Array(length)
      await readInto(file, header, 8)
      const { entries, metadata } = parseHeader(header, size - 8 - length, path)
      const byName = new Map(entries.map((entry) => [entry.name, entry]))
      return new SafetensorsFile(path, file, 8 + length, byName, metadata)
    } catch (error) {
      await file.close()
      throw ioError('read', path, error)
    }
  }

  /** By name, in the order of the header: what tensors there are. */
  get shapes(): ReadonlyMap<string, { readonly shape: Shape }> {
    return this.entries
  }

  /** A tensor that the file has. `ERR_IO`, `ERR_FORMAT`. */
  async read(name: string): Promise<HostTensor> {
    const { file, path, dataStart } = this
    const entry = this.entries.get(name) as Entry
    try {
      const bytes = new Uint8Array(entry.end - entry.begin)
      if ((await readInto(file, bytes, dataStart + entry.begin)) !== bytes.length)
        throw formatError(path, `truncated while reading tensor "${name}"`)
      return { shape: entry.shape, data: await decode(bytes, entry, path) }
    } catch (error) {
      throw ioError('read', path, error)
    }
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

/**
 * Reads a safetensors file, from PyTorch or elsewhere. F32, F64 and I32 come as they are; F16 and BF16
 * are widened to f32, I64 narrowed to i32. The file is not trusted: `ERR_FORMAT` names the file and
 * what is wrong in it, `ERR_IO` a file that cannot be read.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  checkPath('safetensors', 'path', path)
  const file = await SafetensorsFile.open(path)
  try {
    const tensors = new Map<string, HostTensor>()
    for (const name of file.shapes.keys()) tensors.set(name, await file.read(name))
    return { tensors, metadata: file.metadata }
  } finally {
    await file.close()
  }
}

/** Options of {@link writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /** `bf16` writes what is f32 in half of the bytes. Default 'f32': as it is. */
  precision?: Precision | undefined
}

function dtypeOf(name: string, data: TypedArray, precision: Precision): SafetensorsDType {
  if (isFloat32Array(data)) return precision === 'f32' ? 'F32' : 'BF16'
  if (isFloat64Array(data)) return 'F64'
  if (isInt32Array(data)) return 'I32'
  throw new RnnativeError(
    'ERR_DTYPE',
    `[safetensors] ${name}: expected a Float32Array, Float64Array or Int32Array`,
  )
}

/** Throws `ERR_ARGUMENT` for a text that UTF-8 cannot hold, or for what is none. */
const checkName = (what: string, name: unknown): void =>
  expect(
    'safetensors',
    what,
    typeof name === 'string' && !/\p{Surrogate}/u.test(name),
    'well-formed text',
    name,
  )

/** A file's header, with the tensors in the order of their data. What the reader would refuse is refused. */
function makeHeader(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
  precision: Precision,
): { start: Buffer; sorted: readonly (readonly [string, HostTensor])[] } {
  expect('safetensors', 'tensors', isMap(tensors), 'a Map of { shape, data } by name', tensors)
  expect('safetensors', 'metadata', isObject(metadata), 'an object of strings', metadata)
  for (const [name, given] of tensors) {
    const valid = isObject(given) && Array.isArray(given['shape'])
    expect('safetensors', String(name), valid, 'one of { shape, data }', given)
  }
  const header = Object.create(null) as Record<string, unknown> // a tensor may be called __proto__
  for (const [key, value] of Object.entries(metadata)) {
    checkName('a name in the metadata', key)
    checkName(`metadata ${JSON.stringify(key)}`, value)
  }
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata
  // The widest elements first, so that each tensor is aligned to its own type.
  const width = ([name, { data }]: readonly [string, HostTensor]) =>
    DTYPE_BYTES[dtypeOf(name, data, precision)]
  const sorted = [...tensors].sort((a, b) => width(b) - width(a))
  let end = 0
  for (const [name, { shape, data }] of sorted) {
    checkName("a tensor's name", name)
    expect('safetensors', "a tensor's name", name !== METADATA, 'another', name)
    const dtype = dtypeOf(name, data, precision)
    const problem = shapeProblem(shape, data.length)
    if (problem !== null) throw new RnnativeError('ERR_SHAPE', `[safetensors] ${name}: ${problem}`)
    const begin = end
    end += data.length * DTYPE_BYTES[dtype]
    header[name] = { dtype, shape, data_offsets: [begin, end] }
  }
  const json = Buffer.from(JSON.stringify(header))
  const padded = Math.ceil(json.length / 8) * 8
  const most = `at most ${MAX_HEADER_BYTES} bytes`
  expect('safetensors', 'names and shapes', padded <= MAX_HEADER_BYTES, most, padded)
  parseHeader(json, end, path)
  const start = Buffer.alloc(8 + padded, ' ')
  start.writeBigUInt64LE(BigInt(padded))
  json.copy(start, 8)
  return { start, sorted }
}

/** An open file, as far as declarations show it: they need no types of Node. */
interface Writable {
  writeFile(bytes: Uint8Array): Promise<void>
}

/** What writes a file of these tensors, checked at the call. */
export function safetensorsWriter(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteSafetensorsOptions = {},
): (file: Writable) => Promise<void> {
  const { precision = 'f32' } = optionsOf('safetensors', options, { precision: true })
  checkPrecision('safetensors', precision)
  const { start, sorted } = makeHeader(path, tensors, metadata, precision)
  const bytes = sorted.map(([, { data }]) => data.byteLength)
  return async (file) => {
    await file.writeFile(start)
    for (const [i, [name, { data }]] of sorted.entries()) {
      const size = bytes[i] as number
      // What is transferred to another thread while it is written has no bytes left here.
      const check = () => {
        const { byteLength: now } = data
        expect('safetensors', name, now === size, `${size} bytes until they are written`, now)
      }
      for (let at = 0; at < size; at += CHUNK) {
        check()
        const length = Math.min(CHUNK, size - at)
        const part = new Uint8Array(data.buffer, data.byteOffset + at, length)
        const narrow = precision === 'bf16' && isFloat32Array(data)
        await file.writeFile(narrow ? await narrowedTo16(part) : part)
      }
      check()
    }
  }
}

/**
 * Writes tensors by name. The file appears under its name only when it is complete and on disk.
 * Throws `ERR_SHAPE` when a shape does not fit its data, `ERR_DTYPE` for other arrays, `ERR_ARGUMENT` for
 * names and metadata that cannot be written, `ERR_IO` when writing fails.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  await replaceFile(path, safetensorsWriter(path, tensors, metadata, options))
}
