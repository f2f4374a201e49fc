/** Parts of words as fastText has them: runs of letters of `<word>`, known by their hashes alone. */

/** What ends a line to fastText; it has no parts. */
export const LINE_END = '</s>'

const [BEGIN, PRIME] = [2166136261, 16777619]

/** One step of FNV-1a, over bytes that are signed as fastText has them. */
const mix = (hash: number, byte: number): number => Math.imul(hash ^ ((byte << 24) >> 24), PRIME)

/** FNV-1a of a text's UTF-8. */
export function hashOf(text: string): number {
  let hash = BEGIN
  for (const byte of Buffer.from(text)) hash = mix(hash, byte)
  return hash >>> 0
}

const goesOn = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/** The hashes of the runs of `least` to `most` letters of `<word>`, none of which is a mark alone. */
export function partHashes(word: string, least: number, most: number): number[] {
  const hashes: number[] = []
  if (word === LINE_END) return hashes
  const bytes = Buffer.from(`<${word}>`)
  for (let from = 0; from < bytes.length; ++from) {
    if (goesOn(bytes[from])) continue
    let hash = BEGIN
    for (let at = from, letters = 1; at < bytes.length && letters <= most; ++letters) {
      do hash = mix(hash, bytes[at++] as number)
      while (goesOn(bytes[at]))
      const mark = letters === 1 && (from === 0 || at === bytes.length)
      if (letters >= least && !mark) hashes.push(hash >>> 0)
    }
  }
  return hashes
}
