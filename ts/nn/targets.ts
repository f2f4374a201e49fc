/** Targets as plain numbers. */
import { isListOf, whole } from '../check'
import { expect, RnnativeError } from '../errors'
import { isInt32Array } from '../kinds'
import { checkShape } from '../tensor/shape'

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
