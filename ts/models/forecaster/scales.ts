/** What numbers are scaled by: fitted on what is learned, and inverted for the user. */
import type { Series } from '../../data/series'
import { seasonalError } from '../../metrics/forecast'

/** (x - mean) / deviation. */
export interface Scale {
  mean: number
  deviation: number
}

/** Of one series, by column. */
export interface SeriesScales {
  columns: Scale[]
  /** Of each target: what MASE divides by; null where what is learned is shorter than a season. */
  seasonal: (number | null)[]
}

/** What a fit found out about its data, beside the weights: a file of the model. */
export interface Fitted {
  /** By key. */
  scales: Record<string, SeriesScales>
  /** For series that were not learned. */
  others: SeriesScales
  frequency: string
  season: number
  /** Walls from which on steps were not learned. */
  splits: { validation: number | null; test: number | null }
}

/** Numbers between two moments at which there may be a pause. */
const STRETCH = 4096

const AS_IS: Scale = { mean: 0, deviation: 1 }

/** Sums of a column's numbers. */
interface Sums {
  count: number
  sum: number
  squares: number
}

/** Yields where there may be a pause. */
function* add(to: Sums, values: Float64Array, end: number): Generator<undefined, void> {
  // Two passes: squares of what is left once the mean is gone.
  let [count, sum] = [0, 0]
  for (let i = 0; i < end; ++i) {
    const value = values[i] as number
    if (i % STRETCH === STRETCH - 1) yield
    if (Number.isNaN(value)) continue
    ++count
    sum += value
  }
  if (count === 0) return
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < end; ++i) {
    const value = values[i] as number
    if (i % STRETCH === STRETCH - 1) yield
    if (!Number.isNaN(value)) squares += (value - mean) ** 2
  }
  const total = to.count + count
  const apart = to.count === 0 ? 0 : to.sum / to.count - mean
  to.squares += squares + (apart * apart * to.count * count) / total
  to.count = total
  to.sum += sum
}

function scaleOf({ count, sum, squares }: Sums): Scale {
  if (count === 0) return AS_IS
  const deviation = Math.sqrt(squares / count)
  return { mean: sum / count, deviation: deviation > 0 ? deviation : 1 }
}

export interface ScalesOptions {
  /** Of the columns, those that are targets come first. */
  targets: number
  /** Whether targets are scaled by their series; covariates always are. */
  bySeries: boolean
  season: number
  /** Steps of each series that are learned. */
  ends: readonly number[]
}

/** Of the first `ends` steps of each series alone. Yields where there may be a pause. */
export function* fitScales(
  all: readonly Series[],
  { targets, bySeries, season, ends }: ScalesOptions,
): Generator<undefined, Pick<Fitted, 'scales' | 'others'>> {
  const columns = all[0]?.values.length ?? 0
  const fresh = (): Sums[] =>
    Array.from({ length: columns }, () => ({ count: 0, sum: 0, squares: 0 }))
  const finish = (sums: Sums[]): Scale[] =>
    sums.map((of, i) => (i < targets && !bySeries ? AS_IS : scaleOf(of)))
  const pooled = fresh()
  const scales: Record<string, SeriesScales> = {}
  const errors: number[][] = Array.from({ length: targets }, () => [])
  for (const [i, { key, values }] of all.entries()) {
    const own = fresh()
    for (const [j, column] of values.entries()) {
      yield* add(own[j] as Sums, column, ends[i] as number)
      yield* add(pooled[j] as Sums, column, ends[i] as number)
    }
    yield
    const seasonal = values.slice(0, targets).map((column, j) => {
      const error = seasonalError(column.subarray(0, ends[i]), season)
      if (Number.isNaN(error)) return null
      errors[j]?.push(error)
      return error
    })
    scales[key] = { columns: finish(own), seasonal }
  }
  const mean = (list: number[]) =>
    list.length === 0 ? null : list.reduce((a, b) => a + b, 0) / list.length
  return { scales, others: { columns: finish(pooled), seasonal: errors.map(mean) } }
}
