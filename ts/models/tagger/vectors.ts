/** Vectors that a tagger's words begin with. */
import { checkFunction, checkText } from '../../check'
import { expect } from '../../errors'
import { isIterable } from '../../kinds'
import { checkVectors, takeVectors, type WordVectors } from '../parts/word-vectors'
import type { Embedding } from '../../nn'
import { UNKNOWN, wordKey } from './vocabulary'

/** Vectors that tell their words, too, the most frequent first. */
export interface ListedVectors extends WordVectors {
  words(): Iterable<string>
}

/** Their words; `ERR_ARGUMENT` for what are none. */
export function wordsOf(op: string, vectors: ListedVectors): Iterable<string> {
  checkVectors(op, vectors)
  checkFunction(op, 'vectors.words', vectors.words)
  const words = vectors.words()
  const listed = isIterable(words) && typeof words !== 'string'
  expect(op, 'vectors.words()', listed, 'a list of words', words)
  return words
}

/** Of several words that are one here, such as `us` and `US`, the one as it is written here, or else the first. */
export function beginWith(
  embedding: Embedding,
  words: readonly string[],
  vectors: ListedVectors,
): void {
  const byKey = new Map<string, string>()
  for (const word of wordsOf('sequence tagger', vectors)) {
    checkText('sequence tagger', 'vectors.words()', word)
    const key = wordKey(word)
    if (key === word || !byKey.has(key)) byKey.set(key, word)
  }
  takeVectors('sequence tagger', embedding, words, vectors, {
    first: UNKNOWN + 1,
    wordOf: (word) => byKey.get(word),
  })
}
