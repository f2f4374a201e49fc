/**
 * How text is cut into tokens and put together again. The schemes are told apart by their name, which
 * is also what a saved tokenizer is recognised by. `bpe` has a file of its own.
 */

export type SchemeName = 'character' | 'byte' | 'word' | 'whitespace' | 'bpe'

/** Turns tokens into text one at a time, for output that appears while it is generated. */
export interface Joiner {
  /** The text that this token adds. */
  write(token: string): string
  /** What is still held back, such as an incomplete UTF-8 sequence. */
  end(): string
}

export interface Scheme {
  readonly name: SchemeName
  split(text: string): Iterable<string>
  joiner(): Joiner
  /** The text of a token by itself. */
  show(token: string): string
}

const asItIs = (token: string): string => token
const concatenation: Joiner = { write: asItIs, end: () => '' }

/** Unicode code points. */
const character: Scheme = {
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

/** UTF-8 bytes. */
const byte: Scheme = {
  name: 'byte',
  *split(text) {
    for (const value of Buffer.from(text, 'utf8')) yield BYTE_TOKENS[value] as string
  },
  joiner: byteJoiner,
  show: showBytes,
}

/** Code units given to the segmenter at a time: its cost grows with the square of the length. */
const SEGMENT_LENGTH = 1024

/** Word segments of a text of any length; a piece's last segment is cut again with what follows. */
function* segments(text: string, segmenter: Intl.Segmenter): Generator<string> {
  let begin = 0
  while (begin < text.length) {
    const newline = text.indexOf('\n', begin)
    const lineEnd = newline < 0 ? text.length : newline + 1
    const end = Math.min(lineEnd, begin + SEGMENT_LENGTH)
    const pieces = Array.from(segmenter.segment(text.slice(begin, end)), ({ segment }) => segment)
    if (end < lineEnd && pieces.length > 1) pieces.pop()
    for (const piece of pieces) {
      yield piece
      begin += piece.length
    }
  }
}

const segmenter = new Intl.Segmenter('en', { granularity: 'word' })
const ONLY_SPACES = /^ +$/

/**
 * Words and punctuation by Unicode's rules and, for Chinese, Japanese, Thai and their kin, by
 * dictionary. A single space belongs to the token after it (` whale`), so that tokens joined give
 * the text back exactly; other white space forms tokens of its own.
 */
const word: Scheme = {
  name: 'word',
  *split(text) {
    let space = ''
    for (const segment of segments(text, segmenter)) {
      if (ONLY_SPACES.test(segment)) {
        const run = space + segment
        if (run.length > 1) yield run.slice(1)
        space = ' '
      } else {
        yield space + segment
        space = ''
      }
    }
    if (space !== '') yield space
  },
  joiner: () => concatenation,
  show: asItIs,
}

/**
 * What stands between white space, and each line's end, in text that is tokenised already (Penn
 * Treebank, WikiText). Tokens are joined by single spaces.
 */
const whitespace: Scheme = {
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

export const schemes: Readonly<Record<Exclude<SchemeName, 'bpe'>, Scheme>> = {
  character,
  byte,
  word,
  whitespace,
}
