/**
 * The header of a safetensors file, checked as if an attacker had written it: nothing is allocated or
 * read by a number from the file before that number has been held against the file's real size.
 * Format: u64 length n, n bytes of JSON { name: { dtype, shape, data_offsets } }, then the data.
 */
import { isObject } from '../check'
import { RnnativeError } from '../errors'

/** The limit of the reference implementation. */
export const MAX_HEADER_BYTES = 100_000_000

/** Bytes per element of the dtypes that can be read. */
export const DTYPE_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I8: 1 } as const
export type SafetensorsDType = keyof typeof DTYPE_BYTES

/** Where one tensor lies: bytes [begin, end) after the header. */
export interface Entry {
  name: string
  dtype: SafetensorsDType
  shape: number[]
  begin: number
  end: number
}

export interface Header {
  entries: Entry[]
  metadata: Map<string, string>
}

/** The name under which a file's metadata lie among its tensors. */
export const METADATA = '__metadata__'

export const formatError = (file: string, problem: string): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[safetensors] ${file}: ${problem}`)

/** The header's length, from the file's first 8 bytes. */
export function headerLength(prefix: Uint8Array, fileSize: number, file: string): number {
  if (prefix.length < 8)
    throw formatError(file, `truncated: expected at least 8 bytes, got ${prefix.length}`)
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES))
    throw formatError(file, `header length: expected at most ${MAX_HEADER_BYTES}, got ${length}`)
  if (length > BigInt(fileSize - 8))
    throw formatError(
      file,
      `truncated: the header should have ${length} bytes, the file has ${fileSize}`,
    )
  return Number(length)
}

/** Index of the quote that ends the string which begins at `start` in valid JSON. */
function stringEnd(json: string, start: number): number {
  let at = start + 1
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at
}

/** More than tensors have anywhere. */
const MAX_DIMS = 64
/** An object of objects that hold lists. */
const MAX_DEPTH = 3

const BYTES = { quote: 34, comma: 44, backslash: 92, open: [91, 123], close: [93, 125] } as const

/**
 * What is wrong with the outline of JSON, seen before it is parsed: nested lists take a hundred times the
 * memory of their brackets, and so do long ones.
 */
function outlineProblem(json: Uint8Array): string | null {
  let depth = 0
  let commas = 0 // of the list at hand
  for (let at = 0; at < json.length; ++at) {
    const c = json[at] as number
    if (c === BYTES.quote) {
      for (++at; at < json.length && json[at] !== BYTES.quote; ++at)
        if (json[at] === BYTES.backslash) ++at
    } else if (c === BYTES.open[0] || c === BYTES.open[1]) {
      if (++depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`
      commas = 0
    } else if (c === BYTES.close[0] || c === BYTES.close[1]) --depth
    else if (c === BYTES.comma && depth === MAX_DEPTH && ++commas >= MAX_DIMS)
      return `a list of more than ${MAX_DIMS}`
  }
  return null
}

/** The first name that occurs twice in the outermost object; JSON.parse would drop one silently. */
function duplicateKey(json: string): string | null {
  const seen = new Set<string>()
  let depth = 0
  let lastString = ''
  for (let at = 0; at < json.length; ++at) {
    const c = json[at]
    if (c === '{' || c === '[') ++depth
    else if (c === '}' || c === ']') --depth
    else if (c === '"') {
      const end = stringEnd(json, at)
      if (depth === 1) lastString = json.slice(at, end + 1)
      at = end
    } else if (c === ':' && depth === 1) {
      const key = JSON.parse(lastString) as string
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return null
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

function show(value: unknown): string {
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    return 'something too deeply nested to show'
  }
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Infinity where numbers cannot tell: a product of doubles could round its way past a check. */
function bytesOf(shape: readonly number[], each: number): number {
  if (shape.includes(0)) return 0
  let bytes = each
  for (const extent of shape) {
    bytes *= extent
    if (bytes > Number.MAX_SAFE_INTEGER) return Infinity
  }
  return bytes
}

/** Why so many numbers cannot have this shape; null where they can. */
export function shapeProblem(shape: readonly number[], count: number): string | null {
  if (!Array.isArray(shape) || !shape.every(isCount))
    return `shape: expected whole numbers of at least 0, got ${show(shape)}`
  if (shape.length > MAX_DIMS)
    return `shape: expected at most ${MAX_DIMS} dimensions, got ${shape.length}`
  const size = bytesOf(shape, 1)
  return size === count
    ? null
    : `expected ${size === Infinity ? 'more than 2^53' : size} numbers for ${show(shape)}, got ${count}`
}

function parseEntry(name: string, value: unknown, dataBytes: number, file: string): Entry {
  const fail = (problem: string) => formatError(file, `tensor ${show(name)}: ${problem}`)
  if (!isObject(value)) throw fail(`expected an object, got ${show(value)}`)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype))
    throw fail(`dtype: expected ${Object.keys(DTYPE_BYTES).join(', ')}, got ${show(dtype)}`)
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw fail(`shape: expected whole numbers of at least 0, got ${show(shape)}`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw fail(`data_offsets: expected two whole numbers of at least 0, got ${show(offsets)}`)
  const [begin, end] = offsets as [number, number]
  if (begin > end || end > dataBytes)
    throw fail(
      `data_offsets: expected begin <= end <= ${dataBytes} (truncated?), got ${show(offsets)}`,
    )
  const type = dtype as SafetensorsDType
  const bytes = bytesOf(shape, DTYPE_BYTES[type])
  const needed = bytes === Infinity ? 'more than 2^53' : bytes
  if (bytes !== end - begin)
    throw fail(`${dtype} ${show(shape)} needs ${needed} bytes, data_offsets give ${end - begin}`)
  return { name, dtype: type, shape, begin, end }
}

/** Every byte of the data must belong to exactly one tensor. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, file: string): void {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const { name, begin, end: next } of sorted) {
    if (begin !== end)
      throw formatError(
        file,
        `tensor ${show(name)}: data_offsets ${begin < end ? 'overlap the tensor before' : 'leave a hole'}: ` +
          `expected to begin at ${end}, got ${begin}`,
      )
    end = next
  }
  if (end !== dataBytes)
    throw formatError(file, `the tensors cover ${end} bytes of data, the file has ${dataBytes}`)
}

/** Parses and checks the JSON part; `dataBytes` is what follows it in the file. */
export function parseHeader(bytes: Uint8Array, dataBytes: number, file: string): Header {
  const problem = outlineProblem(bytes)
  if (problem !== null) throw formatError(file, `header: ${problem}`)
  let text: string
  let json: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    json = JSON.parse(text)
  } catch (error) {
    throw formatError(file, `header: not valid JSON: ${(error as Error).message}`)
  }
  if (!isObject(json) || !text.startsWith('{'))
    throw formatError(file, 'header: expected a JSON object')
  const twice = duplicateKey(text)
  if (twice !== null) throw formatError(file, `tensor ${show(twice)} occurs twice`)

  const metadata = new Map<string, string>()
  const entries: Entry[] = []
  for (const [name, value] of Object.entries(json)) {
    if (name !== METADATA) {
      entries.push(parseEntry(name, value, dataBytes, file))
      continue
    }
    if (!isObject(value)) throw formatError(file, '__metadata__: expected an object of strings')
    for (const [key, entry] of Object.entries(value)) {
      if (typeof entry !== 'string')
        throw formatError(file, `__metadata__ ${show(key)}: expected a string, got ${show(entry)}`)
      metadata.set(key, entry)
    }
  }
  checkCoverage(entries, dataBytes, file)
  return { entries, metadata }
}
