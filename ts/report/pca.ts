import { checkWhole, isListOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { isNumberArray } from '../kinds'
import { atOnce } from '../pauses'

/** Points on a plane. */
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

/** Numbers that are dealt with without a pause. */
const STRETCH = 1 << 18

/** How many vectors of this length are dealt with without a pause. */
const rowsAtOnce = (size: number): number => Math.max(1, Math.floor(STRETCH / (size + 16)))

/** Vectors as rows, their mean subtracted. */
function* centring(vectors: readonly ArrayLike<number>[]): Generator<void, Float64Array[]> {
  const lists = isListOf(vectors, (row) => Array.isArray(row) || isNumberArray(row))
  expect('pca', 'vectors', lists, 'lists of numbers', vectors)
  const size = vectors[0]?.length ?? 0
  if (size === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      '[pca] vectors: expected at least one, of one number or more',
    )
  const every = rowsAtOnce(8 * size)
  const rows: Float64Array[] = []
  const means = new Float64Array(size)
  for (const [i, vector] of vectors.entries()) {
    if (vector.length !== size)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[pca] vectors: expected ${size} numbers each, got ${vector.length} in vector ${i}`,
      )
    const row = Float64Array.from(vector, (x) => (typeof x === 'number' ? x : NaN))
    if (!row.every(Number.isFinite))
      throw new RnnativeError('ERR_NONFINITE', `[pca] vectors: vector ${i} is not finite`)
    for (let j = 0; j < size; ++j) means[j]! += row[j] as number
    if (rows.push(row) % every === 0) yield
  }
  for (const [i, row] of rows.entries()) {
    for (let j = 0; j < size; ++j) row[j]! -= (means[j] as number) / rows.length
    if (i % every === 0) yield
  }
  return rows
}

/**
 * The direction of the largest variance, by power iteration on the covariance: multiplied by it time
 * and again, any vector turns there. Null where nothing varies.
 */
function* findingDirection(
  rows: readonly Float64Array[],
  size: number,
  component: number,
): Generator<void, Float64Array | null> {
  // Any start will do that is not square to the direction. It has no pattern, and differs from that of
  // the components before: of two with equal variance the first takes all of its start.
  let direction = Float64Array.from({ length: size }, (_, i) =>
    Math.sin((12.9898 + component) * (i + 1) ** 2),
  )
  normalise(direction)
  let done = 0
  for (let round = 0; round < ROUNDS; ++round) {
    const next = new Float64Array(size)
    for (const row of rows) {
      const along = dot(row, direction)
      for (let j = 0; j < size; ++j) next[j]! += along * (row[j] as number)
      if (++done % rowsAtOnce(size) === 0) yield
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
  return atOnce(projecting(vectors, components))
}

/** The same, by work that may pause. */
export function* projecting(
  vectors: readonly ArrayLike<number>[],
  components: number,
): Generator<void, Projection> {
  checkWhole('pca', 'components', components, 1, MOST_COMPONENTS)
  const rows = yield* centring(vectors)
  const size = (rows[0] as Float64Array).length
  const each = function* (body: (row: Float64Array, i: number) => void): Generator<void, void> {
    for (const [i, row] of rows.entries()) {
      body(row, i)
      if (i % rowsAtOnce(size) === 0) yield
    }
  }
  // So that no square leaves the range of numbers.
  let scale = 0
  yield* each((row) => (scale = row.reduce((a, b) => Math.max(a, Math.abs(b)), scale)))
  if (scale > 0) yield* each((row) => row.forEach((value, j) => (row[j] = value / scale)))
  let variance = 0
  yield* each((row) => (variance += dot(row, row)))
  const negligible = variance * 1e-20
  const coordinates = rows.map((): number[] => [])
  const explained: number[] = []
  for (let component = 0; component < components; ++component) {
    let left = 0
    yield* each((row) => (left += dot(row, row)))
    const direction = left > negligible ? yield* findingDirection(rows, size, component) : null
    let found = 0
    yield* each((row, i) => {
      const along = direction === null ? 0 : dot(row, direction)
      coordinates[i]?.push(along * scale)
      found += along * along
      if (direction !== null) direction.forEach((value, j) => (row[j]! -= along * value))
    })
    explained.push(variance > 0 ? found / variance : 0)
  }
  return { coordinates, explained }
}
