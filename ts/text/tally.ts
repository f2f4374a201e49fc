/**
 * How often each string occurs, in the order in which they came first. In parts: a map or an array of a million stops
 * the event loop each time that it grows, and an object for each string whenever the garbage collector walks them all.
 */
const SHARDS = 64
const [BITS, MASK] = [16, (1 << 16) - 1]

/** Whatever spreads them evenly. */
function shardOf(text: string): number {
  const { length } = text
  const ends = 31 * text.charCodeAt(0) + text.charCodeAt(length - 1)
  return (31 * ends + text.charCodeAt(length >> 1) + length) & (SHARDS - 1)
}

export class Tally {
  /** Numbers of the strings, from 0. */
  private readonly shards = Array.from({ length: SHARDS }, () => new Map<string, number>())
  private readonly parts: { texts: string[]; counts: Float64Array }[] = []
  private size = 0

  add(text: string): void {
    const shard = this.shards[shardOf(text)] as Map<string, number>
    let number = shard.get(text)
    if (number === undefined) shard.set(text, (number = this.append(text)))
    const { counts } = this.parts[number >> BITS] as { counts: Float64Array }
    counts[number & MASK]! += 1
  }

  private append(text: string): number {
    if ((this.size & MASK) === 0) this.parts.push({ texts: [], counts: new Float64Array(MASK + 1) })
    this.parts.at(-1)?.texts.push(text)
    return this.size++
  }

  *[Symbol.iterator](): Generator<{ text: string; count: number }, void> {
    for (const { texts, counts } of this.parts)
      for (const [i, text] of texts.entries()) yield { text, count: counts[i] as number }
  }
}
