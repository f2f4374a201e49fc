/** Inputs of softmaxes that take targets as plain numbers. */
import { isListOf, whole } from '../check'
import { expect, RnnativeError } from '../errors'
import { isInt32Array } from '../kinds'
import { checkReal } from '../ops/support'
import type { Tensor } from '../tensor'
import { checkShape, formatShape, shapeError } from '../tensor/shape'

/** Throws `ERR_DTYPE` unless x is real, `ERR_SHAPE` unless it is [..., features]. */
export function checkFeatures(op: string, x: Tensor, features: number): void {
  checkReal(op, 'x', x)
  if (x.dims === 0 || x.shape.at(-1) !== features)
    throw shapeError(op, 'x', `[..., ${features}]`, formatShape(x.shape))
}

/**
 * Throws `ERR_ARGUMENT` unless it is a list of numbers, `ERR_SHAPE` unless there are `count`, and `ERR_INDEX` where one is
 * neither a class nor `ignored`.
 */
export function checkTargets(
  op: string,
  targets: unknown,
  count: number,
  classes: number,
  ignored?: number,
): asserts targets is Int32Array | readonly number[] {
  const valid = isInt32Array(targets) || isListOf(targets, (x) => typeof x === 'number')
  expect(op, 'targets', valid, 'a list of numbers or an Int32Array', targets)
  const all = targets as ArrayLike<number>
  checkShape(op, 'targets', [all.length], [count])
  for (let at = 0; at < count; ++at) {
    const target = all[at] as number
    if (target === ignored || (whole(target, 0) && target < classes)) continue
    throw new RnnativeError(
      'ERR_INDEX',
      `[${op}] target ${target} at position ${at}: expected 0..${classes - 1}`,
    )
  }
}
