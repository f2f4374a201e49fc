/** The project's measure of agreement: max|a − b| / max|b| per tensor. */
import type { ExecutionContext } from 'ava'

export type Named = Record<string, Float64Array>

/**
 * Non-finite numbers must agree exactly. `floor` bounds the denominator from below, for tensors that
 * are zero in exact arithmetic.
 */
export function difference(actual: Float64Array, expected: Float64Array, floor = 0): number {
  if (actual.length !== expected.length) return Infinity
  let worst = 0
  let scale = floor
  for (let i = 0; i < expected.length; ++i) {
    const a = actual[i] as number
    const b = expected[i] as number
    if (!Number.isFinite(b)) {
      if (!Object.is(a, b)) return Infinity
      continue
    }
    scale = Math.max(scale, Math.abs(b))
    const distance = Math.abs(a - b)
    if (!(distance <= worst)) worst = distance
  }
  return worst === 0 ? 0 : worst / scale
}

export function near(
  t: ExecutionContext,
  actual: Named,
  expected: Named,
  tolerance: number,
  where: string,
  floor = 0,
): void {
  const failures: string[] = []
  for (const [name, values] of Object.entries(expected)) {
    const error = actual[name] ? difference(actual[name], values, floor) : Infinity
    if (!(error <= tolerance)) failures.push(`${name}: ${error.toExponential(2)}`)
  }
  t.deepEqual(failures, [], `${where}: max|a-b|/max|b| over ${tolerance}`)
}

/** Bit for bit. */
export function identical(
  t: ExecutionContext,
  actual: Named,
  expected: Named,
  where: string,
): void {
  const differing = Object.keys(expected).filter((name) => {
    const [a, b] = [actual[name], expected[name]]
    return !a || !b || a.length !== b.length || !b.every((value, i) => Object.is(value, a[i]))
  })
  t.deepEqual(differing, [], `${where}: tensors that differ`)
}
