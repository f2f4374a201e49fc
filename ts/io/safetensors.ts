import { open, type FileHandle } from 'node:fs/promises'
import { RnnativeError } from '../errors'
import type { HostTensor } from '../nn'
import type { TypedArray } from '../tensor'
import { ioError, replaceFile } from './files'
import {
  DTYPE_BYTES,
  formatError,
  headerLength,
  parseHeader,
  type Entry,
  type SafetensorsDType,
} from './safetensors-header'

export interface Safetensors {
  /** By name, in the order of the file's header. */
  tensors: Map<string, HostTensor>
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

/** IEEE half to double. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** The bytes (of an aligned buffer) as numbers: 16-bit types widen to f32, 64-bit integers narrow. */
function decode(bytes: Uint8Array, { name, dtype }: Entry, file: string): TypedArray {
  const { buffer } = bytes
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer)
    case 'F64':
      return new Float64Array(buffer)
    case 'I32':
      return new Int32Array(buffer)
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), halfToNumber)
    case 'BF16':
      return new Float32Array(
        Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer,
      )
    case 'I64':
      return Int32Array.from(new BigInt64Array(buffer), (value) => {
        if (value !== BigInt.asIntN(32, value))
          throw formatError(file, `tensor "${name}": ${value} does not fit in 32 bits`)
        return Number(value)
      })
  }
}

/**
 * Reads a safetensors file, from PyTorch or elsewhere. F32, F64 and I32 come as they are; F16 and BF16
 * are widened to f32, I64 narrowed to i32. The file is not trusted: `ERR_FORMAT` names the file and
 * what is wrong in it, `ERR_IO` a file that cannot be read.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
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
    const dataStart = 8 + length
    const { entries, metadata } = parseHeader(header, size - dataStart, path)

    const tensors = new Map<string, HostTensor>()
    for (const entry of entries) {
      const bytes = new Uint8Array(entry.end - entry.begin)
      if ((await readInto(file, bytes, dataStart + entry.begin)) !== bytes.length)
        throw formatError(path, `truncated while reading tensor "${entry.name}"`)
      tensors.set(entry.name, { shape: entry.shape, data: decode(bytes, entry, path) })
    }
    return { tensors, metadata }
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    await file.close()
  }
}

function dtypeOf(name: string, data: TypedArray): SafetensorsDType {
  if (data instanceof Float32Array) return 'F32'
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof Int32Array) return 'I32'
  throw new RnnativeError(
    'ERR_DTYPE',
    `[safetensors] ${name}: expected a Float32Array, Float64Array or Int32Array`,
  )
}

/**
 * Writes tensors by name. The file appears under its name only when it is complete and on disk.
 * Throws `ERR_SHAPE` when a shape does not fit its data, `ERR_DTYPE` for other arrays, `ERR_IO` when
 * writing fails.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header = Object.create(null) as Record<string, unknown> // a tensor may be called __proto__
  if (Object.keys(metadata).length > 0) header['__metadata__'] = metadata
  // The widest elements first, so that each tensor is aligned to its own type.
  const sorted = [...tensors].sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  )
  let end = 0
  for (const [name, { shape, data }] of sorted) {
    const dtype = dtypeOf(name, data)
    const size = shape.reduce((n, extent) => n * extent, 1)
    if (size !== data.length)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[safetensors] ${name}: expected ${size} numbers for [${shape.join(', ')}], got ${data.length}`,
      )
    const begin = end
    end += size * DTYPE_BYTES[dtype]
    header[name] = { dtype, shape, data_offsets: [begin, end] }
  }
  const json = Buffer.from(JSON.stringify(header))
  const padded = Math.ceil(json.length / 8) * 8
  const start = Buffer.alloc(8 + padded, ' ')
  start.writeBigUInt64LE(BigInt(padded))
  json.copy(start, 8)

  await replaceFile(path, async (file) => {
    await file.writeFile(start)
    for (const [, { data }] of sorted)
      for (let at = 0; at < data.byteLength; at += CHUNK)
        await file.writeFile(
          new Uint8Array(data.buffer, data.byteOffset + at, Math.min(CHUNK, data.byteLength - at)),
        )
  })
}
