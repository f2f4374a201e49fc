import { open, type FileHandle } from 'node:fs/promises'
import { checkPath } from '../check'
import type { HostTensor } from '../nn'
import { inStretches } from '../pauses'
import type { Shape, TypedArray } from '../tensor'
import { ioError } from './files'
import { int8Problem, scaleName, widened } from './int8'
import { bf16ToNumber, halfToNumber } from './floats'
import { formatError, headerLength, parseHeader, type Entry } from './safetensors-header'

/** A file's content, of {@link readSafetensors}. */
export interface Safetensors {
  /** By name, in the order of the file's header. */
  tensors: Map<string, HostTensor>
  /** Its header's `__metadata__`. */
  metadata: Map<string, string>
}

/** Linux reads at most 2 GiB a call. */
export const CHUNK = 1 << 30

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
export function* converted<From extends ArrayLike<unknown>, To extends TypedArray | Uint16Array>(
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
    case 'I8': // its scales are read with it
      throw formatError(file, `tensor "${name}": I8 without scales`)
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

/**
 * Entries by name, where those of I8 have the scales of their rows beside them, which are no tensors of their own:
 * `ERR_FORMAT` unless each has.
 */
function withScales(all: readonly Entry[], file: string): Map<string, Entry & { scales?: Entry }> {
  const entries = new Map(all.map((entry) => [entry.name, entry]))
  for (const [name, entry] of [...entries]) {
    if (entry.dtype !== 'I8') continue
    const scales = entries.get(scaleName(name))
    const [rows = -1] = entry.shape
    if (entry.shape.length !== 2)
      throw formatError(
        file,
        `tensor "${name}": I8: expected a matrix, got ${entry.shape.length} axes`,
      )
    if (scales?.dtype !== 'F32' || scales.shape.length !== 1 || scales.shape[0] !== rows)
      throw formatError(file, `tensor "${name}": I8: expected "${scaleName(name)}", F32 [${rows}]`)
    entries.set(name, { ...entry, scales } as Entry)
    entries.delete(scaleName(name))
  }
  return entries
}

/** A file whose header has been read and checked; close it. */
export class SafetensorsFile {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly dataStart: number,
    private readonly entries: ReadonlyMap<string, Entry & { scales?: Entry }>,
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
      return new SafetensorsFile(path, file, 8 + length, withScales(entries, path), metadata)
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
    const entry = this.entries.get(name) as Entry & { scales?: Entry }
    try {
      const bytes = await this.bytesOf(entry)
      if (!entry.scales) return { shape: entry.shape, data: await decode(bytes, entry, this.path) }
      const numbers = new Int8Array(bytes.buffer)
      const scales = new Float32Array((await this.bytesOf(entry.scales)).buffer)
      const problem = int8Problem(numbers, scales)
      if (problem !== null) throw formatError(this.path, `tensor "${name}": ${problem}`)
      return { shape: entry.shape, data: await inStretches(widened(numbers, scales)) }
    } catch (error) {
      throw ioError('read', this.path, error)
    }
  }

  private async bytesOf({ name, begin, end }: Entry): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - begin)
    if ((await readInto(this.file, bytes, this.dataStart + begin)) !== bytes.length)
      throw formatError(this.path, `truncated while reading tensor "${name}"`)
    return bytes
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

/**
 * Reads a safetensors file, from PyTorch or elsewhere. F32, F64 and I32 come as they are; F16 and BF16
 * are widened to f32, and so are matrices of I8 by the scales of their rows (`NAME.scale`), I64 narrowed to i32. The
 * file is not trusted: `ERR_FORMAT` names the file and
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
