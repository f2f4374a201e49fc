import { expect, RnnativeError, show } from '../errors'
import { isFloat32Array, isFloat64Array, isGone, isInt32Array, isNumberArray } from '../kinds'
import type { TypedArray } from '../native/index'

/** Sizes of axes, the outermost first; none of a scalar. */
export type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => shape.reduce((n, extent) => n * extent, 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i])

/** `[2, 3]` */
export const formatShape = (shape: readonly (number | string)[]): string =>
  `[${shape.map((n) => (typeof n === 'string' ? n : show(n))).join(', ')}]`

export function shapeError(op: string, name: string, expected: string, got: string): RnnativeError {
  return new RnnativeError('ERR_SHAPE', `[${op}] ${name}: expected ${expected}, got ${got}`)
}

/**
 * Throws `ERR_SHAPE` unless `shape` matches `expected`, where a string stands for any extent and
 * names it in the message.
 */
export function checkShape(
  op: string,
  name: string,
  shape: Shape,
  expected: readonly (number | string)[],
): void {
  const matches =
    shape.length === expected.length &&
    expected.every((extent, i) => typeof extent === 'string' || extent === shape[i])
  if (!matches) throw shapeError(op, name, formatShape(expected), formatShape(shape))
}

/** Most axes of a tensor: Shape::kMaxDims in native/runtime/tensor.h. */
const MOST_AXES = 8

/** Throws `ERR_ARGUMENT` unless it is an array, `ERR_SHAPE` where it has too many entries. */
export function checkAxes(op: string, name: string, axes: unknown): asserts axes is Shape {
  expect(op, name, Array.isArray(axes), 'an array of whole numbers', axes)
  const { length } = axes as readonly unknown[]
  if (length > MOST_AXES) throw shapeError(op, name, `at most ${MOST_AXES} axes`, `${length}`)
}

/** Throws `ERR_SHAPE` unless every extent is a whole number of at least zero. */
export function checkExtents(op: string, shape: Shape): void {
  checkAxes(op, 'shape', shape)
  for (let i = 0; i < shape.length; ++i)
    if (!(Number.isSafeInteger(shape[i]) && (shape[i] as number) >= 0))
      throw shapeError(op, 'shape', 'whole numbers of at least 0', formatShape(Array.from(shape)))
}

/** Counts a negative axis from the end; throws `ERR_SHAPE` when there is no such axis. */
export function resolveAxis(op: string, axis: number, dims: number): number {
  const resolved = Number.isInteger(axis) ? (axis < 0 ? axis + dims : axis) : -1
  if (resolved < 0 || resolved >= dims)
    throw shapeError(op, 'axis', dims === 0 ? 'an axis' : `-${dims}..${dims - 1}`, show(axis))
  return resolved
}

/** Shape with one extent of -1 filled in from `size`. */
export function resolveReshape(op: string, size: number, shape: Shape): number[] {
  checkAxes(op, 'shape', shape)
  for (let i = 0; i < shape.length; ++i)
    if (!Number.isSafeInteger(shape[i]))
      throw shapeError(op, 'shape', 'whole numbers', formatShape(Array.from(shape)))
  const known = shape.reduce((n, extent) => (extent === -1 ? n : n * extent), 1)
  const resolved = shape.map((extent) => (extent === -1 && known > 0 ? size / known : extent))
  const unknowns = shape.filter((extent) => extent === -1).length
  const valid = resolved.every((extent) => Number.isInteger(extent) && extent >= 0)
  if (unknowns > 1 || !valid || sizeOf(resolved) !== size)
    throw shapeError(op, 'shape', `${size} elements`, formatShape(shape))
  return resolved
}

/** Numbers nested to any depth; all rows of a level have the same length. */
export type NestedNumbers = number | readonly NestedNumbers[]

const isRow = (x: unknown): x is readonly unknown[] => Array.isArray(x) || isNumberArray(x)

/** What a place in nested arrays is called: `[0][2]`. */
const placeOf = (path: readonly number[]): string => path.map((i) => `[${i}]`).join('')

/**
 * The shape of nested arrays and their numbers in row-major order; rows may be typed arrays. `ERR_ARGUMENT` names the
 * first entry that is no number, `ERR_SHAPE` rows that do not fit together. Arrays that hold themselves are deeper
 * than any tensor.
 */
export function flatten(op: string, data: unknown): { shape: number[]; values: number[] } {
  const shape: number[] = []
  for (let level = data; isRow(level); level = level[0]) {
    shape.push(level.length)
    if (shape.length > MOST_AXES)
      throw shapeError(op, 'data', `at most ${MOST_AXES} axes`, 'arrays nested deeper')
    if (level.length === 0) break
  }
  const values: number[] = []
  const path: number[] = []
  const visit = (level: unknown, depth: number): void => {
    const expected = depth < shape.length ? `${shape[depth]} entries` : 'a number'
    if (!isRow(level)) {
      const at = path.length > 0 ? ` at ${placeOf(path)}` : ''
      if (typeof level !== 'number')
        throw new RnnativeError(
          'ERR_ARGUMENT',
          `[${op}] data: expected numbers, or lists of them, got ${show(level)}${at}`,
        )
      if (depth < shape.length) throw shapeError(op, 'data', expected, `a number${at}`)
      values.push(level)
      return
    }
    checkThere(op, 'data', level)
    if (depth >= shape.length || level.length !== shape[depth])
      throw shapeError(op, 'data', expected, `${level.length} entries`)
    for (let i = 0; i < level.length; ++i) {
      path[depth] = i
      visit(level[i], depth + 1)
    }
    path.length = depth
  }
  visit(data, 0)
  return { shape, values }
}

/** Throws `ERR_ARGUMENT` for a typed array that no longer has its values. */
export function checkThere(op: string, name: string, data: unknown): void {
  if (isNumberArray(data) && isGone(data))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[${op}] ${name}: expected numbers, got an array whose buffer was transferred or shrunk`,
    )
}

export const isTypedArray = (data: unknown): data is TypedArray =>
  isFloat32Array(data) || isFloat64Array(data) || isInt32Array(data)
