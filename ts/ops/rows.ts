/** Gradients of a table by the rows that were looked up. None records gradients. */
import { native } from '../native/index'
import { noGrad } from '../tensor/autograd'
import type { RowUse } from '../tensor/autograd'
import { Tensor } from '../tensor/tensor'
import { concat } from './shape'

/** Rows of a table and their gradients. No scope disposes either. */
export interface TouchedRows {
  /** i32 [C]: each row once, then -1. */
  readonly rows: Tensor
  /** [C, E], zeros where there is no row. */
  readonly gradient: Tensor
}

/** What uses of a table [V, E] come to together; it disposes them. Without any: of a single row that is none. */
export function touchedRows(uses: readonly RowUse[], table: Tensor): TouchedRows {
  const [vocabulary, features] = table.shape as [number, number]
  const { dtype, device } = table
  const wrap = (handle: RowUse['dy'], shape: readonly number[], kind: Tensor['dtype']) =>
    new Tensor({ handle, shape, dtype: kind, device }, false)
  if (uses.length === 0)
    return {
      rows: wrap(native.full(device, 'i32', [1], -1), [1], 'i32'),
      gradient: wrap(native.full(device, dtype, [1, features], 0), [1, features], dtype),
    }
  const parts = uses.map(({ dy }) => wrap(dy, native.describe(dy).shape, dtype))
  const dy = parts.length > 1 ? noGrad(() => concat(parts, 0)) : (parts[0] as Tensor)
  const ids = uses.map(({ ids }) => ids)
  const none = uses.map(({ none }) => none)
  const { touched, sums } = native.touchedRows(ids, none, dy.handle, vocabulary)
  const size = Math.min(dy.shape[0] as number, vocabulary)
  for (const used of new Set([...parts, dy])) used.dispose()
  for (const handle of ids) native.dispose(handle)
  return { rows: wrap(touched, [size], 'i32'), gradient: wrap(sums, [size, features], dtype) }
}
