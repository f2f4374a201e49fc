import { checkChoice, checkFunction, checkPath, checkText, isListOf } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isIterable } from '../kinds'
import { atOnce, inStretches, type Pauses } from '../pauses'
import { readJson, writeFileAtomic } from '../io/files'
import { bpe } from './bpe'
import { IdList } from './ids'
import { learning, vocabularyOf } from './learning'
import type { BpeOptions, LearnOptions, WordOptions } from './learning'
import { BYTE_TOKENS, bytes, bytesInParts, characters, whitespace } from './scheme'
import type { Scheme, SchemeName, Unit } from './scheme'
import {
  BOUNDARIES,
  fromTokenizerJson,
  madeOfBytes,
  toTokenizerJson,
  type Vocabulary,
} from './tokenizer-json'
import { heedUnicode } from './unicode'
import type { SpacesOptions, Texts } from './vocabulary'
import { spacedWords, words } from './words'

/** Gives the text to write for an unknown token, from its position among the ids decoded. */
export type ReplaceUnknown = (position: number) => string

/** `bpe` is made of its vocabulary. */
const schemes: Readonly<Record<Exclude<SchemeName, 'bpe'>, Scheme>> = {
  character: characters,
  byte: bytes,
  word: words,
  'spaced word': spacedWords,
  whitespace,
}

/** Tokens that are encoded without a pause. */
const STRETCH = 1 << 12

/**
 * Turns text into token ids and back, over characters, bytes, words or byte pairs. Saved as a standard
 * `tokenizer.json`. Id 0 is `<unk>`, which unknown characters and words map to; bytes and byte pairs
 * need none: any text comes back as it went in.
 */
export class Tokenizer {
  /** The tokens by id. */
  readonly tokens: readonly string[]
  /** The id of `<unk>`, or null. */
  readonly unknown: number | null
  /** The id of `<s>`, which a target sequence begins with, or null: see {@link withBoundaries}. */
  readonly begin: number | null
  /** The id of `</s>`, which ends a sequence, or null: see {@link withBoundaries}. */
  readonly end: number | null
  private readonly vocabulary: Vocabulary
  private readonly scheme: Scheme
  /** Of what text can consist of: all but the boundaries. */
  private readonly ids: ReadonlyMap<string, number>

  private constructor(vocabulary: Vocabulary) {
    const made = Array.isArray((vocabulary as Vocabulary | undefined)?.tokens)
    expect('tokenizer', 'vocabulary', made, 'one of Tokenizer.words and its kin', vocabulary)
    const { scheme, tokens, boundaries } = vocabulary
    const ordinary = tokens.length - (boundaries ? BOUNDARIES.length : 0)
    this.vocabulary = vocabulary
    this.scheme = scheme === 'bpe' ? bpe(vocabulary) : schemes[scheme]
    this.tokens = tokens
    this.ids = new Map(tokens.slice(0, ordinary).map((token, id) => [token, id]))
    this.unknown = madeOfBytes(scheme) ? null : 0
    this.begin = boundaries ? ordinary : null
    this.end = boundaries ? ordinary + 1 : null
  }

  /** One token per Unicode code point; the vocabulary is what occurs in the texts. */
  static characters(texts: Texts): Tokenizer {
    return new Tokenizer(atOnce(learning.characters(texts, {})))
  }

  /** One token per UTF-8 byte: 256 tokens, any text. */
  static bytes(): Tokenizer {
    return new Tokenizer(vocabularyOf('byte', { tokens: BYTE_TOKENS }))
  }

  /**
   * One token per word or punctuation mark, the most frequent first. A word is one token wherever it stands:
   * decoding puts spaces where they are usual, and where a text has them otherwise there are tokens that say
   * so. `ERR_EMPTY` where no word occurs `minCount` times.
   */
  static words(texts: Texts, options: WordOptions = {}): Tokenizer {
    return new Tokenizer(atOnce(learning.words(texts, options)))
  }

  /**
   * For text that is tokenised already: tokens are what stands between white space, and line ends. In
   * decoded text they are joined by single spaces.
   */
  static spaces(texts: Texts, options: SpacesOptions = {}): Tokenizer {
    return new Tokenizer(atOnce(learning.spaces(texts, options)))
  }

  /** @internal The same of words that are known already; `<unk>` and the line end are no words. */
  static ofWords(words: readonly string[]): Tokenizer {
    return new Tokenizer(vocabularyOf('whitespace', { tokens: ['<unk>', '\n', ...words] }))
  }

  /**
   * Byte-pair encoding (Sennrich et al. 2016) learned from the texts, over UTF-8 bytes. Tokens never
   * cross white space or the marks of sentences, and a word's token holds the space before it. For a
   * vocabulary that two languages share, give the texts of both.
   */
  static bpe(texts: Texts, options: BpeOptions = {}): Tokenizer {
    return new Tokenizer(atOnce(learning.bpe(texts, options)))
  }

  /**
   * What {@link characters}, {@link words}, {@link spaces} or {@link bpe}, by name, makes of the texts. These compute
   * until they are done, with 10 MB for seconds; this one leaves the event loop to others every few milliseconds.
   *
   *     const tokenizer = await Tokenizer.learn('bpe', text, { vocabulary: 8000 })
   */
  static async learn<Kind extends keyof LearnOptions>(
    kind: Kind,
    texts: Texts,
    options: LearnOptions[Kind] = {},
  ): Promise<Tokenizer> {
    checkChoice('tokenizer', 'kind', kind, Object.keys(learning))
    const own = Array.isArray(texts) ? (texts.slice() as string[]) : texts
    return new Tokenizer(await inStretches(learning[kind](own, options)))
  }

  /**
   * The same with two more tokens at the end, `<s>` and `</s>`, which sequences begin and end with. No
   * text is encoded to them, and in decoded text they are empty. Nothing pads: lengths say where a
   * sequence of a batch ends.
   */
  withBoundaries(): Tokenizer {
    if (this.begin !== null) return this
    const { tokens } = this.vocabulary
    const taken = BOUNDARIES.find((name) => this.ids.has(name))
    if (taken !== undefined)
      throw new RnnativeError('ERR_ARGUMENT', `[tokenizer] ${taken} is an ordinary token here`)
    return new Tokenizer({
      ...this.vocabulary,
      ...{ tokens: [...tokens, ...BOUNDARIES], boundaries: true },
    })
  }

  /**
   * What a token is: `character`, `byte`, `word`, `bpe` or (words split at white space)
   * `whitespace`.
   */
  get unit(): Unit {
    const { name } = this.scheme
    return name === 'spaced word' ? 'word' : name
  }

  /** Number of tokens. */
  get size(): number {
    return this.tokens.length
  }

  /** The id of a token that text can consist of, or undefined. */
  idOf(token: string): number | undefined {
    return this.ids.get(token)
  }

  /** The id of a line end, or undefined where none was seen. */
  get lineEnd(): number | undefined {
    return this.idOf(madeOfBytes(this.scheme.name) ? (BYTE_TOKENS[10] as string) : '\n')
  }

  /** `ERR_ARGUMENT` for half a surrogate pair where tokens are bytes, or made of them. */
  encode(text: string): Int32Array {
    return atOnce(this.encoding(text))
  }

  /** @internal As {@link encode}, but leaves the event loop to others now and then. */
  encodeInStretches(text: string, pauses?: Pauses): Promise<Int32Array> {
    return inStretches(this.encoding(text), pauses)
  }

  private *encoding(text: string): Generator<void, Int32Array> {
    checkText('tokenizer', 'text', text)
    const { ids, unknown, scheme } = this
    const found = new IdList()
    if (scheme.name === 'byte')
      for (const bytes of bytesInParts(text)) {
        for (const byte of bytes) found.push(byte)
        yield
      }
    else {
      let count = 0
      for (const token of scheme.split(text)) {
        if (token !== null) found.push(ids.get(token) ?? unknown ?? 0)
        if (token === null || ++count % STRETCH === 0) yield
      }
    }
    return yield* found.joined()
  }

  /** @internal The tokens of a text, known or not; the event loop is left to others now and then. */
  cutInStretches(text: string, pauses?: Pauses): Promise<string[]> {
    return inStretches(this.cutting(text), pauses)
  }

  private *cutting(text: string): Generator<void, string[]> {
    checkText('tokenizer', 'text', text)
    const tokens: string[] = []
    for (const token of this.scheme.split(text)) {
      if (token !== null) tokens.push(token)
      if (token === null || tokens.length % STRETCH === 0) yield
    }
    return tokens
  }

  /** @internal Whether a token is the same text to both, whatever its id. */
  cutsAs({ scheme }: Tokenizer): boolean {
    return this.scheme.name === scheme.name
  }

  /**
   * The pieces of text that {@link encode} gives ids to, one each: known or not, as they are written.
   * Of a character that several tokens make up, the parts read U+FFFD; what joins two words reads as nothing.
   */
  pieces(text: string): string[] {
    checkText('tokenizer', 'text', text)
    const pieces: string[] = []
    for (const token of this.scheme.split(text))
      if (token !== null) pieces.push(this.scheme.show(token))
    return pieces
  }

  /**
   * The text of these ids; throws `ERR_INDEX` for one that is no token. `replace` gives the text of
   * unknown ones, such as the source word that a translation was looking at; `others` are tokens whose
   * ids follow those of the vocabulary, such as words that were copied.
   */
  decode(ids: Iterable<number>, replace?: ReplaceUnknown, others?: readonly string[]): string {
    expect('tokenizer', 'ids', isIterable(ids), 'a list of ids', ids)
    const decoder = this.decoder(replace, others)
    const pieces: string[] = []
    for (const id of ids) pieces.push(decoder.write(id))
    pieces.push(decoder.end())
    return pieces.join('')
  }

  /** Decodes ids as they come: `write` returns the text that one more id adds. */
  decoder(
    replace?: ReplaceUnknown,
    others: readonly string[] = [],
  ): { write(id: number): string; end(): string } {
    if (replace !== undefined) checkFunction('tokenizer', 'replace', replace)
    expect('tokenizer', 'others', isListOf(others, isText), 'a list of tokens', others)
    const joiner = this.scheme.joiner()
    let position = 0
    return {
      write: (id) => {
        const token =
          typeof id === 'number' ? (this.tokens[id] ?? others[id - this.size]) : undefined
        if (token === undefined)
          throw new RnnativeError(
            'ERR_INDEX',
            `[tokenizer] id: expected 0 to ${this.size - 1}, got ${show(id)}`,
          )
        const at = position++
        if (id === this.begin || id === this.end) return ''
        if (id !== this.unknown || replace === undefined) return joiner.write(token)
        const text = replace(at)
        // A word's token holds the space before it.
        if (this.scheme.name === 'spaced word')
          return joiner.write((at > 0 ? ' ' : '') + text.trim())
        return joiner.write(this.scheme.name === 'word' ? text.trim() : text)
      },
      end: () => joiner.end(),
    }
  }

  /** The content of a `tokenizer.json`. */
  toJSON(): object {
    return toTokenizerJson(this.vocabulary)
  }

  /**
   * Reads what {@link toJSON} gave; `ERR_FORMAT` for anything else. `source` names it in errors. Words that were cut
   * by another version of Unicode than this Node's are told of in a warning of the process (`RNNATIVE_UNICODE`).
   */
  static fromJSON(json: unknown, source = 'tokenizer.json'): Tokenizer {
    const vocabulary = fromTokenizerJson(json, source)
    heedUnicode(vocabulary.unicode, source)
    return new Tokenizer(vocabulary)
  }

  /** Writes a `tokenizer.json`. */
  async save(path: string): Promise<void> {
    checkPath('tokenizer', 'path', path)
    await writeFileAtomic(path, JSON.stringify(this, null, 1))
  }

  /**
   * Reads what {@link save} wrote, or a `tokenizer.json` of Hugging Face's kinds. `ERR_FORMAT` for another.
   */
  static async load(path: string): Promise<Tokenizer> {
    checkPath('tokenizer', 'path', path)
    return Tokenizer.fromJSON(await readJson(path), path)
  }
}

const isText = (x: unknown): boolean => typeof x === 'string'

/** Whether ids mean the same to both. */
export const sameTokens = (a: Tokenizer, b: Tokenizer): boolean =>
  a.size === b.size && a.tokens.every((token, id) => token === b.tokens[id])
