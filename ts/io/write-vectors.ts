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

/** Words that are checked, and numbers that are written, without a pause. */
const STRETCH = 1 << 10

/** Bytes that are written together, and parts that they are put together of. */
const PART = 1 << 20
const MOST_PARTS = 1 << 14

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
  const pauses = new Pauses()
  let checked = 0
  for (const word of vectors.words()) {
    if (/[ \n]/.test(word) || word === '')
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[write vectors] ${JSON.stringify(word)}: expected a word without spaces`,
      )
    if (++checked % STRETCH === 0 && pauses.due) await pauses.pause()
  }
  const partsOf = format === 'text' ? textParts : binaryParts
  await replaceFile(path, async (file) => {
    let parts: Buffer[] = [Buffer.from(`${vectors.length} ${vectors.size}\n`)]
    let length = 0
    for (const word of vectors.words()) {
      for (const part of partsOf(word, vectors.get(word) as Float32Array)) {
        length += part.length
        parts.push(part)
        if (pauses.due) await pauses.pause()
        if (length < PART && parts.length < MOST_PARTS) continue
        await file.writeFile(Buffer.concat(parts))
        ;[parts, length] = [[], 0]
      }
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

function* textParts(word: string, vector: Float32Array): Generator<Buffer> {
  let before = `${word} `
  for (let at = 0; at < vector.length; at += STRETCH, before = ' ')
    yield Buffer.from(before + Array.from(vector.subarray(at, at + STRETCH), shortest).join(' '))
  yield Buffer.from('\n')
}

function* binaryParts(word: string, vector: Float32Array): Generator<Buffer> {
  yield Buffer.from(`${word} `)
  for (let at = 0; at < vector.length; at += STRETCH) {
    const some = vector.subarray(at, at + STRETCH)
    const bytes = Buffer.alloc(4 * some.length)
    for (const [i, x] of some.entries()) bytes.writeFloatLE(x, 4 * i)
    yield bytes
  }
  yield Buffer.from('\n')
}
