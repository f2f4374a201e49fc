import { RnnativeError } from '../errors'
import type { TypedArray } from '../native/index'

export type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => shape.reduce((n, extent) => n * extent, 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i])

/** `[2, 3]` */
export const formatShape = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`

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

/** Throws `ERR_SHAPE` unless every extent is a whole number of at least zero. */
export function checkExtents(op: string, shape: Shape): void {
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0))
    throw shapeError(op, 'shape', 'whole numbers of at least 0', formatShape(shape))
}

/** Counts a negative axis from the end; throws `ERR_SHAPE` when there is no such axis. */
export function resolveAxis(op: string, axis: number, dims: number): number {
  const resolved = axis < 0 ? axis + dims : axis
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= dims)
    throw shapeError(op, 'axis', `-${dims}..${dims - 1}`, String(axis))
  return resolved
}

/** Shape with one extent of -1 filled in from `size`. */
export function resolveReshape(op: string, size: number, shape: Shape): number[] {
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

/** The shape of nested arrays and their numbers in row-major order. */
export function flatten(data: NestedNumbers): { shape: number[]; values: number[] } {
  const shape: number[] = []
  for (let level = data; typeof level !== 'number';) {
    shape.push(level.length)
    const first = level[0]
    if (first === undefined) break
    level = first
  }
  const values: number[] = []
  const visit = (level: NestedNumbers, depth: number): void => {
    const expected = depth < shape.length ? `${shape[depth]} entries` : 'a number'
    if (typeof level === 'number') {
      if (depth < shape.length) throw shapeError('tensor', 'data', expected, 'a number')
      values.push(level)
    } else {
      if (level.length !== shape[depth])
        throw shapeError('tensor', 'data', expected, `${level.length} entries`)
      for (const entry of level) visit(entry, depth + 1)
    }
  }
  visit(data, 0)
  return { shape, values }
}

export const isTypedArray = (data: unknown): data is TypedArray =>
  data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array
