/** Which weights, or blocks of them, are the smallest. Plain numbers: nothing here knows a device. */
import type { TypedArray } from '../tensor'

/** A matrix whose rows are gates, blocks of as many rows each; `gates` is 1 where it has none. */
export interface Grid {
  readonly rows: number
  readonly columns: number
  readonly gates: number
}

/** Inputs of a block: columns of a matrix. A product skips as few as these (kStretchTurns). */
const WIDTH = 4
/**
 * Rows of a block, those of the same units in all gates together. A panel of the packed weights, on the widest
 * vectors, holds 16 units of a cell with several gates, or 64 rows of a matrix without: what one product skips.
 */
const UNITS = { gated: 16, plain: 64 }

/** Of each weight the number of its block; of single weights that is their own number. */
export interface Groups {
  readonly count: number
  of(row: number, column: number): number
}

export function groupsOf({ rows, columns, gates }: Grid, blocks: boolean): Groups {
  if (!blocks) return { count: rows * columns, of: (row, column) => row * columns + column }
  const units = rows / gates
  const height = gates > 1 ? UNITS.gated : UNITS.plain
  const across = Math.ceil(columns / WIDTH)
  return {
    count: Math.ceil(units / height) * across,
    of: (row, column) => Math.floor((row % units) / height) * across + Math.floor(column / WIDTH),
  }
}

/**
 * What the groups of a matrix are sorted by: the mean magnitude, -1 where all of a group is pruned already. `kept`:
 * null, or 0 of weights that are.
 */
export function magnitudes(
  values: TypedArray,
  kept: TypedArray | null,
  { rows, columns }: Grid,
  groups: Groups,
): Float32Array {
  const sums = new Float64Array(groups.count)
  const sizes = new Uint32Array(groups.count)
  const left = new Uint32Array(groups.count)
  for (let i = 0, row = 0; row < rows; ++row)
    for (let column = 0; column < columns; ++column, ++i) {
      const group = groups.of(row, column)
      sums[group] = (sums[group] as number) + Math.abs(values[i] as number)
      sizes[group] = (sizes[group] as number) + 1
      if (kept === null || kept[i] !== 0) left[group] = (left[group] as number) + 1
    }
  return Float32Array.from(sums, (sum, i) => (left[i] === 0 ? -1 : sum / (sizes[i] as number)))
}

/**
 * 1 for the share of all that are smallest, and for those of -1. Of equals the first ones are taken, so that the
 * same weights give the same choice everywhere.
 */
export function smallest(sizes: Float32Array, share: number): Uint8Array {
  const chosen = Uint8Array.from(sizes, (size) => (size < 0 ? 1 : 0))
  const before = chosen.reduce((sum, one) => sum + one, 0)
  const count = Math.round(share * sizes.length)
  if (count <= before) return chosen
  const threshold = Float32Array.from(sizes).sort()[count - 1] as number
  let equals = count
  for (const size of sizes) if (size < threshold) --equals
  for (const [i, size] of sizes.entries())
    if (size < threshold || (size === threshold && equals-- > 0)) chosen[i] = 1
  return chosen
}
