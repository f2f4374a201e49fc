/** Vectors of words that an embedding begins with. */
import { checkFunction, checkWhole, isObject } from '../../check'
import { expect } from '../../errors'
import { isNumberArray } from '../../kinds'
import type { Embedding } from '../../nn'

/** Vectors that an embedding begins with. */
export interface WordVectors {
  /** Numbers of a vector. */
  readonly size: number
  /** A word's vector, or undefined. */
  get(word: string): ArrayLike<number> | undefined
}

export function checkVectors(op: string, vectors: unknown): asserts vectors is WordVectors {
  expect(op, 'vectors', isObject(vectors), 'vectors such as readVectors gives', vectors)
  const { size, get } = vectors as Partial<WordVectors>
  checkWhole(op, 'vectors.size', size, 1)
  checkFunction(op, 'vectors.get', get)
}

/**
 * Row `i` becomes the vector of the word that `wordOf` tells for `words[i - first]`. The others begin as usual, as far
 * from zero as these.
 */
export function takeVectors(
  op: string,
  { weight }: Embedding,
  words: readonly string[],
  vectors: WordVectors,
  { first = 0, wordOf = (word: string): string | undefined => word } = {},
): void {
  checkVectors(op, vectors)
  const size = weight.shape[1] as number
  const numberOf = (x: unknown) => (typeof x === 'number' ? x : NaN)
  expect(op, 'vectors', vectors.size === size, `vectors of ${size} numbers`, vectors.size)
  for (const [i, token] of words.entries()) {
    const word = wordOf(token)
    const vector = word === undefined ? undefined : vectors.get(word)
    if (vector === undefined) continue
    const listed = (Array.isArray(vector) || isNumberArray(vector)) && vector.length === size
    const numbers = listed ? Float32Array.from(vector as ArrayLike<number>, numberOf) : null
    const valid = numbers?.every(Number.isFinite) ?? false
    expect(op, `vectors.get(${word})`, valid, `${size} finite numbers`, vector)
    const row = weight.detach().slice(first + i, 1)
    row.assign(numbers as Float32Array)
    row.dispose()
  }
}
