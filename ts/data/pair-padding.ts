import type { Sequences, SourceBatch } from './pair-sources'
import type { PairBatch } from './pairs'
import { IGNORED } from './streams'

/** Extents of a batch. */
export interface PairExtents {
  rows: number
  /** Positions of the longest source, and of the longest target. */
  source: number
  target: number
}

/** [steps, rows] of `ids`, [steps, rows] of less each, in a larger array, `all`. */
function widenInto<T extends Int32Array | Float32Array>(
  all: T,
  ids: T,
  rows: number,
  to: { rows: number },
): T {
  for (let t = 0; t * rows < ids.length; ++t)
    all.set(ids.subarray(t * rows, (t + 1) * rows), t * to.rows)
  return all
}

const widen = (
  ids: Int32Array,
  rows: number,
  to: { steps: number; rows: number },
  padding: number,
): Int32Array => widenInto(new Int32Array(to.steps * to.rows).fill(padding), ids, rows, to)

function widenSources(source: SourceBatch, steps: number, rows: number): SourceBatch {
  if (!('vectors' in source)) return widenSequences(source, steps, rows)
  const { vectors, size, lengths } = source
  const all = new Int32Array(rows)
  all.set(lengths)
  const [own, to] = [lengths.length * size, rows * size]
  const wide = new Float32Array(steps * to)
  return { steps, size, lengths: all, vectors: widenInto(wide, vectors, own, { rows: to }) }
}

function widenSequences({ ids, lengths }: Sequences, steps: number, rows: number): Sequences {
  const all = new Int32Array(rows)
  all.set(lengths)
  return { steps, ids: widen(ids, lengths.length, { steps, rows }, 0), lengths: all }
}

/** The same pairs among padding: more positions, and rows of length 0 behind those of the pairs. */
export function padPairs(batch: PairBatch, { rows, source, target }: PairExtents): PairBatch {
  const wider = (ids: Int32Array, steps: number, padding: number) =>
    widen(ids, batch.rows, { steps, rows }, padding)
  const { copy } = batch
  return {
    rows,
    source: widenSources(batch.source, source, rows),
    target: widenSequences(batch.target, target, rows),
    outputs: wider(batch.outputs, target, IGNORED),
    tokens: batch.tokens,
    ...(copy && {
      copy: { ids: wider(copy.ids, source, 0), outputs: wider(copy.outputs, target, IGNORED) },
    }),
  }
}
