/** Safetensors files, written as what reads them asks of them (safetensors-header.ts). */
import { isObject, optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { isFloat32Array, isFloat64Array, isInt32Array, isMap } from '../kinds'
import type { HostTensor } from '../nn'
import { inStretches } from '../pauses'
import { checkStored, type StoredPrecision } from '../precision'
import type { TypedArray } from '../tensor'
import { replaceFile } from './files'
import { toBf16 } from './floats'
import { narrowsTo8, scaleName, scalesOf, wholeNumbers } from './int8'
import { CHUNK, converted } from './safetensors'
import {
  DTYPE_BYTES,
  MAX_HEADER_BYTES,
  METADATA,
  parseHeader,
  shapeProblem,
} from './safetensors-header'
import type { SafetensorsDType } from './safetensors-header'

/** Bytes of floats as those of bf16. */
async function narrowedTo16({ buffer, byteOffset, byteLength }: Uint8Array): Promise<Uint8Array> {
  const from = new Float32Array(buffer, byteOffset, byteLength / 4)
  const narrowed = await inStretches(converted(from, new Uint16Array(from.length), toBf16))
  return new Uint8Array(narrowed.buffer)
}

/** Options of {@link writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /**
   * `bf16` writes what is f32 in half of the bytes. `int8` writes matrices of f32 whose own names have `weight` in them in
   * a quarter, with their rows' scales as `NAME.scale`. Default 'f32': as it is.
   */
  precision?: StoredPrecision | undefined
}

function dtypeOf(name: string, data: TypedArray, precision: StoredPrecision): SafetensorsDType {
  if (isFloat32Array(data)) return precision === 'bf16' ? 'BF16' : 'F32'
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

/** What lies in a file under a name of its own: a tensor, or, of one in int8, its numbers or its scales. */
interface Part extends HostTensor {
  name: string
  /** Of the tensor. */
  matrix: string
  dtype: SafetensorsDType
  /** What it is made of. */
  of: HostTensor
  /** Its scales, once they are known: shared by both parts of a tensor in int8. */
  int8: { scales: Float32Array | null } | null
}

function partsOf(name: string, of: HostTensor, precision: StoredPrecision): Part[] {
  const { shape, data } = of
  const dtype = dtypeOf(name, data, precision)
  const whole = { ...{ name, matrix: name, dtype, shape, data, of }, int8: null }
  if (precision !== 'int8' || dtype !== 'F32' || !narrowsTo8(name, shape)) return [whole]
  const int8 = { scales: null }
  return [
    { ...whole, name: scaleName(name), shape: shape.slice(0, 1), int8 },
    { ...whole, dtype: 'I8', int8 },
  ]
}

/** A file's header, with the tensors in the order of their data. What the reader would refuse is refused. */
function makeHeader(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
  precision: StoredPrecision,
): { start: Buffer; sorted: readonly Part[] } {
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
  for (const [name, { shape, data }] of tensors) {
    checkName("a tensor's name", name)
    expect('safetensors', "a tensor's name", name !== METADATA, 'another', name)
    dtypeOf(name, data, precision)
    const problem = shapeProblem(shape, data.length)
    if (problem !== null) throw new RnnativeError('ERR_SHAPE', `[safetensors] ${name}: ${problem}`)
  }
  const sorted = [...tensors]
    .flatMap(([name, tensor]) => partsOf(name, tensor, precision))
    .sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype])
  let end = 0
  for (const { name, dtype, shape } of sorted) {
    const begin = end
    end += shape.reduce((size, extent) => size * extent, DTYPE_BYTES[dtype])
    expect('safetensors', "a tensor's name", !Object.hasOwn(header, name), 'one of its own', name)
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

/** The bytes of a part of a tensor in int8: its scales come first. `ERR_NONFINITE`. */
async function narrowedTo8({ matrix, dtype, data, of, int8 }: Part): Promise<Uint8Array> {
  const from = data as Float32Array
  const columns = of.shape[1] as number
  const known = int8 as { scales: Float32Array | null }
  const scales = (known.scales ??= await inStretches(scalesOf(from, columns)))
  if (scales.some(Number.isNaN))
    throw new RnnativeError(
      'ERR_NONFINITE',
      `[safetensors] ${matrix}: expected finite numbers, to be written in int8`,
    )
  const made = dtype === 'I8' ? await inStretches(wholeNumbers(from, columns, scales)) : scales
  return new Uint8Array(made.buffer)
}

/** What writes a file of these tensors, checked at the call. */
export function safetensorsWriter(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteSafetensorsOptions = {},
): (file: Writable) => Promise<void> {
  const { precision = 'f32' } = optionsOf('safetensors', options, { precision: true })
  checkStored('safetensors', precision)
  const { start, sorted } = makeHeader(path, tensors, metadata, precision)
  const bytes = sorted.map(({ data }) => data.byteLength)
  return async (file) => {
    await file.writeFile(start)
    for (const [i, part] of sorted.entries()) {
      const { name, data } = part
      const size = bytes[i] as number
      // What is transferred to another thread while it is written has no bytes left here.
      const check = () => {
        const { byteLength: now } = data
        expect('safetensors', name, now === size, `${size} bytes until they are written`, now)
      }
      if (part.int8) {
        check()
        await file.writeFile(await narrowedTo8(part))
        continue
      }
      for (let at = 0; at < size; at += CHUNK) {
        check()
        const length = Math.min(CHUNK, size - at)
        const bytes = new Uint8Array(data.buffer, data.byteOffset + at, length)
        const narrow = precision === 'bf16' && isFloat32Array(data)
        await file.writeFile(narrow ? await narrowedTo16(bytes) : bytes)
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
