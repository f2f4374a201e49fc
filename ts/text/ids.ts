/** Ids of a text of any length, collected and put together in parts: one allocation for all would stop the event loop. */

/** Ids of the first part and of the largest. */
const [LEAST, MOST] = [64, 1 << 16]

export class IdList {
  private readonly parts: Int32Array[] = []
  private part = new Int32Array(LEAST)
  /** Of `part`, and of those before. */
  private filled = 0
  private before = 0

  push(id: number): void {
    if (this.filled === this.part.length) {
      this.parts.push(this.part)
      this.before += this.filled
      this.part = new Int32Array(Math.min(MOST, 2 * this.filled))
      this.filled = 0
    }
    this.part[this.filled++] = id
  }

  /** All of them; may pause between two parts. */
  *joined(): Generator<undefined, Int32Array> {
    const all = new Int32Array(this.before + this.filled)
    let at = 0
    for (const part of this.parts) {
      all.set(part, at)
      at += part.length
      if (part.length === MOST) yield
    }
    all.set(this.part.subarray(0, this.filled), at)
    return all
  }
}
