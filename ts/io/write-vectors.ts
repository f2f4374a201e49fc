import { checkChoice, checkPath, optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { Pauses } from '../pauses'
import { replaceFile } from './files'
import { Vectors } from './word-vectors'

export const VECTOR_FORMATS = ['text', 'binary'] as const
/** How {@link writeVectors} writes: word2vec's text, which fastText writes, too, or its binary form. */
export type VectorFormat = (typeof VECTOR_FORMATS)[number]

/** Options of {@link writeVectors}. */
export interface WriteVectorsOptions {
  /** Text as of word2vec and fastText (`.vec`), or binary as of word2vec. Default: binary where the path ends with `.bin`. */
  format?: VectorFormat | undefined
}

/** Bytes that are written together. */
const PART = 1 << 20

/** Writes vectors to a file that word2vec, fastText and gensim read. `ERR_ARGUMENT` for a word with white space in it. */
export async function writeVectors(
  path: string,
  vectors: Vectors,
  options: WriteVectorsOptions = {},
): Promise<void> {
  checkPath('write vectors', 'path', path)
  expect('write vectors', 'vectors', vectors instanceof Vectors, 'vectors', vectors)
  const { format = path.endsWith('.bin') ? 'binary' : 'text' } = optionsOf(
    'write vectors',
    options,
    { format: true },
  )
  checkChoice('write vectors', 'format', format, VECTOR_FORMATS)
  for (const word of vectors.words())
    if (/[ \n]/.test(word) || word === '')
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[write vectors] ${JSON.stringify(word)}: expected a word without spaces`,
      )
  const line = format === 'text' ? textLine : binaryLine
  const pauses = new Pauses()
  await replaceFile(path, async (file) => {
    let parts: Buffer[] = [Buffer.from(`${vectors.length} ${vectors.size}\n`)]
    let length = 0
    for (const word of vectors.words()) {
      const part = line(word, vectors.get(word) as Float32Array)
      length += part.length
      parts.push(part)
      if (length < PART) continue
      await file.writeFile(Buffer.concat(parts))
      ;[parts, length] = [[], 0]
      if (pauses.due) await pauses.pause()
    }
    await file.writeFile(Buffer.concat(parts))
  })
}

/** As few digits as give the same number when they are read. */
const shortest = (x: number): string => {
  for (const digits of [6, 7, 8]) {
    const text = x.toPrecision(digits)
    if (Math.fround(Number(text)) === x) return String(Number(text))
  }
  return String(Number(x.toPrecision(9)))
}

const textLine = (word: string, vector: Float32Array): Buffer =>
  Buffer.from(`${word} ${Array.from(vector, shortest).join(' ')}\n`)

function binaryLine(word: string, vector: Float32Array): Buffer {
  const name = Buffer.from(`${word} `)
  const bytes = Buffer.alloc(name.length + 4 * vector.length + 1, '\n')
  name.copy(bytes)
  for (const [i, x] of vector.entries()) bytes.writeFloatLE(x, name.length + 4 * i)
  return bytes
}
