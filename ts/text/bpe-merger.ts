/**
 * Merges of a byte-pair encoding applied to pieces: the earliest learned pair first, of equals the leftmost. The
 * pairs of a piece wait in a heap, so that long ones take n log n.
 */
import type { Merge } from './bpe-trainer'
import { Heap } from './heap'
import { utf8InParts } from './scheme'

/** Pieces whose tokens are remembered: most of a text is words that have been seen. */
const REMEMBERED = 1 << 16
/** Longer ones are not words. */
const LONGEST_REMEMBERED = 64
/** Pairs that are merged without a pause. */
const STRETCH = 1 << 12

const NONE = -1

interface Made {
  /** When the pair was learned. */
  rank: number
  token: number
}

export class Merger {
  /** Left and right, and what they make. */
  private readonly pairs = new Map<number, Made>()
  private readonly known = new Map<string, readonly string[]>()

  constructor(
    private readonly tokens: readonly string[],
    merges: readonly Merge[],
  ) {
    const ids = new Map(tokens.map((token, id) => [token, id]))
    const idOf = (token: string) => ids.get(token) as number
    merges.forEach(([left, right], rank) => {
      const key = this.keyOf(idOf(left), idOf(right))
      if (!this.pairs.has(key)) this.pairs.set(key, { rank, token: idOf(left + right) })
    })
  }

  private keyOf(left: number, right: number): number {
    return left * this.tokens.length + right
  }

  /** The tokens of a piece; null where there may be a pause. */
  *merged(piece: string): Generator<string | null> {
    if (piece.length > LONGEST_REMEMBERED) return yield* this.merge(piece)
    const { known } = this
    let tokens = known.get(piece)
    if (tokens === undefined) {
      tokens = [...this.merge(piece)].filter((token) => token !== null)
      if (known.size >= REMEMBERED) known.clear()
      known.set(piece, tokens)
    }
    yield* tokens
  }

  private *merge(piece: string): Generator<string | null, void> {
    const length = Buffer.byteLength(piece)
    const ids = new Int32Array(length)
    // By place; a token that went into its left neighbour is NONE.
    const next = new Int32Array(length)
    const before = new Int32Array(length)
    const waiting = new Heap<number>((a, b) => a < b)
    const pairAt = (at: number) => {
      const other = next[at] as number
      return other === NONE
        ? undefined
        : this.pairs.get(this.keyOf(ids[at] as number, ids[other] as number))
    }
    // Rank first, then place, in one number.
    const offer = (at: number) => {
      const pair = pairAt(at)
      if (pair) waiting.push(pair.rank * length + at)
    }
    let filled = 0
    for (const bytes of utf8InParts(piece)) {
      ids.set(bytes, filled)
      filled += bytes.length
      if (bytes.length >= STRETCH) yield null
    }
    for (let at = 0; at < length; ++at) {
      next[at] = at + 1 < length ? at + 1 : NONE
      before[at] = at - 1
      if (at > 0) offer(at - 1)
      if ((at + 1) % STRETCH === 0) yield null
    }
    for (let count = 1; ; ++count) {
      const first = waiting.pop()
      if (first === undefined) break
      const at = first % length
      const pair = ids[at] === NONE ? undefined : pairAt(at)
      // What was there when it was offered may have been merged.
      if (pair && pair.rank * length + at === first) {
        const taken = next[at] as number
        const after = next[taken] as number
        ids[at] = pair.token
        ids[taken] = NONE
        next[at] = after
        if (after !== NONE) before[after] = at
        if (at > 0) offer(before[at] as number)
        offer(at)
      }
      if (count % STRETCH === 0) yield null
    }
    for (let at = 0; at !== NONE; at = next[at] as number)
      yield this.tokens[ids[at] as number] as string
  }
}
