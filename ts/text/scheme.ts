/**
 * How text is cut into tokens and put together again. The schemes are told apart by their name, which
 * is also what a saved tokenizer is recognised by. `word` and `bpe` have files of their own.
 */
import { toUSVString } from 'node:util'
import { RnnativeError } from '../errors'

export type Unit = 'character' | 'byte' | 'word' | 'whitespace' | 'bpe'
/** `spaced word`: words as earlier versions made them. */
export type SchemeName = Unit | 'spaced word'

/** Turns tokens into text one at a time, for output that appears while it is generated. */
export interface Joiner {
  /** The text that this token adds. */
  write(token: string): string
  /** What is still held back, such as an incomplete UTF-8 sequence. */
  end(): string
}

export interface Scheme {
  readonly name: SchemeName
  /** The tokens; null where it takes long to the next one, and others may have the event loop. */
  split(text: string): Iterable<string | null>
  joiner(): Joiner
  /** The text of a token by itself. */
  show(token: string): string
}

const asItIs = (token: string): string => token
const concatenation: Joiner = { write: asItIs, end: () => '' }

/** Unicode code points. */
export const characters: Scheme = {
  name: 'character',
  split: (text) => text,
  joiner: () => concatenation,
  show: asItIs,
}

// GPT-2's table, which the `ByteLevel` parts of tokenizer.json imply: printable bytes stand for
// themselves, the others for the code points from 256 on.
const printable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae

/** The character that stands for each byte. */
export const BYTE_TOKENS: readonly string[] = (() => {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : next++),
  )
})()

const byteOf = new Map(BYTE_TOKENS.map((token, byte) => [token, byte]))

const decode = (token: string, decoder: InstanceType<typeof TextDecoder>, more: boolean): string =>
  decoder.decode(
    Uint8Array.from(token, (character) => byteOf.get(character) ?? 0x3f),
    {
      stream: more,
    },
  )

const utf8 = () => new TextDecoder('utf-8', { ignoreBOM: true })

/** Joins tokens that are written in BYTE_TOKENS; what is no UTF-8 becomes U+FFFD. */
export function byteJoiner(): Joiner {
  const decoder = utf8()
  return { write: (token) => decode(token, decoder, true), end: () => decoder.decode() }
}

export const showBytes = (token: string): string => decode(token, utf8(), false)

/** UTF-16 units that are looked at without a pause. */
const PART = 1 << 17

/** A text in parts that cut no character. */
function* partsOf(text: string): Generator<{ begin: number; part: string }> {
  for (let begin = 0, end: number; begin < text.length; begin = end) {
    end = begin + PART
    // The second half of a pair stays with the first.
    if ((text.charCodeAt(end) & 0xfc00) === 0xdc00) ++end
    yield { begin, part: text.slice(begin, end) }
  }
}

function checkPart({ begin, part }: { begin: number; part: string }): void {
  if (toUSVString(part) === part) return
  const at = begin + part.search(/\p{Surrogate}/u)
  throw new RnnativeError(
    'ERR_ARGUMENT',
    `[tokenizer] text: expected whole characters, got half a surrogate pair at index ${at}`,
  )
}

/** Throws `ERR_ARGUMENT` for half a surrogate pair, which UTF-8 has no bytes for; null where there may be a pause. */
export function* checkingCharacters(text: string): Generator<null, void> {
  for (const part of partsOf(text)) {
    checkPart(part)
    if (part.part.length >= PART) yield null
  }
}

/** Of a text of whole characters. */
export function* utf8InParts(text: string): Generator<Uint8Array, void> {
  for (const { part } of partsOf(text)) yield Buffer.from(part, 'utf8')
}

export function* bytesInParts(text: string): Generator<Uint8Array, void> {
  for (const part of partsOf(text)) {
    checkPart(part)
    yield Buffer.from(part.part, 'utf8')
  }
}

/** UTF-8 bytes. */
export const bytes: Scheme = {
  name: 'byte',
  *split(text) {
    for (const part of bytesInParts(text))
      for (const value of part) yield BYTE_TOKENS[value] as string
  },
  joiner: byteJoiner,
  show: showBytes,
}

/**
 * What stands between white space, and each line's end, in text that is tokenised already (Penn
 * Treebank, WikiText). Tokens are joined by single spaces.
 */
export const whitespace: Scheme = {
  name: 'whitespace',
  *split(text) {
    for (const [token] of text.matchAll(/\n|\S+/g)) yield token
  },
  joiner() {
    let glue = ''
    return {
      write(token) {
        const piece = token === '\n' ? token : glue + token
        glue = token === '\n' ? '' : ' '
        return piece
      },
      end: () => '',
    }
  },
  show: asItIs,
}
