import type { PairBatch, Sequences } from './pairs'
import { IGNORED } from './streams'

/** Extents of a batch. */
export interface PairExtents {
  rows: number
  /** Positions of the longest source, and of the longest target. */
  source: number
  target: number
}

/** [steps, rows] of `ids`, [steps, rows] of less each, in a larger array. */
function widen(
  ids: Int32Array,
  rows: number,
  to: { steps: number; rows: number },
  padding: number,
): Int32Array {
  const all = new Int32Array(to.steps * to.rows).fill(padding)
  for (let t = 0; t * rows < ids.length; ++t)
    all.set(ids.subarray(t * rows, (t + 1) * rows), t * to.rows)
  return all
}

function widenSequences({ ids, lengths }: Sequences, steps: number, rows: number): Sequences {
  const all = new Int32Array(rows)
  all.set(lengths)
  return { steps, ids: widen(ids, lengths.length, { steps, rows }, 0), lengths: all }
}

/** The same pairs among padding: more positions, and rows of length 0 behind those of the pairs. */
export function padPairs(batch: PairBatch, { rows, source, target }: PairExtents): PairBatch {
  return {
    rows,
    source: widenSequences(batch.source, source, rows),
    target: widenSequences(batch.target, target, rows),
    outputs: widen(batch.outputs, batch.rows, { steps: target, rows }, IGNORED),
    tokens: batch.tokens,
  }
}
