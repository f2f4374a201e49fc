/** Sequences of numbers of any length, kept one after the other. */

export type Numbers = Int32Array | Float32Array

/** Numbers of the first part and of the largest, but for sequences that are longer. */
const [LEAST, MOST] = [1 << 12, 1 << 20]

/** Sequences of numbers, one after the other, in parts: one array stops the event loop each time that it grows. */
export class Column<T extends Numbers> {
  private readonly parts: T[] = []
  /** Ids in the last part. */
  private filled = 0
  /** By sequence: its part, where in that it begins, and where in all it ends. */
  private readonly partOf: number[] = []
  private readonly begins: number[] = []
  private readonly ends: number[] = []

  constructor(private readonly make: (size: number) => T) {}

  get(index: number): T {
    const begin = this.begins[index] as number
    const part = this.parts[this.partOf[index] as number] as T
    return part.subarray(begin, begin + this.length(index)) as T
  }

  length(index: number): number {
    return (this.ends[index] as number) - (this.ends[index - 1] ?? 0)
  }

  push(ids: T): void {
    const last = this.parts.at(-1)
    if (last === undefined || this.filled + ids.length > last.length) {
      // What is empty of the last part is left out.
      if (last) this.parts.splice(-1, 1, last.subarray(0, this.filled) as T)
      const size = Math.min(MOST, 2 * this.filled)
      this.parts.push(this.make(Math.max(LEAST, size, ids.length)))
      this.filled = 0
    }
    this.parts.at(-1)?.set(ids, this.filled)
    this.partOf.push(this.parts.length - 1)
    this.begins.push(this.filled)
    this.ends.push((this.ends.at(-1) ?? 0) + ids.length)
    this.filled += ids.length
  }

  get used(): { ids: readonly T[]; ends: Float64Array } {
    const last = (this.parts.at(-1)?.subarray(0, this.filled) ?? this.make(0)) as T
    return { ids: [...this.parts.slice(0, -1), last], ends: Float64Array.from(this.ends) }
  }
}
