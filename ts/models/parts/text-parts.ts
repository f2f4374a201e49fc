/** Long texts in parts, so that cutting them into tokens leaves the event loop to others in between. */

/** Characters of a part, at least. */
const PART = 1 << 14

/** What parts tokens, and what does not; both global. */
export interface White {
  space: RegExp
  other: RegExp
}

/** White space of any kind. */
const ANY: White = { space: /\s/g, other: /\S/g }

/** Where one is from here on; the text's length where there is none. */
function next(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}

/**
 * Parts that begin with white space, but for the first: neither what stands between white space nor a run of it is
 * parted.
 */
export function* partsOf(text: string, { space, other } = ANY): Generator<string> {
  for (let begin = 0; begin < text.length;) {
    // White space that follows none: the run that a part would end in stays whole.
    const word = next(other, text, begin + PART - 1)
    const end = text.length - begin > PART ? next(space, text, word) : text.length
    yield text.slice(begin, end)
    begin = end
  }
}
