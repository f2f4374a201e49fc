/**
 * N-grams as nodes of a tree: a node's parent is the n-gram without its last word, its suffix the one without its
 * first. Flat arrays and one hash table over (parent, word): ten million nodes take 300 MB, and there may be as many
 * as memory holds (a Map ends at 2^24). Node 0 is the empty n-gram; the unigram of word w is node 1 + w.
 */
export const ROOT = 0

/** Of the slots at most this share is taken. */
const FULL = 0.6

const hashOf = (parent: number, word: number): number => {
  let hash = Math.imul(parent, 0x9e3779b1) ^ Math.imul(word + 1, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

export class NgramTable {
  /** Nodes. */
  size = 0
  parent = new Int32Array(1024)
  word = new Int32Array(1024)
  suffix = new Int32Array(1024)
  /** Words of a node. */
  order = new Uint8Array(1024)
  /** Occurrences, while counting. */
  count = new Uint32Array(1024)
  /** Node ids, 0 where a slot is free: nobody looks for the root. */
  private slots = new Int32Array(4096)

  /** With a node for each word. */
  constructor(readonly words: number) {
    this.add(ROOT, 0, ROOT, 0)
    for (let word = 0; word < words; ++word) this.add(ROOT, word, ROOT, 1)
  }

  /** The node of a node's words and one more, or -1. */
  find(parent: number, word: number): number {
    if (parent === ROOT) return 1 + word
    const { slots } = this
    const mask = slots.length - 1
    for (let slot = hashOf(parent, word) & mask; ; slot = (slot + 1) & mask) {
      const node = slots[slot] as number
      if (node === 0) return -1
      if (this.parent[node] === parent && this.word[node] === word) return node
    }
  }

  /** The same, made where there is none. `suffix`: of the new node. */
  enter(parent: number, word: number, suffix: number): number {
    const found = this.find(parent, word)
    if (found >= 0) return found
    if (this.size > FULL * this.slots.length) this.widen()
    const node = this.add(parent, word, suffix, (this.order[parent] as number) + 1)
    this.place(node)
    return node
  }

  private add(parent: number, word: number, suffix: number, order: number): number {
    const node = this.size++
    if (node === this.parent.length) this.grow()
    this.parent[node] = parent
    this.word[node] = word
    this.suffix[node] = suffix
    this.order[node] = order
    return node
  }

  private place(node: number): void {
    const { slots } = this
    const mask = slots.length - 1
    let slot = hashOf(this.parent[node] as number, this.word[node] as number) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = node
  }

  private grow(): void {
    const length = 2 * this.parent.length
    const wider = <T extends Int32Array | Uint8Array | Uint32Array>(array: T, to: T): T => {
      to.set(array)
      return to
    }
    this.parent = wider(this.parent, new Int32Array(length))
    this.word = wider(this.word, new Int32Array(length))
    this.suffix = wider(this.suffix, new Int32Array(length))
    this.order = wider(this.order, new Uint8Array(length))
    this.count = wider(this.count, new Uint32Array(length))
  }

  private widen(): void {
    this.slots = new Int32Array(2 * this.slots.length)
    for (let node = 1 + this.words; node < this.size; ++node) this.place(node)
  }

  /** The words of a node, first to last. */
  wordsOf(node: number): number[] {
    const words: number[] = []
    for (; node !== ROOT; node = this.parent[node] as number) words.push(this.word[node] as number)
    return words.reverse()
  }
}
