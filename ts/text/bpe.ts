import { createRequire } from 'node:module'
import { piecesOf } from './bpe-trainer'
import { byteJoiner, showBytes, type Scheme } from './scheme'
import { toTokenizerJson, type Vocabulary } from './tokenizer-json'

// What is used of @huggingface/tokenizers, whose own types do not compile with this module resolution.
interface HuggingFace {
  Tokenizer: new (json: object, config: object) => { tokenize(text: string): string[] }
}

/** Pieces whose tokens are remembered: most of a text is words that have been seen. */
const REMEMBERED = 1 << 16

/** Merges in pieces of text, applied by Hugging Face's tokenizers, which is loaded for the first one. */
class Merger {
  private readonly vocabulary: Vocabulary
  private applied: InstanceType<HuggingFace['Tokenizer']> | null = null
  private readonly known = new Map<string, readonly string[]>()

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary
  }

  tokens(piece: string): readonly string[] {
    const { known } = this
    let tokens = known.get(piece)
    if (tokens !== undefined) return tokens
    if (known.size >= REMEMBERED) known.clear()
    known.set(piece, (tokens = (this.applied ??= this.load()).tokenize(piece)))
    return tokens
  }

  private load() {
    const { Tokenizer } = createRequire(__filename)('@huggingface/tokenizers') as HuggingFace
    // Without the boundaries, which no text can name; spaces are there already.
    const json = toTokenizerJson({ ...this.vocabulary, boundaries: false })
    return new Tokenizer({ ...json, normalizer: null }, {})
  }
}

/**
 * Byte-pair encoding over UTF-8 bytes: any text comes back as it went in. Before the first word a
 * space is put, so that a word is the same token there as elsewhere; the joiner takes it away.
 */
export function bpe(vocabulary: Vocabulary): Scheme {
  const merger = new Merger(vocabulary)
  return {
    name: 'bpe',
    *split(text) {
      for (const piece of piecesOf(text)) yield* merger.tokens(piece)
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
