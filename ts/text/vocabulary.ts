/** Vocabularies of what occurs in texts, by work that may pause now and then. */
import { checkText, checkWhole } from '../check'
import { expect, RnnativeError } from '../errors'
import { isIterable, isView } from '../kinds'
import type { Scheme } from './scheme'
import { Tally } from './tally'
import { BOUNDARIES, UNKNOWN } from './tokenizer-json'

/** One text or several, such as the lines of a file. */
export type Texts = string | Iterable<string>

/** What of tokens between spaces is learned. */
export interface SpacesOptions {
  /** The most tokens to keep, the most frequent first, `<unk>` included. Default 50,000. */
  vocabulary?: number | undefined
  /** Tokens that occur less often become `<unk>`. Default 1. */
  minCount?: number | undefined
}

/** No text makes these tokens, but for `<unk>` itself. */
export const RESERVED: ReadonlySet<string> = new Set([UNKNOWN, ...BOUNDARIES])

/** Tokens or texts that are counted without a pause. */
const STRETCH = 1 << 12

/** `<unk>`, `fixed` and the most frequent tokens; `ERR_EMPTY` where none is frequent enough. */
export function* mostFrequent(
  scheme: Scheme,
  texts: Iterable<string>,
  { vocabulary = 50_000, minCount = 1 }: SpacesOptions,
  fixed: readonly string[] = [],
): Generator<void, string[]> {
  checkWhole('tokenizer', 'vocabulary', vocabulary, 2 + fixed.length)
  checkWhole('tokenizer', 'minCount', minCount, 1)
  const tally = new Tally()
  let done = 0
  for (const text of texts) {
    for (const token of scheme.split(text)) {
      if (token !== null) tally.add(token)
      if (token === null || ++done % STRETCH === 0) yield
    }
    if (++done % STRETCH === 0) yield
  }
  const others = new Set([...RESERVED, ...fixed])
  const room = vocabulary - 1 - fixed.length
  /** The first tokens of each count, as many as there is room for. */
  const byCount = new Map<number, string[]>()
  for (const { text, count } of tally) {
    if (++done % STRETCH === 0) yield
    if (count < minCount || others.has(text)) continue
    const alike = byCount.get(count)
    if (alike === undefined) byCount.set(count, [text])
    else if (alike.length < room) alike.push(text)
  }
  if (byCount.size === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      `[tokenizer] texts: expected a word that occurs ${minCount === 1 ? 'once' : `${minCount} times`}, got none`,
    )
  const kept: string[] = []
  for (const count of [...byCount.keys()].sort((a, b) => b - a)) {
    if (kept.length >= room) break
    for (const token of byCount.get(count) ?? []) if (kept.length < room) kept.push(token)
    yield
  }
  return [UNKNOWN, ...fixed, ...kept]
}

/** All code points there are, of which a text may have any. */
const CODE_POINTS = 0x110000
/** Code points that are looked at without a pause. */
const POINTS = 1 << 16

/** `<unk>` and all characters, by their code points. */
export function* allCharacters(texts: Iterable<string>): Generator<void, string[]> {
  const seen = new Uint8Array(CODE_POINTS)
  let done = 0
  for (const text of texts) {
    for (let at = 0; at < text.length; ++at) {
      const point = text.codePointAt(at) as number
      seen[point] = 1
      if (point > 0xffff) ++at
      if (++done % POINTS === 0) yield
    }
    if (++done % POINTS === 0) yield
  }
  const tokens = [UNKNOWN]
  for (let point = 0; point < CODE_POINTS; ++point) {
    if (seen[point] === 1) tokens.push(String.fromCodePoint(point))
    if (++done % POINTS === 0) yield
  }
  return tokens
}

/** UTF-16 units that are searched without a pause. */
const PART = 1 << 18

/** Whether `<unk>` stands in a text. */
export function* findingUnknown(texts: Iterable<string>): Generator<void, boolean> {
  let done = 0
  for (const text of texts) {
    for (let at = 0; at < text.length; at += PART) {
      if (text.slice(at, at + PART + UNKNOWN.length - 1).includes(UNKNOWN)) return true
      if (text.length > PART) yield
    }
    if (++done % STRETCH === 0) yield
  }
  return false
}

/** The texts one by one; `ERR_EMPTY` at the end when all of them were empty. */
export function* eachText(factory: string, texts: Texts): Generator<string> {
  const valid = typeof texts === 'string' || (isIterable(texts) && !isView(texts))
  expect('tokenizer', factory, valid, 'a string or strings', texts)
  let empty = true
  for (const text of typeof texts === 'string' ? [texts] : texts) {
    checkText('tokenizer', factory, text)
    empty &&= text === ''
    yield text
  }
  if (empty) throw new RnnativeError('ERR_EMPTY', `[tokenizer] ${factory}: the text is empty`)
}
