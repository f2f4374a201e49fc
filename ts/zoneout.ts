/** Zoneout (Krueger et al. 2017), as an option says it. */
import { isObject } from './check'

/** A probability in [0, 1) of h and, where a cell has one, of c; or of each by itself, 0 unless given. */
export type ZoneoutSpec =
  number | { readonly hidden?: number | undefined; readonly cell?: number | undefined }

/** Completes "expected". */
export const ZONEOUT_FORMS = 'a number in [0, 1) or { hidden, cell } of such numbers'

const isProbability = (x: unknown): x is number => typeof x === 'number' && x >= 0 && x < 1

/** Of h and of c, and whether one number says both; null of what is no {@link ZoneoutSpec}. */
export function readZoneout(spec: unknown): { hidden: number; cell: number; both: boolean } | null {
  if (isProbability(spec)) return { hidden: spec, cell: spec, both: true }
  if (!isObject(spec)) return null
  const { hidden = 0, cell = 0, ...others } = spec
  const valid = isProbability(hidden) && isProbability(cell) && Object.keys(others).length === 0
  return valid ? { hidden, cell, both: false } : null
}
