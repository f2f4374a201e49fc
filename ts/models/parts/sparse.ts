/** Rows of few numbers that are not 0, one after the other (CSR): never as wide as there are terms. */

export interface Sparse {
  /** Of texts, for example. */
  rows: number
  /** Of terms, for example. */
  columns: number
  /** `[rows + 1]`: where each row begins in the other two. */
  begins: Float64Array
  /** Ascending within a row. */
  indices: Int32Array
  /** What is there, row by row. */
  values: Float64Array
}

/** Rows that are appended. */
export class SparseBuilder {
  private indices = new Int32Array(1 << 12)
  private values = new Float64Array(1 << 12)
  private readonly begins = [0]
  private filled = 0

  /** A row of these columns, ascending. */
  push(columns: Int32Array, values: Float64Array): void {
    const end = this.filled + columns.length
    if (end > this.indices.length) this.grow(end)
    this.indices.set(columns, this.filled)
    this.values.set(values, this.filled)
    this.filled = end
    this.begins.push(end)
  }

  private grow(least: number): void {
    const size = Math.max(least, 2 * this.indices.length)
    const [indices, values] = [new Int32Array(size), new Float64Array(size)]
    indices.set(this.indices)
    values.set(this.values)
    ;[this.indices, this.values] = [indices, values]
  }

  done(columns: number): Sparse {
    return {
      rows: this.begins.length - 1,
      columns,
      begins: Float64Array.from(this.begins),
      indices: this.indices.slice(0, this.filled),
      values: this.values.slice(0, this.filled),
    }
  }
}
