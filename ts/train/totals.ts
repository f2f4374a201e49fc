/** What is measured as sums and counts, so that parts add up and only the end divides. */

export interface Total {
  /** Of what was measured. */
  sum: number
  /** Over how many. */
  count: number
}

/** Sums and counts, by the measure's name. */
export type Totals = Readonly<Record<string, Total>>

/** Adds sums and counts to those of the same name. */
export function addTotals(to: Record<string, Total>, more: Totals): void {
  for (const [name, { sum, count }] of Object.entries(more)) {
    const total = (to[name] ??= { sum: 0, count: 0 })
    total.sum += sum
    total.count += count
  }
}

/** All of them as one. */
export function sumOf(all: readonly Totals[]): Totals {
  const sum: Record<string, Total> = {}
  for (const one of all) addTotals(sum, one)
  return sum
}

/** sum / count of each. */
export const means = (totals: Totals): Record<string, number> =>
  Object.fromEntries(Object.entries(totals).map(([name, { sum, count }]) => [name, sum / count]))

/** Figures beside the loss; undefined where there are none. */
export function figures(
  { loss: _, ...others }: Totals,
  summary: (totals: Totals) => Record<string, number> = means,
): Record<string, number> | undefined {
  return Object.keys(others).length === 0 ? undefined : summary(others)
}
