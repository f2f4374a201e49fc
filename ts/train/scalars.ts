import type { Tensor } from '../tensor'
import type { Measure } from './objective'
import type { Total } from './totals'

/** Scalars to be read in one go, numbers among them. */
export class Scalars {
  readonly tensors: Tensor[] = []

  /** Finds the value among those that were read. */
  add(value: Tensor | number): (values: readonly number[]) => number {
    if (typeof value === 'number') return () => value
    const found = this.tensors.indexOf(value)
    const at = found >= 0 ? found : this.tensors.push(value) - 1
    return (values) => values[at] as number
  }

  /** The values; the tensors are disposed. */
  async read(): Promise<number[]> {
    try {
      return await Promise.all(this.tensors.map((scalar) => scalar.item()))
    } finally {
      for (const scalar of this.tensors) scalar.dispose()
    }
  }
}

/** Finds sums and counts by name. */
export function measuresOf(
  measures: Readonly<Record<string, Measure>> | undefined,
  scalars: Scalars,
): (values: readonly number[]) => Record<string, Total> {
  const found = Object.entries(measures ?? {}).map(
    ([name, { sum, count }]) => [name, scalars.add(sum), scalars.add(count)] as const,
  )
  return (values) =>
    Object.fromEntries(
      found.map(([name, sum, count]) => [name, { sum: sum(values), count: count(values) }]),
    )
}
