/**
 * Pairs of neighbouring tokens: how often each occurs, and where. A place has one pair at a time, so the places of all
 * pairs are lists in two arrays, which the garbage collector need not walk.
 */
import { Heap } from './heap'

const NONE = -1

export class Pair {
  count = 0
  /** Whether it has been merged. Where it comes up again later it stays, and its places are not noted. */
  merged = false
  /** The ends of the list of its places. */
  first = NONE
  last = NONE

  constructor(
    readonly left: number,
    readonly right: number,
  ) {}
}

/** Places that are sorted without a pause. */
const PART = 1 << 16

export class PairTable {
  /** By left token, then by the right one. */
  private readonly rows: Map<number, Pair>[] = []
  private readonly nexts: Int32Array
  private readonly previous: Int32Array
  private readonly part = new Int32Array(PART)

  constructor(places: number) {
    this.nexts = new Int32Array(places)
    this.previous = new Int32Array(places)
  }

  get(left: number, right: number): Pair {
    const row = (this.rows[left] ??= new Map<number, Pair>())
    let pair = row.get(right)
    if (pair === undefined) row.set(right, (pair = new Pair(left, right)))
    return pair
  }

  /** `times` more of a pair, with the left token at that place. */
  add(pair: Pair, times: number, place: number): void {
    pair.count += times
    if (pair.merged) return
    this.previous[place] = pair.last
    this.nexts[place] = NONE
    if (pair.last === NONE) pair.first = place
    else this.nexts[pair.last] = place
    pair.last = place
  }

  /** Takes back what {@link add} did. */
  remove(pair: Pair, times: number, place: number): void {
    pair.count -= times
    if (pair.merged) return
    const [before, after] = [this.previous[place] as number, this.nexts[place] as number]
    if (before === NONE) pair.first = after
    else this.nexts[before] = after
    if (after === NONE) pair.last = before
    else this.previous[after] = before
  }

  /** Merges a pair: its places from left to right, in runs; null where there may be a pause. */
  *take(pair: Pair): Generator<Int32Array | null, void> {
    pair.merged = true
    const sorted = new Heap<Int32Array>((a, b) => (a[0] as number) < (b[0] as number))
    const { part } = this
    for (let place = pair.first; place !== NONE;) {
      let size = 0
      for (; place !== NONE && size < part.length; place = this.nexts[place] as number)
        part[size++] = place
      sorted.push(part.slice(0, size).sort())
      if (size === PART) yield null
    }
    for (let first = sorted.pop(), second; first !== undefined; first = second) {
      second = sorted.pop()
      const end = second === undefined ? first.length : countUpTo(first, second[0] as number)
      yield first.subarray(0, end)
      if (end < first.length) sorted.push(first.subarray(end))
    }
  }
}

/** How many of these sorted numbers are at most `most`. */
function countUpTo(numbers: Int32Array, most: number): number {
  let count = 0
  while (count < numbers.length && (numbers[count] as number) <= most) ++count
  return count
}
