/** What a network begins with, in place of chance. */
import { isObject } from '../../check'
import { expect, RnnativeError } from '../../errors'
import type { Module } from '../../nn'
import { sameShape } from '../../tensor/shape'
import { Tokenizer } from '../../text'
import { sameTokens } from '../../text/tokenizer'
import { fillsParameters } from '../../tensor/parameter'
import { checkVectors, takeVectors, type WordVectors } from '../parts/word-vectors'
import type { ClassifierNetwork } from './network'

/** A model of the same tokens, such as a `LanguageModel`. */
export interface Pretrained {
  readonly tokenizer: Tokenizer
  readonly network: Module
}

interface Beginning {
  vectors?: WordVectors | undefined
  pretrained?: Pretrained | undefined
}

const OP = 'text classifier'

export function beginWith(
  network: ClassifierNetwork,
  tokenizer: Tokenizer,
  { vectors, pretrained }: Beginning,
): void {
  const both = vectors === undefined || pretrained === undefined
  expect(OP, 'vectors', both, 'none beside pretrained', vectors)
  if (!fillsParameters()) return
  if (pretrained !== undefined) takeOver(network, tokenizer, pretrained)
  if (vectors !== undefined) takeWords(network, tokenizer, vectors)
}

/** Weights of the same name and shape: embeddings, and the layers that read forward. */
function takeOver(network: ClassifierNetwork, tokenizer: Tokenizer, given: Pretrained): void {
  const valid = isObject(given) && given.tokenizer instanceof Tokenizer
  expect(OP, 'pretrained', valid, 'a LanguageModel or its like', given)
  const same = sameTokens(tokenizer, given.tokenizer)
  expect(OP, 'pretrained', same, 'a model of the same tokens', 'others')
  const theirs = given.network.stateDict()
  const taken = [...network.stateDict()].filter(([name, own]) => {
    const other = theirs.get(name)
    return (
      /^(embedding|rnn)\./.test(name) && other !== undefined && sameShape(other.shape, own.shape)
    )
  })
  if (!taken.some(([name]) => name === 'embedding.weight'))
    throw new RnnativeError(
      'ERR_SHAPE',
      `[${OP}] pretrained: expected embeddings of ${network.options.embedding} numbers, got others`,
    )
  const values = taken.map(
    ([name]) => [name, theirs.get(name) as NonNullable<ReturnType<typeof theirs.get>>] as const,
  )
  network.loadStateDict(new Map(values), { strict: false })
}

/** Of words as they are, or else in small letters. */
function takeWords(network: ClassifierNetwork, tokenizer: Tokenizer, vectors: WordVectors): void {
  checkVectors(OP, vectors)
  takeVectors(OP, network.embedding, tokenizer.tokens, vectors, {
    wordOf: (token) => (vectors.get(token) === undefined ? token.toLowerCase() : token),
  })
}
