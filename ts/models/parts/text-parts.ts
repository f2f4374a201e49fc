/** Long texts in parts, so that cutting them into tokens leaves the event loop to others in between. */

/** Characters of a part, at least. */
const PART = 1 << 14

/** White space of any kind that follows none. */
const SPACE = /(?<=\S)\s/g

/**
 * Parts that begin with white space, but for the first: neither what stands between white space nor a run of it is
 * parted. `space`: what counts as white space, in a global pattern that matches its first character.
 */
export function* partsOf(text: string, space = SPACE): Generator<string> {
  for (let begin = 0; begin < text.length;) {
    space.lastIndex = begin + PART
    const end = text.length - begin > PART ? (space.exec(text)?.index ?? text.length) : text.length
    yield text.slice(begin, end)
    begin = end
  }
}
