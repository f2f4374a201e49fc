import { checkChoice } from './check'

/**
 * What matrix products multiply. 'bf16' rounds both operands of every product to bf16 (to nearest,
 * ties to even) and sums in f32; weights, states, activations, gradients and all else stay f32, so
 * an optimizer sees f32 master weights. The device 'reference' computes exactly in either.
 */
export type Precision = 'f32' | 'bf16'

const PRECISIONS: readonly Precision[] = ['f32', 'bf16']

/** Throws `ERR_ARGUMENT` unless it is a precision. */
export function checkPrecision(name: string, precision: unknown): asserts precision is Precision {
  checkChoice(name, 'precision', precision, PRECISIONS)
}
