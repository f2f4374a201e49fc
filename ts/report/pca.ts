import { checkWhole, isListOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { isNumberArray } from '../kinds'

export interface Projection {
  /** By vector: its coordinates along the components, the largest variance first. */
  coordinates: number[][]
  /** The share of all variance that each component has. */
  explained: number[]
}

const MOST_COMPONENTS = 1024
const ROUNDS = 1000
const TOLERANCE = 1e-12

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < a.length; ++i) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Scales to length 1; false for a vector of zeros. */
function normalise(vector: Float64Array): boolean {
  const length = Math.sqrt(dot(vector, vector))
  if (!(length > 0)) return false
  vector.forEach((value, i) => (vector[i] = value / length))
  return true
}

/** Vectors as rows, their mean subtracted. */
function centre(vectors: readonly ArrayLike<number>[]): Float64Array[] {
  const lists = isListOf(vectors, (row) => Array.isArray(row) || isNumberArray(row))
  expect('pca', 'vectors', lists, 'lists of numbers', vectors)
  const size = vectors[0]?.length ?? 0
  if (size === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      '[pca] vectors: expected at least one, of one number or more',
    )
  const rows = vectors.map((vector, i) => {
    if (vector.length !== size)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[pca] vectors: expected ${size} numbers each, got ${vector.length} in vector ${i}`,
      )
    const row = Float64Array.from(vector, (x) => (typeof x === 'number' ? x : NaN))
    if (!row.every(Number.isFinite))
      throw new RnnativeError('ERR_NONFINITE', `[pca] vectors: vector ${i} is not finite`)
    return row
  })
  for (let j = 0; j < size; ++j) {
    const mean = rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length
    for (const row of rows) row[j]! -= mean
  }
  return rows
}

/**
 * The direction of the largest variance, by power iteration on the covariance: multiplied by it time
 * and again, any vector turns there. Null where nothing varies.
 */
function mainDirection(
  rows: readonly Float64Array[],
  size: number,
  component: number,
): Float64Array | null {
  // Any start will do that is not square to the direction. It has no pattern, and differs from that of
  // the components before: of two with equal variance the first takes all of its start.
  let direction = Float64Array.from({ length: size }, (_, i) =>
    Math.sin((12.9898 + component) * (i + 1) ** 2),
  )
  normalise(direction)
  for (let round = 0; round < ROUNDS; ++round) {
    const next = new Float64Array(size)
    for (const row of rows) {
      const along = dot(row, direction)
      for (let j = 0; j < size; ++j) next[j]! += along * (row[j] as number)
    }
    if (!normalise(next)) return null
    const turned = 1 - dot(direction, next)
    direction = next
    if (turned < TOLERANCE) break
  }
  const largest = direction.reduce((best, value) =>
    Math.abs(value) > Math.abs(best) ? value : best,
  )
  return largest < 0 ? direction.map((value) => -value) : direction
}

/**
 * Principal component analysis (Pearson 1901): the `components` orthogonal directions along which the
 * vectors vary most, found by power iteration; those of nearly equal variance may change places. Each
 * is turned so that its largest entry is positive, which makes the result reproducible. Where fewer
 * directions vary, further coordinates are 0.
 *
 * Throws `ERR_EMPTY` without numbers, `ERR_SHAPE` when vectors differ in length, `ERR_NONFINITE`.
 */
export function pca(vectors: readonly ArrayLike<number>[], components = 2): Projection {
  checkWhole('pca', 'components', components, 1, MOST_COMPONENTS)
  const rows = centre(vectors)
  const size = (rows[0] as Float64Array).length
  // So that no square leaves the range of numbers.
  const scale = rows.reduce((most, row) => row.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0)
  if (scale > 0) for (const row of rows) row.forEach((value, j) => (row[j] = value / scale))
  const variance = rows.reduce((sum, row) => sum + dot(row, row), 0)
  const negligible = variance * 1e-20
  const coordinates = rows.map((): number[] => [])
  const explained: number[] = []
  for (let component = 0; component < components; ++component) {
    const left = rows.reduce((sum, row) => sum + dot(row, row), 0)
    const direction = left > negligible ? mainDirection(rows, size, component) : null
    let found = 0
    rows.forEach((row, i) => {
      const along = direction === null ? 0 : dot(row, direction)
      coordinates[i]?.push(along * scale)
      found += along * along
      if (direction !== null) direction.forEach((value, j) => (row[j]! -= along * value))
    })
    explained.push(variance > 0 ? found / variance : 0)
  }
  return { coordinates, explained }
}
