/**
 * Learns a byte-pair-encoding vocabulary (Gage 1994; Sennrich et al. 2016) over UTF-8 bytes: the most
 * frequent pair of neighbouring tokens becomes a token, again and again. Distinct pieces of text are
 * kept once with their count, all in one list whose tokens know their neighbours, and a merge touches only the
 * places of its pair; the counts of its neighbours are adjusted in place. All pairs wait in a heap whose entries
 * may be outdated: a count only ever falls after the merge that made the pair, so an outdated entry is too high,
 * and is put back lower when it comes up.
 */
import { PairTable, type Pair } from './bpe-pairs'
import { piecesOf } from './bpe-pieces'
import { Heap } from './heap'
import { BYTE_TOKENS, checkingCharacters, utf8InParts } from './scheme'
import { Tally } from './tally'

/** The two tokens that a token is made of. */
export type Merge = readonly [left: string, right: string]

export interface LearnedPairs {
  /** By id: the 256 bytes, then what merges make. */
  tokens: string[]
  merges: Merge[]
}

/** Pieces or places that are dealt with without a pause. */
const STRETCH = 1 << 12

const NONE = -1

/** The tokens of all distinct pieces, one piece after the other. A token that went into its left neighbour is NONE. */
class Pieces {
  readonly tokens: Int32Array
  /** How often the piece of each token occurs. */
  readonly counts: Float64Array
  private readonly nexts: Int32Array
  private readonly previous: Int32Array

  private constructor(size: number) {
    this.tokens = new Int32Array(size)
    this.counts = new Float64Array(size)
    this.nexts = new Int32Array(size)
    this.previous = new Int32Array(size)
  }

  static *of(distinct: Tally): Generator<void, Pieces> {
    let [size, done] = [0, 0]
    for (const { text } of distinct) {
      size += Buffer.byteLength(text)
      if (++done % STRETCH === 0) yield
    }
    const pieces = new Pieces(size)
    let at = 0
    for (const { text, count } of distinct) {
      const begin = at
      for (const bytes of utf8InParts(text)) {
        pieces.put(bytes, at, count)
        at += bytes.length
        if (bytes.length >= STRETCH || ++done % STRETCH === 0) yield
      }
      pieces.previous[begin] = NONE
      pieces.nexts[at - 1] = NONE
    }
    return pieces
  }

  /** Puts a part of a piece, as if the piece went on at both of its ends. */
  private put(bytes: Uint8Array, begin: number, count: number): void {
    const end = begin + bytes.length
    this.tokens.set(bytes, begin)
    this.counts.fill(count, begin, end)
    for (let at = begin; at < end; ++at) {
      this.previous[at] = at - 1
      this.nexts[at] = at + 1
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

function* countingPieces(texts: Iterable<string>): Generator<void, Tally> {
  const distinct = new Tally()
  let done = 0
  for (const text of texts) {
    for (const _ of checkingCharacters(text)) yield
    for (const piece of piecesOf(text)) {
      if (piece !== null) distinct.add(piece)
      if (piece === null || ++done % STRETCH === 0) yield
    }
  }
  return distinct
}

/** The most frequent pair first; of equals the one whose tokens are older. */
const before = (a: Offer, b: Offer): boolean =>
  (b.count - a.count || a.pair.left - b.pair.left || a.pair.right - b.pair.right) < 0

/** A pair and how often it occurred when it was offered. */
interface Offer {
  readonly pair: Pair
  readonly count: number
}

/**
 * Merges pairs that occur at least `minCount` times until there are `vocabulary` tokens. Tokens named
 * in `reserved` are not made. The result does not depend on the order of the texts. May pause now and then.
 */
export function* learningPairs(
  texts: Iterable<string>,
  { vocabulary, minCount }: { vocabulary: number; minCount: number },
  reserved: ReadonlySet<string>,
): Generator<void, LearnedPairs> {
  const pieces = yield* Pieces.of(yield* countingPieces(texts))
  const table = new PairTable(pieces.tokens.length)
  const heap = new Heap(before)
  /** Pairs that the current merge has made. */
  const made = new Set<Pair>()
  const pairAt = (place: number) => table.get(pieces.at(place), pieces.at(pieces.next(place)))
  const add = (place: number) => {
    const pair = pairAt(place)
    table.add(pair, pieces.counts[place] as number, place)
    made.add(pair)
  }
  const remove = (place: number) =>
    table.remove(pairAt(place), pieces.counts[place] as number, place)
  const offer = (pair: Pair) => heap.push({ pair, count: pair.count })
  let done = 0
  function* offerMade(): Generator<void, void> {
    for (const pair of made) {
      offer(pair)
      if (++done % STRETCH === 0) yield
    }
    made.clear()
  }

  for (let place = 0; place < pieces.tokens.length; ++place) {
    if (pieces.next(place) !== NONE) add(place)
    if (++done % STRETCH === 0) yield
  }
  yield* offerMade()

  const replace = (place: number, { left, right }: Pair, merged: number) => {
    const second = pieces.next(place)
    // It may have changed since the place was noted.
    if (pieces.at(place) !== left || second === NONE || pieces.at(second) !== right) return
    const previous = pieces.before(place)
    const next = pieces.next(second)
    if (previous !== NONE) remove(previous)
    if (next !== NONE) remove(second)
    pieces.merge(place, merged)
    if (previous !== NONE) add(previous)
    if (next !== NONE) add(place)
  }

  const tokens = [...BYTE_TOKENS]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges: Merge[] = []
  while (tokens.length < vocabulary) {
    const offered = heap.pop()
    if (offered === undefined) break
    if (++done % STRETCH === 0) yield
    const { pair, count } = offered
    if (pair.count < minCount || pair.merged) continue
    if (pair.count < count) {
      offer(pair)
      continue
    }
    const merge: Merge = [tokens[pair.left] as string, tokens[pair.right] as string]
    const token = merge.join('')
    if (reserved.has(token)) continue
    merges.push(merge)
    // A token may be reached in two ways, such as ab+c and a+bc.
    const id = ids.get(token) ?? tokens.push(token) - 1
    ids.set(token, id)
    for (const run of table.take(pair)) {
      if (run === null) yield
      else
        for (const place of run) {
          replace(place, pair, id)
          if (++done % STRETCH === 0) yield
        }
    }
    yield* offerMade()
  }
  return { tokens, merges }
}
