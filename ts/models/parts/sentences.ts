/** Sentences of running text, by Unicode's rules. */
import { RnnativeError } from '../../errors'
import { messageOf } from '../../kinds'
import { partsOf } from './text-parts'

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

/** The same of a window that no sentence ends in, and that is not looked at again. */
const WIDEST = 1 << 16

/** A single line end within a paragraph is a space. The first of a part of the text follows what stands before it. */
const WRAPPED = /(?<=\S|^)[^\S\n]*\n[^\S\n]*(?=\S)/g

/** The last letter or digit: what goes on after it begins no sentence. */
const INSIDE = /[\p{L}\p{N}](?![\p{M}\u200d])(?=[^\p{L}\p{N}]*$)/u

interface Segment {
  text: string
  /** Whether the sentence is longer. */
  goesOn: boolean
}

/** Segments of a text of any length; a window's last is cut again with what follows. */
function* segmentsOf(text: string): Generator<Segment> {
  const segmenter = sentenceSegmenter()
  let size = WINDOW
  for (let begin = 0; begin < text.length;) {
    const window = text.slice(begin, begin + size)
    const end = begin + window.length
    const pieces = Array.from(segmenter.segment(window), ({ segment }) => segment)
    if (end < text.length) pieces.pop()
    if (pieces.length === 0 && size >= WIDEST) {
      const found = INSIDE.exec(window.slice(-WINDOW))
      const kept = found ? size - WINDOW + found.index + found[0].length : size
      yield { text: window.slice(0, kept), goesOn: true }
      begin += kept
      continue
    }
    // A sentence that fills the window is looked at in a larger one.
    size = pieces.length > 0 ? WINDOW : 2 * size
    for (const piece of pieces) {
      yield { text: piece, goesOn: false }
      begin += piece.length
    }
  }
}

/** A text whose lines are wrapped no more. */
function* unwrapping(text: string): Generator<void, string> {
  const parts: string[] = []
  for (const part of partsOf(text)) {
    const wrapped = part.includes('\n')
    parts.push(wrapped ? part.replaceAll('\r\n', '\n').replace(WRAPPED, ' ') : part)
    yield
  }
  return parts.join('')
}

/** The sentences of a text, without the space around them. Yields where there may be a pause. */
export function* cuttingSentences(text: string): Generator<void, string[]> {
  const all: string[] = []
  let begun = ''
  for (const { text: segment, goesOn } of segmentsOf(yield* unwrapping(text))) {
    begun += segment
    if (goesOn) yield
    if (goesOn || GOES_ON.test(begun.slice(-16))) continue
    const sentence = begun.trim()
    if (sentence !== '') all.push(sentence)
    begun = ''
    yield
  }
  if (begun.trim() !== '') all.push(begun.trim())
  return all
}
