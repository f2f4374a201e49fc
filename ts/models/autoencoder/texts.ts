/** What an autoencoder reads of texts, and what it is to write then. */
import { expect } from '../../errors'
import { isSource } from '../../kinds'
import type { Pair } from '../../data'
import type { AutoencoderTask } from './options'

export type TextList = Iterable<string> | AsyncIterable<string>

/** Pairs for a `Seq2Seq`. Of texts that cannot be parted there are none. */
export async function* pairsOf(
  op: string,
  texts: TextList,
  task: AutoencoderTask,
): AsyncGenerator<Pair> {
  checkTextList(op, texts)
  let index = 0
  for await (const text of texts) {
    expect(op, `texts[${index++}]`, typeof text === 'string', 'a string', text)
    const pair: Pair | null = task === 'repeat' ? [text, text] : halves(text)
    if (pair) yield pair
  }
}

/** Throws `ERR_ARGUMENT` for what holds no texts: a text itself is none. */
function checkTextList(op: string, texts: unknown): void {
  const valid = typeof texts !== 'string' && isSource(texts)
  expect(op, 'texts', valid, 'an iterable of texts', texts)
}

const isSpace = (text: string, at: number): boolean => /\s/.test(text.charAt(at))
/** The second half of a surrogate pair. */
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000

/** A text parted at the white space that is nearest to its middle, or in the middle where it has none. */
export function halves(text: string): Pair | null {
  const whole = text.trim()
  const middle = whole.length >> 1
  for (let off = 0; off < middle; ++off)
    for (const at of [middle - off, middle + off])
      if (isSpace(whole, at)) return [whole.slice(0, at).trimEnd(), whole.slice(at).trimStart()]
  const at = middle + (isLow(whole.charCodeAt(middle)) ? 1 : 0)
  return at === 0 || at === whole.length ? null : [whole.slice(0, at), whole.slice(at)]
}
