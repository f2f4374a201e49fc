import { RnnativeError } from '../errors'

/** What weights are multiplied in. */
export type Precision = 'f32' | 'bf16'

/** Throws `ERR_UNSUPPORTED` for bf16, which this version does not have, and for anything unknown. */
export function checkPrecision(name: string, precision: Precision | undefined): void {
  if (precision === undefined || precision === 'f32') return
  throw new RnnativeError(
    precision === 'bf16' ? 'ERR_UNSUPPORTED' : 'ERR_ARGUMENT',
    `[${name}] precision: expected 'f32', got '${String(precision)}'` +
      (precision === 'bf16' ? ', which this version does not have yet' : ''),
  )
}
