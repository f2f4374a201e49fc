import { Merger } from './bpe-merger'
import { piecesOf } from './bpe-pieces'
import { byteJoiner, checkingCharacters, showBytes, type Scheme } from './scheme'
import type { Vocabulary } from './tokenizer-json'

/**
 * Byte-pair encoding over UTF-8 bytes: any text comes back as it went in. Before the first word a
 * space is put, so that a word is the same token there as elsewhere; the joiner takes it away.
 */
export function bpe({ tokens, merges }: Vocabulary): Scheme {
  let merger: Merger | null = null
  return {
    name: 'bpe',
    *split(text) {
      yield* checkingCharacters(text)
      merger ??= new Merger(tokens, merges)
      for (const piece of piecesOf(text))
        if (piece === null) yield null
        else yield* merger.merged(piece)
    },
    joiner() {
      const bytes = byteJoiner()
      let begun = false
      const drop = (text: string) => {
        if (begun || text === '') return text
        begun = true
        return text.startsWith(' ') ? text.slice(1) : text
      }
      return { write: (token) => drop(bytes.write(token)), end: () => drop(bytes.end()) }
    },
    show: showBytes,
  }
}
