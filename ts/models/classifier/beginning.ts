/** What a network begins with, in place of chance. */
import { expect } from '../../errors'
import type { Tokenizer } from '../../text'
import { fillsParameters } from '../../tensor/parameter'
import { checkVectors, takeVectors, type WordVectors } from '../parts/word-vectors'
import type { ClassifierNetwork } from './network'
import { takeWeights, type Pretrained } from './pretrained'

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
  if (pretrained !== undefined) takeWeights(network, pretrained)
  if (vectors !== undefined) takeWords(network, tokenizer, vectors)
}

/** Of words as they are, or else in small letters. */
function takeWords(network: ClassifierNetwork, tokenizer: Tokenizer, vectors: WordVectors): void {
  checkVectors(OP, vectors)
  takeVectors(OP, network.embedding, tokenizer.tokens, vectors, {
    wordOf: (token) => (vectors.get(token) === undefined ? token.toLowerCase() : token),
  })
}
