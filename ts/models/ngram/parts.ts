import type { Tokenizer } from '../../text'
import type { Words } from './sentences'
import type { Walker } from './walk'

/** What a model is at one moment: a fit puts another walker in its place. */
export interface NgramParts {
  tokenizer: Tokenizer
  words: Words
  walker: Walker
}

/** The state after these tokens, at the beginning of a text. */
export function stateAfter({ walker, words }: NgramParts, ids: Int32Array): number {
  const begin = 1 + words.begin
  let state = begin
  for (const id of ids) state = id === words.end ? begin : walker.step(state, id)
  return state
}
