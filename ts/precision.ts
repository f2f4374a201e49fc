import { checkChoice } from './check'
import { RnnativeError } from './errors'

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

/**
 * What `linear` and recurrent stacks may multiply, in 'int8' where no gradients are wanted, on the CPU. 'int8' multiplies whole numbers of -127 .. 127:
 * each row of the weight has a scale, the largest magnitude by 127, and so, found anew for each product, has each row of
 * x. Sums of products are exact, and f32 again once scaled; the bias is f32. The device 'reference' does the same.
 */
export type LinearPrecision = Precision | 'int8'

export const LINEAR_PRECISIONS = ['f32', 'bf16', 'int8'] as const satisfies LinearPrecision[]

/** Throws `ERR_ARGUMENT` unless it is a precision of `linear`. */
export function checkLinear(
  name: string,
  precision: unknown,
): asserts precision is LinearPrecision {
  checkChoice(name, 'precision', precision, LINEAR_PRECISIONS)
}

/** Throws `ERR_UNSUPPORTED` where gradients are wanted of products in int8. */
export function checkInference(op: string, precision: LinearPrecision, tracked: boolean): void {
  if (precision === 'int8' && tracked)
    throw new RnnativeError(
      'ERR_UNSUPPORTED',
      `[${op}] precision: int8 has no gradients: expected f32 or bf16, or a call within noGrad`,
    )
}
