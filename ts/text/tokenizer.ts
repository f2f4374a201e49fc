import { RnnativeError } from '../errors'
import { readJson, writeFileAtomic } from '../io/files'
import { BYTE_TOKENS, schemes, type Joiner, type Scheme, type SchemeName } from './scheme'
import { fromTokenizerJson, toTokenizerJson, UNKNOWN } from './tokenizer-json'

export interface WordOptions {
  /** The most tokens to keep, the most frequent first, `<unk>` included. Default 50,000. */
  vocabulary?: number | undefined
  /**
   * Words that occur less often become `<unk>`. Default 2, so that `<unk>` is learned; 1 for text
   * that is split at white space.
   */
  minCount?: number | undefined
  /**
   * `unicode`: words and punctuation by `Intl.Segmenter`, Chinese included. `whitespace`: what stands
   * between white space, and line ends, for text that is tokenised already. Default `auto`:
   * `whitespace` when the text itself holds `<unk>`, as Penn Treebank and WikiText do.
   */
  split?: 'auto' | 'unicode' | 'whitespace' | undefined
}

/**
 * Turns text into token ids and back, over characters, bytes or words. Saved as a standard
 * `tokenizer.json`. Id 0 is `<unk>`, which unknown characters and words map to; bytes need none.
 */
export class Tokenizer {
  /** The tokens by id. */
  readonly tokens: readonly string[]
  /** The id of `<unk>`, or null. */
  readonly unknown: number | null
  private readonly scheme: Scheme
  private readonly ids: ReadonlyMap<string, number>

  private constructor(scheme: SchemeName, tokens: readonly string[]) {
    this.scheme = schemes[scheme]
    this.tokens = tokens
    this.ids = new Map(tokens.map((token, id) => [token, id]))
    this.unknown = scheme === 'byte' ? null : 0
  }

  /** One token per Unicode code point; the vocabulary is what occurs in `text`. */
  static characters(text: string): Tokenizer {
    checkText('characters', text)
    const found = new Set(text)
    const sorted = [...found].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0))
    return new Tokenizer('character', [UNKNOWN, ...sorted])
  }

  /** One token per UTF-8 byte: 256 tokens, any text. */
  static bytes(): Tokenizer {
    return new Tokenizer('byte', BYTE_TOKENS)
  }

  /** One token per word or punctuation mark, the most frequent first. */
  static words(text: string, options: WordOptions = {}): Tokenizer {
    checkText('words', text)
    const { vocabulary = 50_000, split = 'auto' } = options
    const scheme =
      split === 'whitespace' || (split === 'auto' && text.includes(UNKNOWN)) ? 'whitespace' : 'word'
    const { minCount = scheme === 'word' ? 2 : 1 } = options
    for (const [name, value] of Object.entries({ vocabulary, minCount }))
      if (!(Number.isInteger(value) && value >= 1))
        throw new RnnativeError(
          'ERR_ARGUMENT',
          `[tokenizer] ${name}: expected a whole number above 0, got ${value}`,
        )

    const counts = new Map<string, number>()
    for (const token of schemes[scheme].split(text)) counts.set(token, (counts.get(token) ?? 0) + 1)
    counts.delete(UNKNOWN)
    const kept = [...counts]
      .filter(([, count]) => count >= minCount)
      .sort(([, a], [, b]) => b - a)
      .slice(0, vocabulary - 1)
    return new Tokenizer(scheme, [UNKNOWN, ...kept.map(([token]) => token)])
  }

  /** What a token is: `character`, `byte`, `word` or (words split at white space) `whitespace`. */
  get unit(): SchemeName {
    return this.scheme.name
  }

  /** Number of tokens. */
  get size(): number {
    return this.tokens.length
  }

  /** The id of one token, or undefined. */
  idOf(token: string): number | undefined {
    return this.ids.get(token)
  }

  encode(text: string): Int32Array {
    if (typeof text !== 'string')
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[tokenizer] text: expected a string, got ${typeof text}`,
      )
    if (this.scheme.name === 'byte') return Int32Array.from(Buffer.from(text, 'utf8'))
    const { ids, unknown } = this
    let encoded = new Int32Array(Math.max(16, text.length)) // no scheme has more tokens than that
    let length = 0
    for (const token of this.scheme.split(text)) encoded[length++] = ids.get(token) ?? unknown ?? 0
    if (length < encoded.length) encoded = encoded.slice(0, length)
    return encoded
  }

  /** The text of these ids; throws `ERR_INDEX` for one that is no token. */
  decode(ids: Iterable<number>): string {
    const decoder = this.decoder()
    const pieces: string[] = []
    for (const id of ids) pieces.push(decoder.write(id))
    pieces.push(decoder.end())
    return pieces.join('')
  }

  /** Decodes ids as they come: `write` returns the text that one more id adds. */
  decoder(): { write(id: number): string; end(): string } {
    const joiner: Joiner = this.scheme.joiner()
    return {
      write: (id) => {
        const token = this.tokens[id]
        if (token === undefined)
          throw new RnnativeError(
            'ERR_INDEX',
            `[tokenizer] id: expected 0 to ${this.size - 1}, got ${id}`,
          )
        return joiner.write(token)
      },
      end: () => joiner.end(),
    }
  }

  /** The content of a `tokenizer.json`. */
  toJSON(): object {
    return toTokenizerJson(this.scheme.name, this.tokens)
  }

  /** Reads what {@link toJSON} gave; `ERR_FORMAT` for anything else. `source` names it in errors. */
  static fromJSON(json: unknown, source = 'tokenizer.json'): Tokenizer {
    const { scheme, tokens } = fromTokenizerJson(json, source)
    return new Tokenizer(scheme, tokens)
  }

  async save(path: string): Promise<void> {
    await writeFileAtomic(path, JSON.stringify(this, null, 1))
  }

  static async load(path: string): Promise<Tokenizer> {
    return Tokenizer.fromJSON(await readJson(path), path)
  }
}

function checkText(factory: string, text: string): void {
  if (typeof text !== 'string')
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[tokenizer] ${factory}: expected a string, got ${typeof text}`,
    )
  if (text.length === 0)
    throw new RnnativeError('ERR_EMPTY', `[tokenizer] ${factory}: the text is empty`)
}
