/** A binary heap: the first of what it holds comes out first, by an order that is total. */
export class Heap<T> {
  private readonly values: T[] = []

  constructor(private readonly before: (a: T, b: T) => boolean) {}

  push(value: T): void {
    const { values, before } = this
    let at = values.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = values[parent] as T
      if (!before(value, above)) break
      values[at] = above
      at = parent
    }
    values[at] = value
  }

  pop(): T | undefined {
    const { values, before } = this
    const top = values[0]
    const last = values.pop()
    if (last === undefined || values.length === 0) return top
    let at = 0
    for (let child = 1; child < values.length; child = 2 * at + 1) {
      if (child + 1 < values.length && before(values[child + 1] as T, values[child] as T)) ++child
      const below = values[child] as T
      if (!before(below, last)) break
      values[at] = below
      at = child
    }
    values[at] = last
    return top
  }
}
