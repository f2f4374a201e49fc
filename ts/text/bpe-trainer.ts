/**
 * Learns a byte-pair-encoding vocabulary (Gage 1994; Sennrich et al. 2016) over UTF-8 bytes: the most
 * frequent pair of neighbouring tokens becomes a token, again and again. Distinct pieces of text are
 * kept once with their count, all in one list whose tokens know their neighbours, and a merge touches only the
 * places of its pair; the counts of its neighbours are adjusted in place. All pairs wait in a heap whose entries
 * may be outdated: a count only ever falls after the merge that made the pair, so an outdated entry is too high,
 * and is put back lower when it comes up.
 */
import { piecesOf } from './bpe-pieces'
import { Heap } from './heap'
import { atOnce } from '../pauses'
import { BYTE_TOKENS, checkingCharacters } from './scheme'

/** The two tokens that a token is made of. */
export type Merge = readonly [left: string, right: string]

export interface LearnedPairs {
  /** By id: the 256 bytes, then what merges make. */
  tokens: string[]
  merges: Merge[]
}

interface Pair {
  count: number
  left: number
  right: number
}

/** The most frequent pair first; of equals the one whose tokens are older. */
const before = (a: Pair, b: Pair): boolean =>
  (b.count - a.count || a.left - b.left || a.right - b.right) < 0

const keyOf = (left: number, right: number): number => left * 2 ** 26 + right

/** Counts of all pairs, and where each may be found. */
class PairTable {
  private readonly counts = new Map<number, number>()
  private readonly places = new Map<number, number[]>()

  count(left: number, right: number): number {
    return this.counts.get(keyOf(left, right)) ?? 0
  }

  /** Notes `times` more of a pair, whose left token is at that place. */
  add(left: number, right: number, times: number, place: number): void {
    const key = keyOf(left, right)
    this.counts.set(key, (this.counts.get(key) ?? 0) + times)
    const places = this.places.get(key)
    if (places === undefined) this.places.set(key, [place])
    else places.push(place)
  }

  subtract(left: number, right: number, times: number): void {
    this.counts.set(keyOf(left, right), this.count(left, right) - times)
  }

  /** Forgets a pair; the places where it was, some perhaps no more, from left to right. */
  take(left: number, right: number): Float64Array {
    const key = keyOf(left, right)
    const places = Float64Array.from(this.places.get(key) ?? []).sort()
    this.places.delete(key)
    this.counts.delete(key)
    return places
  }
}

const NONE = -1

/** The tokens of all distinct pieces, one piece after the other. A token that went into its left neighbour is NONE. */
class Pieces {
  readonly tokens: Int32Array
  /** How often the piece of each token occurs. */
  readonly counts: Float64Array
  private readonly nexts: Int32Array
  private readonly previous: Int32Array

  constructor(pieces: ReadonlyMap<string, number>) {
    const all = Array.from(pieces, ([piece, count]) => ({ bytes: Buffer.from(piece), count }))
    const size = all.reduce((sum, { bytes }) => sum + bytes.length, 0)
    this.tokens = new Int32Array(size)
    this.counts = new Float64Array(size)
    this.nexts = new Int32Array(size)
    this.previous = new Int32Array(size)
    let begin = 0
    for (const { bytes, count } of all) {
      const end = begin + bytes.length
      this.tokens.set(bytes, begin)
      this.counts.fill(count, begin, end)
      for (let at = begin; at < end; ++at) {
        this.previous[at] = at === begin ? NONE : at - 1
        this.nexts[at] = at + 1 === end ? NONE : at + 1
      }
      begin = end
    }
  }

  /** The place of the token after that at `place`, or NONE. */
  next(place: number): number {
    return this.nexts[place] as number
  }

  before(place: number): number {
    return this.previous[place] as number
  }

  /** The token at a place; NONE where there is none. */
  at(place: number): number {
    return place < 0 ? NONE : (this.tokens[place] as number)
  }

  /** Makes the token at `place` and the next one `merged`. */
  merge(place: number, merged: number): void {
    const taken = this.next(place)
    const next = this.next(taken)
    this.tokens[place] = merged
    this.tokens[taken] = NONE
    this.nexts[place] = next
    if (next !== NONE) this.previous[next] = place
  }
}

function countPieces(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) {
    atOnce(checkingCharacters(text))
    for (const piece of piecesOf(text))
      if (piece !== null) counts.set(piece, (counts.get(piece) ?? 0) + 1)
  }
  return counts
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
  const pieces = new Pieces(countPieces(texts))
  const table = new PairTable()
  const heap = new Heap(before)
  /** Pairs that the current merge has made. */
  const made = new Map<number, Pair>()
  const add = (place: number) => {
    const [left, right] = [pieces.at(place), pieces.at(pieces.next(place))]
    table.add(left, right, pieces.counts[place] as number, place)
    made.set(keyOf(left, right), { left, right, count: 0 })
  }
  const subtract = (place: number) => {
    const [left, right] = [pieces.at(place), pieces.at(pieces.next(place))]
    table.subtract(left, right, pieces.counts[place] as number)
  }
  const offerMade = () => {
    for (const { left, right } of made.values())
      heap.push({ left, right, count: table.count(left, right) })
    made.clear()
  }

  for (let place = 0; place < pieces.tokens.length; ++place)
    if (pieces.next(place) !== NONE) add(place)
  offerMade()

  const replace = (place: number, { left, right }: Pair, merged: number) => {
    const second = pieces.next(place)
    // It may have changed since the place was noted.
    if (pieces.at(place) !== left || second === NONE || pieces.at(second) !== right) return
    const [previous, next] = [pieces.before(place), pieces.next(second)]
    if (previous !== NONE) subtract(previous)
    if (next !== NONE) subtract(second)
    pieces.merge(place, merged)
    if (previous !== NONE) add(previous)
    if (next !== NONE) add(place)
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
    for (const place of table.take(left, right)) replace(place, pair, id)
    offerMade()
  }
  return { tokens, merges: [...merges.values()] }
}
