/**
 * Words and punctuation by Unicode's rules and, for Chinese, Japanese, Thai and their kin, by dictionary. A word
 * is one token wherever it stands: the single space before it is not written where a reader would put one
 * anyway, and what deviates from that has tokens of its own, so that the text comes back exactly.
 */
import { RnnativeError } from '../errors'
import { messageOf } from '../kinds'
import type { Joiner, Scheme } from './scheme'

/** Stands between two tokens without the space that would be between them. No text has it as a segment. */
export const JOIN = '<join>'
const SPACE = ' '

/** Tokens that say how others are spaced: every vocabulary of words has them. */
export const SPACING: readonly string[] = [JOIN, SPACE]

/** Code units given to the segmenter at a time: its cost grows with the square of the length. */
const SEGMENT_LENGTH = 1024

/** Code units of lines that are segmented together. */
const LINES_LENGTH = 256

/** Code units that are segmented without a pause, however few tokens they are. */
const STRETCH = 1 << 10

type Granularity = 'word' | 'grapheme'
const made: Partial<Record<Granularity, Intl.Segmenter>> = {}

/** Made when words are first cut: all but words works without, as in a Node with small ICU. */
function segmenterOf(granularity: Granularity): Intl.Segmenter {
  try {
    return (made[granularity] ??= new Intl.Segmenter('en', { granularity }))
  } catch (cause) {
    throw new RnnativeError(
      'ERR_UNSUPPORTED',
      `[tokenizer] words: Intl.Segmenter does not work in this Node (${messageOf(cause)}); ` +
        'use one with full ICU, or characters, bytes, bpe or spaces',
      { cause },
    )
  }
}

/** Segments of a text of any length; a piece's last segment is cut again with what follows. */
export function* segmentsOf(text: string, granularity: Granularity = 'word'): Generator<string> {
  const segmenter = segmenterOf(granularity)
  let begin = 0
  while (begin < text.length) {
    const window = text.slice(begin, begin + SEGMENT_LENGTH)
    // Short lines together, since each call has its price: a line's end parts words.
    const lines = window.lastIndexOf('\n', LINES_LENGTH - 1) + 1 || window.indexOf('\n') + 1
    const end = lines || window.length
    const pieces = Array.from(segmenter.segment(window.slice(0, end)), ({ segment }) => segment)
    const whole = lines > 0 || begin + end === text.length
    if (!whole && pieces.length > 1) pieces.pop()
    for (const piece of pieces) {
      yield piece
      begin += piece.length
    }
  }
}

export const ONLY_SPACES = /^ +$/
const WHITE = /^\s+$/
/** No space follows these. */
const OPENS = /^[([{“‘«„¿¡$£€#@/\-–—]$/u
/** No space precedes these. */
const CLOSES = /^[.,:;!?)\]}”’»…%'/\-–—。，、：；！？）」』》]$/u
/** Ends like a mark of Chinese or Japanese, which brings its own space. */
const WIDE = /[。，、：；！？（）「」『』《》]$/u
const SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar']
const CONTINUOUS = SCRIPTS.map((name) => `\\p{Script=${name}}`).join('')
/** Written without spaces between words. */
const BEGINS_CONTINUOUS = new RegExp(`^[${CONTINUOUS}（「『《]`, 'u')
const ENDS_CONTINUOUS = new RegExp(`[${CONTINUOUS}ー]$`, 'u')
const WORD = /^[\p{L}\p{M}\p{N}_]/u

/** Where a space is expected, told token by token. */
class Spacing {
  /** The last token; null where nothing has been written, or no space is to follow. */
  private last: string | null = null
  /** Whether a straight quotation mark has been opened in this line. */
  private quoted = false

  /** Whether a space comes before this token. */
  before(token: string): boolean {
    const { last } = this
    if (last === null || WHITE.test(last) || WHITE.test(token)) return false
    if (OPENS.test(last) || CLOSES.test(token) || WIDE.test(last)) return false
    if (last === '"' && this.quoted) return false
    if (token === '"' && this.quoted) return false
    if (BEGINS_CONTINUOUS.test(token)) return !WORD.test(last)
    return !ENDS_CONTINUOUS.test(last)
  }

  accept(token: string): void {
    this.last = token
    if (token === '"') this.quoted = !this.quoted
    else if (token.includes('\n')) this.quoted = false
  }

  join(): void {
    this.last = null
  }
}

function joiner(): Joiner {
  const spacing = new Spacing()
  return {
    write(token) {
      if (token === JOIN) {
        spacing.join()
        return ''
      }
      const space = spacing.before(token) ? SPACE : ''
      spacing.accept(token)
      return space + token
    },
    end: () => '',
  }
}

export const words: Scheme = {
  name: 'word',
  *split(text) {
    const spacing = new Spacing()
    let gap = ''
    let units = 0
    for (const segment of segmentsOf(text)) {
      units += segment.length
      if (units >= STRETCH) {
        units = 0
        yield null
      }
      if (ONLY_SPACES.test(segment)) {
        gap += segment
        continue
      }
      const usual = spacing.before(segment) ? SPACE : ''
      if (gap !== usual) yield gap === '' ? JOIN : gap
      gap = ''
      spacing.accept(segment)
      yield segment
    }
    if (gap !== '') yield gap
  },
  joiner,
  show: (token) => (token === JOIN ? '' : token),
}

/**
 * As earlier versions did: a single space belongs to the token after it (` whale`), so that a word after a space
 * is another than the word at the beginning of a line.
 */
export const spacedWords: Scheme = {
  name: 'spaced word',
  *split(text) {
    let space = ''
    for (const segment of segmentsOf(text)) {
      if (ONLY_SPACES.test(segment)) {
        const run = space + segment
        if (run.length > 1) yield run.slice(1)
        space = SPACE
      } else {
        yield space + segment
        space = ''
      }
    }
    if (space !== '') yield space
  },
  joiner: () => ({ write: (token) => token, end: () => '' }),
  show: (token) => token,
}
