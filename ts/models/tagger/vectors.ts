/** Vectors that a tagger's words begin with. */
import { checkFunction } from '../../check'
import { checkVectors, takeVectors, type WordVectors } from '../parts/word-vectors'
import type { Embedding } from '../../nn'
import { UNKNOWN, wordKey } from './vocabulary'

/** Vectors that tell their words, too, the most frequent first. */
export interface ListedVectors extends WordVectors {
  words(): Iterable<string>
}

export function checkListed(op: string, vectors: unknown): asserts vectors is ListedVectors {
  checkVectors(op, vectors)
  checkFunction(op, 'vectors.words', (vectors as Partial<ListedVectors>).words)
}

/** Of several words that are one here, such as `us` and `US`, the one as it is written here, or else the first. */
export function beginWith(
  embedding: Embedding,
  words: readonly string[],
  vectors: ListedVectors,
): void {
  checkListed('sequence tagger', vectors)
  const byKey = new Map<string, string>()
  for (const word of vectors.words()) {
    const key = wordKey(word)
    if (key === word || !byKey.has(key)) byKey.set(key, word)
  }
  takeVectors('sequence tagger', embedding, words, vectors, {
    first: UNKNOWN + 1,
    wordOf: (word) => byKey.get(word),
  })
}
