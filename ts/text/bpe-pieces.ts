/** What byte pairs are learned and merged in. */

// Marks that stand beside words in plain text. Not among them are those that words of tokenised text
// hold: apostrophes, hyphens, and & and ; of entities such as &apos; or &quot;.
const MARKS = '.,:!?()[]{}"“”„«»…。，、：；！？（）「」『』《》'
const escaped = MARKS.replace(/[[\]]/g, '\\$&')

/**
 * Pieces that tokens never cross: a word with the space before it, or a run of marks; more space
 * stands alone. Written so that it means the same in JavaScript and in Oniguruma.
 */
export const PIECES =
  ` ?[^\\p{White_Space}${escaped}]+| ?[${escaped}]+|` +
  '\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+'

/** Characters that are passed without a pause. */
const STRETCH = 1 << 16

// 0 is all else.
const [WHITE, MARK] = [1, 2] as const
const SPACE = 32

/** The kind of each UTF-16 unit: marks and white space are all below U+10000. */
const KINDS = (() => {
  const kinds = new Uint8Array(1 << 16)
  for (let unit = 0; unit < kinds.length; ++unit)
    if (/\p{White_Space}/u.test(String.fromCharCode(unit))) kinds[unit] = WHITE
  for (const mark of MARKS) kinds[mark.charCodeAt(0)] = MARK
  return kinds
})()

/**
 * The pieces of a text that is not empty, with a space before the first word: the matches of {@link PIECES}, but
 * a regular expression has no room for pieces of millions of characters. null where there may be a pause.
 */
export function* piecesOf(text: string): Generator<string | null> {
  if (text === '') return
  const { length } = text
  // The space is at -1: a copy of a long text would take long.
  const unit = (at: number) => (at < 0 ? SPACE : text.charCodeAt(at))
  const kind = (at: number) => KINDS[unit(at)]
  for (let begin = -1, end: number; begin < length; begin = end) {
    const first = unit(begin) === SPACE && begin + 1 < length ? begin + 1 : begin
    const of = kind(first)
    end = first + 1
    if (of === WHITE) end = begin + 1
    while (end < length && kind(end) === of) if (++end % STRETCH === 0) yield null
    // The last one belongs to what follows, or stands alone.
    if (of === WHITE && end < length && end - begin > 1) --end
    yield begin < 0 ? ` ${text.slice(0, end)}` : text.slice(begin, end)
  }
}
