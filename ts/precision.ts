import { checkChoice } from './check'

/**
 * What matrix products multiply. 'bf16' rounds both operands of every product to bf16 (to nearest,
 * ties to even) and sums in f32; weights, states, activations, gradients and all else stay f32, so
 * an optimizer sees f32 master weights. The device 'reference' computes exactly in either.
 */
export type Precision = 'f32' | 'bf16'

const PRECISIONS: readonly Precision[] = ['f32', 'bf16']

/**
 * What weights are kept in, in files. 'bf16' takes half of the bytes. 'int8' takes a quarter: matrices are whole numbers
 * of -127 .. 127 with a scale for each row, all else stays f32.
 */
export type StoredPrecision = Precision | 'int8'

export const STORED_PRECISIONS = ['f32', 'bf16', 'int8'] as const satisfies StoredPrecision[]

/** Throws `ERR_ARGUMENT` unless weights can be kept in it. */
export function checkStored(
  name: string,
  precision: unknown,
): asserts precision is StoredPrecision {
  checkChoice(name, 'precision', precision, STORED_PRECISIONS)
}

/** Throws `ERR_ARGUMENT` unless it is a precision. */
export function checkPrecision(name: string, precision: unknown): asserts precision is Precision {
  checkChoice(name, 'precision', precision, PRECISIONS)
}
