import { RnnativeError } from '../../errors'
import type { AbortSignalLike } from '../../signal'
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

export function checkGoing(op: string, signal: AbortSignalLike | undefined): void {
  if (signal?.aborted)
    throw new RnnativeError('ERR_ABORTED', `[${op}] aborted`, { cause: signal.reason })
}
