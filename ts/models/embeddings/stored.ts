import { isListOf, isObject, whole } from '../../check'
import { RnnativeError } from '../../errors'
import { readJson } from '../../io/files'
import { MODEL_FILE } from '../../io/model-files'
import { SafetensorsFile } from '../../io/safetensors'
import type { HostTensor } from '../../nn'
import { makeRows, readRows, writeRows } from '../../ops/embed-train'
import type { Tensor } from '../../tensor'
import type { Vocabulary } from './corpus'
import type { EmbeddingSettings } from './options'
import { Parts } from './parts'
import { partsOf, WordTables } from './tables'

export const VOCABULARY_FILE = 'vocabulary.json'

/** Rows that are copied at a time. */
const PART = 1 << 14

export const formatError = (path: string, problem: string): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[load] ${path}: ${problem}`)

/** A table as a file has it. */
export async function hostTable(table: Tensor, size: number): Promise<HostTensor> {
  const [rows] = table.shape as [number]
  return { shape: [rows, size], data: await readRows(table, 0, rows, size) }
}

/** What a file holds of words' tables. */
export async function tensorsOf({ table, output, size, parts }: WordTables) {
  const all = new Map<string, HostTensor>([
    ['table', await hostTable(table, size)],
    ['output', await hostTable(output, size)],
  ])
  if (parts) all.set('buckets', { shape: [parts.used.length], data: Int32Array.from(parts.used) })
  return { [MODEL_FILE]: all }
}

export async function readVocabulary(path: string): Promise<Vocabulary> {
  const json = await readJson(path)
  const { words, counts } = isObject(json) ? json : {}
  const valid =
    isListOf(words, (word) => typeof word === 'string') &&
    isListOf(counts, (count) => whole(count, 0)) &&
    new Set(words as string[]).size === (counts as number[]).length &&
    (words as string[]).length === (counts as number[]).length &&
    (words as string[]).length > 0
  if (!valid) throw formatError(path, 'expected different words, and as many counts')
  return { words: words as string[], counts: Float64Array.from(counts as number[]) }
}

/** A table of a file: `rows` vectors of `size` finite numbers. */
export async function readTable(
  file: SafetensorsFile,
  path: string,
  name: string,
  rows: number,
  size: number,
): Promise<Tensor> {
  const shape = file.shapes.get(name)?.shape
  if (shape?.length !== 2 || shape[0] !== rows || shape[1] !== size)
    throw formatError(
      path,
      `${name}: expected [${rows}, ${size}], got [${shape?.join(', ') ?? 'none'}]`,
    )
  const { data } = await file.read(name)
  const table = makeRows(rows, size, 0, new Uint32Array(2))
  for (let begin = 0; begin < rows; begin += PART) {
    const part = Float32Array.from(data.subarray(begin * size, (begin + PART) * size))
    writeRows(table, begin, part, size)
  }
  return table
}

export async function readTables(
  file: (name: string) => string,
  options: EmbeddingSettings,
  vocabulary: Vocabulary,
): Promise<WordTables> {
  const path = file(MODEL_FILE)
  const tensors = await SafetensorsFile.open(path)
  const made: Tensor[] = []
  try {
    const used = options.maxPart > 0 ? await readBuckets(tensors, path, options.buckets) : undefined
    const { parts, made: lists, rows } = await partsOf(options, vocabulary, used)
    const words = vocabulary.words.length
    const outputs = options.loss === 'hierarchical' ? Math.max(1, words - 1) : words
    for (const [name, count] of [
      ['table', rows],
      ['output', outputs],
    ] as const)
      made.push(await readTable(tensors, path, name, count, options.dim))
    const [table, output] = made as [Tensor, Tensor]
    return new WordTables(vocabulary, table, output, options.dim, parts, lists)
  } catch (error) {
    for (const tensor of made) tensor.dispose()
    throw error
  } finally {
    await tensors.close()
  }
}

/** Numbers of the buckets that have rows. */
async function readBuckets(
  file: SafetensorsFile,
  path: string,
  buckets: number,
): Promise<number[]> {
  if (!file.shapes.has('buckets')) throw formatError(path, 'buckets: missing')
  const used = Array.from((await file.read('buckets')).data)
  const valid = used.every((one) => Number.isInteger(one) && one >= 0 && one < buckets)
  if (!valid || new Set(used).size !== used.length)
    throw formatError(path, `buckets: expected different numbers below ${buckets}`)
  return used
}

export const readParts = async (
  file: SafetensorsFile,
  path: string,
  words: number,
  options: Pick<EmbeddingSettings, 'minPart' | 'maxPart' | 'buckets'>,
): Promise<Parts> => Parts.of(words, options, await readBuckets(file, path, options.buckets))
