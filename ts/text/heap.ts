/**
 * A binary heap: the first of what it holds comes out first, by an order that is total. It is kept in parts, since an
 * array of millions stops the event loop each time that it grows.
 */
const [BITS, MASK] = [15, (1 << 15) - 1]

export class Heap<T> {
  private readonly parts: T[][] = []
  private size = 0

  constructor(private readonly before: (a: T, b: T) => boolean) {}

  private get(at: number): T {
    return (this.parts[at >> BITS] as T[])[at & MASK] as T
  }

  private set(at: number, value: T): void {
    ;(this.parts[at >> BITS] ??= [])[at & MASK] = value
  }

  push(value: T): void {
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = this.get(parent)
      if (!this.before(value, above)) break
      this.set(at, above)
      at = parent
    }
    this.set(at, value)
  }

  pop(): T | undefined {
    if (this.size === 0) return undefined
    const top = this.get(0)
    const size = --this.size
    const last = this.get(size)
    // Lest it be held for ever.
    const part = this.parts[size >> BITS] as T[]
    part.length = size & MASK
    if (part.length === 0) this.parts.pop()
    if (size === 0) return top
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.before(this.get(child + 1), this.get(child))) ++child
      const below = this.get(child)
      if (!this.before(below, last)) break
      this.set(at, below)
      at = child
    }
    this.set(at, last)
    return top
  }
}
