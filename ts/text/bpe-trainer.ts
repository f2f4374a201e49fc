/**
 * Learns a byte-pair-encoding vocabulary (Gage 1994; Sennrich et al. 2016) over UTF-8 bytes: the most
 * frequent pair of neighbouring tokens becomes a token, again and again. Distinct pieces of text are
 * kept once with their count, and a merge touches only the pieces that hold its pair; the counts of
 * its neighbours are adjusted in place. All pairs wait in a heap whose entries may be outdated: a
 * count only ever falls after the merge that made the pair, so an outdated entry is too high, and is
 * put back lower when it comes up.
 */
import { BYTE_TOKENS } from './scheme'

/** The two tokens that a token is made of. */
export type Merge = readonly [left: string, right: string]

export interface LearnedPairs {
  /** By id: the 256 bytes, then what merges make. */
  tokens: string[]
  merges: Merge[]
}

// Marks that stand beside words in plain text. Not among them are those that words of tokenised text
// hold: apostrophes, hyphens, and & and ; of entities such as &apos; or &quot;.
const MARKS = '.,:!?()\\[\\]{}"“”„«»…。，、：！？（）「」『』《》'

/**
 * Pieces that tokens never cross: a word with the space before it, or a run of marks; more space
 * stands alone. Written so that it means the same in JavaScript and in Oniguruma.
 */
export const PIECES =
  ` ?[^\\p{White_Space}${MARKS}]+| ?[${MARKS}]+|` +
  '\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+'

const pattern = new RegExp(PIECES, 'gu')

/** The pieces of a text that is not empty, with a space before the first word. */
export function* piecesOf(text: string): Generator<string> {
  if (text !== '') for (const [piece] of ` ${text}`.matchAll(pattern)) yield piece
}

interface Pair {
  count: number
  left: number
  right: number
}

/** The most frequent pair first; of equals the one whose tokens are older. */
const before = (a: Pair, b: Pair): boolean =>
  (b.count - a.count || a.left - b.left || a.right - b.right) < 0

/** A binary heap. */
class PairHeap {
  private readonly pairs: Pair[] = []

  push(pair: Pair): void {
    const { pairs } = this
    let at = pairs.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = pairs[parent] as Pair
      if (!before(pair, above)) break
      pairs[at] = above
      at = parent
    }
    pairs[at] = pair
  }

  pop(): Pair | undefined {
    const { pairs } = this
    const top = pairs[0]
    const last = pairs.pop()
    if (last === undefined || pairs.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= pairs.length) break
      if (child + 1 < pairs.length && before(pairs[child + 1] as Pair, pairs[child] as Pair))
        ++child
      const below = pairs[child] as Pair
      if (!before(below, last)) break
      pairs[at] = below
      at = child
    }
    pairs[at] = last
    return top
  }
}

interface Piece {
  tokens: number[]
  count: number
}

const keyOf = (left: number, right: number): number => left * 2 ** 26 + right

/** Counts of all pairs, and where each may be found. */
class PairTable {
  private readonly counts = new Map<number, number>()
  private readonly places = new Map<number, number[]>()

  count(left: number, right: number): number {
    return this.counts.get(keyOf(left, right)) ?? 0
  }

  /** Notes `times` more of a pair in a piece. */
  add(left: number, right: number, times: number, piece: number): void {
    const key = keyOf(left, right)
    const count = this.counts.get(key)
    this.counts.set(key, (count ?? 0) + times)
    const places = this.places.get(key)
    if (places === undefined) this.places.set(key, [piece])
    else if (places.at(-1) !== piece) places.push(piece)
  }

  subtract(left: number, right: number, times: number): void {
    this.counts.set(keyOf(left, right), this.count(left, right) - times)
  }

  /** Forgets a pair; the pieces that held it, some perhaps no more. */
  take(left: number, right: number): number[] {
    const key = keyOf(left, right)
    const places = this.places.get(key) ?? []
    this.places.delete(key)
    this.counts.delete(key)
    return places
  }
}

function countPieces(texts: Iterable<string>): Piece[] {
  const counts = new Map<string, number>()
  for (const text of texts)
    for (const piece of piecesOf(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1)
  return Array.from(counts, ([piece, count]) => ({
    tokens: [...Buffer.from(piece, 'utf8')],
    count,
  }))
}

/**
 * Merges pairs that occur at least `minCount` times until there are `vocabulary` tokens. Tokens named
 * in `reserved` are not made. The result does not depend on the order of the texts.
 */
export function learnPairs(
  texts: Iterable<string>,
  { vocabulary, minCount }: { vocabulary: number; minCount: number },
  reserved: ReadonlySet<string>,
): LearnedPairs {
  const all = countPieces(texts)
  const table = new PairTable()
  const heap = new PairHeap()
  /** Pairs that the current merge has made. */
  const made = new Map<number, Pair>()
  const add = (left: number, right: number, times: number, piece: number) => {
    table.add(left, right, times, piece)
    made.set(keyOf(left, right), { left, right, count: 0 })
  }
  const offerMade = () => {
    for (const { left, right } of made.values())
      heap.push({ left, right, count: table.count(left, right) })
    made.clear()
  }

  all.forEach(({ tokens, count }, piece) => {
    for (let i = 1; i < tokens.length; ++i)
      add(tokens[i - 1] as number, tokens[i] as number, count, piece)
  })
  offerMade()

  /** Replaces the pair in one piece by the token `merged`, from left to right. */
  const replace = (piece: number, { left, right }: Pair, merged: number) => {
    const { tokens, count } = all[piece] as Piece
    let length = 0
    for (let at = 0; at < tokens.length; ++at) {
      if (tokens[at] !== left || tokens[at + 1] !== right) {
        tokens[length++] = tokens[at] as number
        continue
      }
      if (length > 0) {
        const previous = tokens[length - 1] as number
        table.subtract(previous, left, count)
        add(previous, merged, count, piece)
      }
      const next = tokens[at + 2]
      if (next !== undefined) {
        table.subtract(right, next, count)
        add(merged, next, count, piece)
      }
      tokens[length++] = merged
      ++at
    }
    tokens.length = length
  }

  const tokens = [...BYTE_TOKENS]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges = new Map<number, Merge>()
  while (tokens.length < vocabulary) {
    const pair = heap.pop()
    if (pair === undefined) break
    const { left, right } = pair
    const key = keyOf(left, right)
    const count = table.count(left, right)
    if (count < minCount || merges.has(key)) continue
    if (count < pair.count) {
      heap.push({ left, right, count })
      continue
    }
    const merge: Merge = [tokens[left] as string, tokens[right] as string]
    const token = merge.join('')
    if (reserved.has(token)) continue
    merges.set(key, merge)
    // A token may be reached in two ways, such as ab+c and a+bc.
    const id = ids.get(token) ?? tokens.push(token) - 1
    ids.set(token, id)
    for (const piece of table.take(left, right)) replace(piece, pair, id)
    offerMade()
  }
  return { tokens, merges: [...merges.values()] }
}
