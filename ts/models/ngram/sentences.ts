import { Pauses } from '../../pauses'
import type { Tokenizer } from '../../text'
import { linesOf } from '../../text/read'
import type { Boundaries } from './count'

/** The words of a model: those of a tokenizer, and what is missing of the boundaries of sentences. */
export interface Words extends Boundaries {
  /** All of them; the last is the begin of sentences. */
  size: number
}

/** A line end is the end of a sentence, where the tokenizer has one. */
export function wordsOf({ size, lineEnd }: Tokenizer): Words {
  const end = lineEnd ?? size
  const begin = lineEnd === undefined ? size + 1 : size
  return { begin, end, size: begin + 1 }
}

/** The ids of a text, line by line, without line ends. */
export async function sentencesOf(tokenizer: Tokenizer, text: string): Promise<Int32Array[]> {
  const { lineEnd } = tokenizer
  const pauses = new Pauses()
  const sentences: Int32Array[] = []
  if (lineEnd === undefined) {
    for (const line of await linesOf(text)) {
      sentences.push(await tokenizer.encodeInStretches(line, pauses))
      if (pauses.due) await pauses.pause()
    }
    return sentences
  }
  const ids = await tokenizer.encodeInStretches(text, pauses)
  for (let from = 0; from < ids.length;) {
    const found = ids.indexOf(lineEnd, from)
    const to = found < 0 ? ids.length : found
    sentences.push(ids.subarray(from, to))
    from = to + 1
    if (pauses.due) await pauses.pause()
  }
  return sentences
}
