/** Vocabularies of what occurs in texts. */
import { checkText, checkWhole } from '../check'
import { RnnativeError } from '../errors'
import { isView } from '../kinds'
import type { Scheme } from './scheme'
import { BOUNDARIES, UNKNOWN } from './tokenizer-json'

/** One text or several, such as the lines of a file. */
export type Texts = string | Iterable<string>

export interface SpacesOptions {
  /** The most tokens to keep, the most frequent first, `<unk>` included. Default 50,000. */
  vocabulary?: number | undefined
  /** Tokens that occur less often become `<unk>`. Default 1. */
  minCount?: number | undefined
}

/** No text makes these tokens, but for `<unk>` itself. */
export const RESERVED: ReadonlySet<string> = new Set([UNKNOWN, ...BOUNDARIES])

/** `<unk>`, `fixed` and the most frequent tokens; `ERR_EMPTY` where none is frequent enough. */
export function mostFrequent(
  scheme: Scheme,
  texts: Iterable<string>,
  { vocabulary = 50_000, minCount = 1 }: SpacesOptions,
  fixed: readonly string[] = [],
): string[] {
  checkWhole('tokenizer', 'vocabulary', vocabulary, 2 + fixed.length)
  checkWhole('tokenizer', 'minCount', minCount, 1)
  const counts = new Map<string, number>()
  for (const text of texts)
    for (const token of scheme.split(text))
      if (token !== null) counts.set(token, (counts.get(token) ?? 0) + 1)
  for (const token of [...RESERVED, ...fixed]) counts.delete(token)
  const kept = [...counts]
    .filter(([, count]) => count >= minCount)
    .sort(([, a], [, b]) => b - a)
    .slice(0, vocabulary - 1 - fixed.length)
  if (kept.length === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      `[tokenizer] texts: expected a word that occurs ${minCount === 1 ? 'once' : `${minCount} times`}, got none`,
    )
  return [UNKNOWN, ...fixed, ...kept.map(([token]) => token)]
}

/** The texts one by one; `ERR_EMPTY` at the end when all of them were empty. */
export function* eachText(factory: string, texts: Texts): Generator<string> {
  if (
    isView(texts) ||
    (typeof texts !== 'string' && typeof texts?.[Symbol.iterator] !== 'function')
  )
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[tokenizer] ${factory}: expected a string or strings, got ${typeof texts}`,
    )
  let empty = true
  for (const text of typeof texts === 'string' ? [texts] : texts) {
    checkText('tokenizer', factory, text)
    empty &&= text === ''
    yield text
  }
  if (empty) throw new RnnativeError('ERR_EMPTY', `[tokenizer] ${factory}: the text is empty`)
}
