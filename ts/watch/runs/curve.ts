/** A number over the steps of a run, of which there may be millions. */

/** Points whose least and greatest are kept, so that a long stretch is not gone through again. */
const BLOCK = 256

/** Room that doubles where it is full. */
class Growing {
  private values = new Float64Array(BLOCK)
  length = 0

  push(value: number): void {
    if (this.length === this.values.length) {
      const more = new Float64Array(2 * this.length)
      more.set(this.values)
      this.values = more
    }
    this.values[this.length++] = value
  }

  at(i: number): number {
    return this.values[i] as number
  }

  /** The first of ascending values that is not below this. */
  find(value: number): number {
    let [low, high] = [0, this.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.at(middle) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** What is drawn of a curve; null where a value was not finite. */
export interface Points {
  steps: number[]
  values: (number | null)[]
}

const MOST_POINTS = 4096

export class Curve {
  private readonly steps = new Growing()
  private readonly values = new Growing()
  private readonly lows = new Growing()
  private readonly highs = new Growing()

  get length(): number {
    return this.steps.length
  }

  get last(): { step: number; value: number } | null {
    const i = this.length - 1
    return i < 0 ? null : { step: this.steps.at(i), value: this.values.at(i) }
  }

  /** Steps ascend; the same again takes the place of the last. */
  push(step: number, value: number): void {
    if (this.length > 0 && step <= this.steps.at(this.length - 1)) this.cut(step)
    this.steps.push(step)
    this.values.push(value)
    if (this.length % BLOCK > 0) return
    const [low, high] = this.extent(this.length - BLOCK, this.length)
    this.lows.push(low)
    this.highs.push(high)
  }

  /** Forgets that step and those after it. */
  cut(step: number): void {
    const length = this.steps.find(step)
    this.steps.length = this.values.length = length
    this.lows.length = this.highs.length = Math.floor(length / BLOCK)
  }

  /** Least and greatest of points; NaN where none is finite. */
  private extent(from: number, to: number): [number, number] {
    let [low, high] = [Infinity, -Infinity]
    for (let i = from; i < to; ++i) {
      const aligned = i % BLOCK === 0 && i + BLOCK <= to && i / BLOCK < this.lows.length
      const [least, most] = aligned
        ? [this.lows.at(i / BLOCK), this.highs.at(i / BLOCK)]
        : [this.values.at(i), this.values.at(i)]
      if (least < low) low = least
      if (most > high) high = most
      if (aligned) i += BLOCK - 1
    }
    return low <= high ? [low, high] : [NaN, NaN]
  }

  /**
   * Points from one step to another, at most about so many: of more the least and the greatest of each stretch, so that no
   * spike is lost. Stretches begin at the same points whatever is asked, so that a curve that grows does not flicker.
   */
  points(from: number, to: number, most: number): Points {
    const [begin, end] = [this.steps.find(from), this.steps.find(to + 1)]
    const found: Points = { steps: [], values: [] }
    const add = (i: number, value: number) => {
      found.steps.push(this.steps.at(i))
      found.values.push(Number.isFinite(value) ? value : null)
    }
    const wanted = Math.max(2, Math.min(most, MOST_POINTS))
    let width = 1
    while ((end - begin) / width > wanted / 2) width *= 2
    if (width <= 2) for (let i = begin; i < end; ++i) add(i, this.values.at(i))
    else
      for (let i = begin; i < end;) {
        const next = Math.min(end, (Math.floor(i / width) + 1) * width)
        const [low, high] = this.extent(i, next)
        // In the order in which they lie on the whole, so that a falling curve does not look like a saw.
        const falls = this.values.at(i) > this.values.at(next - 1)
        add(i, falls ? high : low)
        if (next - i > 1) add(next - 1, falls ? low : high)
        i = next
      }
    return found
  }
}
