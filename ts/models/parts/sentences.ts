/** Sentences of running text, by Unicode's rules. */
import { RnnativeError } from '../../errors'
import { messageOf } from '../../kinds'

// Made for the first text: a runtime without it has all else.
let made: Intl.Segmenter | null = null

function sentenceSegmenter(): Intl.Segmenter {
  try {
    return (made ??= new Intl.Segmenter('en', { granularity: 'sentence' }))
  } catch (cause) {
    throw new RnnativeError(
      'ERR_UNSUPPORTED',
      `[sentences] Intl.Segmenter does not work in this Node (${messageOf(cause)}); ` +
        'use one with full ICU, or give lists of sentences',
      { cause },
    )
  }
}

/** Code units given to the segmenter at a time: its cost grows with the square of the length. */
const WINDOW = 4096

/** What ends with a full stop and goes on: Unicode's rules know no abbreviations. */
const GOES_ON =
  /(?:^|[\s(])(?:\p{Lu}|[eE]\.g|i\.e|et al|cf|vs|Figs?|Eqs?|Secs?|Tab|Refs?|No|Nr|Dr|Mr|Mrs|Ms|Prof|St|z\.B|d\.h|bzw)\.\s+$/u

/** A single line end within a paragraph is a space. */
const WRAPPED = /(?<=\S)[^\S\n]*\n[^\S\n]*(?=\S)/g

/** Segments of a text of any length; a window's last is cut again with what follows. */
function* segmentsOf(text: string): Generator<string> {
  const segmenter = sentenceSegmenter()
  let size = WINDOW
  for (let begin = 0; begin < text.length;) {
    const end = Math.min(text.length, begin + size)
    const pieces = Array.from(segmenter.segment(text.slice(begin, end)), ({ segment }) => segment)
    if (end < text.length) pieces.pop()
    // A sentence that fills the window is looked at in a larger one.
    size = pieces.length > 0 ? WINDOW : 2 * size
    for (const piece of pieces) {
      yield piece
      begin += piece.length
    }
  }
}

/** The sentences of a text, without the space around them. Yields where there may be a pause. */
export function* cuttingSentences(text: string): Generator<void, string[]> {
  const all: string[] = []
  let begun = ''
  for (const segment of segmentsOf(text.replaceAll('\r\n', '\n').replace(WRAPPED, ' '))) {
    begun += segment
    if (GOES_ON.test(begun.slice(-16))) continue
    const sentence = begun.trim()
    if (sentence !== '') all.push(sentence)
    begun = ''
    yield
  }
  if (begun.trim() !== '') all.push(begun.trim())
  return all
}
