import { checkWhole } from '../check'
import { expect, RnnativeError } from '../errors'
import { native, type DType, type NativeAddon, type Real } from '../native/index'
import { record, tracks } from '../tensor/autograd'
import { full } from '../tensor/create'
import { realType } from '../tensor/device'
import { Tensor } from '../tensor/tensor'
import {
  broadcastShape,
  checkDevice,
  checkInteger,
  checkReal,
  checkTensor,
  integers,
  reals,
  result,
  type Operand,
} from './support'

declare module '../native/index' {
  interface NativeAddon {
    /** i32, with broadcasting; a and b real or both i32. */
    compare(op: 'equal' | 'not_equal' | 'less' | 'less_equal', a: N, b: N): N
    /** condition: i32. All three broadcast. */
    where(condition: N, a: N, b: N): N
    /** sinks: [da, db], whose shapes are the operands'. */
    whereBackward(condition: N, dy: N, sinks: Sinks, add: number): void
    /** ids: i32 of any shape -> [...ids, classes]. */
    oneHot(ids: N, classes: number): N
    toReal(x: N): N
  }
}

type Comparison = Parameters<NativeAddon['compare']>[0]

/** Runs `body` on an operand that may be a number: a scalar of `dtype` on the device of `like`. */
function withOperand<T>(
  [op, name]: readonly [op: string, name: string],
  operand: Operand,
  { device }: Tensor,
  dtype: DType,
  body: (operand: Tensor) => T,
): T {
  if (typeof operand !== 'number') {
    if (!(operand instanceof Tensor)) expect(op, name, false, 'a tensor or a number', operand)
    return body(operand)
  }
  if (dtype === 'i32' && operand !== (operand | 0))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[${op}] ${name}: expected an integer of 32 bits beside i32, got ${operand}`,
    )
  const scalar = full([], operand, { device, dtype })
  const y = body(scalar)
  scalar.dispose()
  return y
}

/** `name` is the public op, `swapped` says that it is `op` with its operands exchanged. */
function compare(
  name: string,
  op: Comparison,
  a: Tensor,
  b: Operand,
  swapped = false,
): Tensor<'i32'> {
  checkTensor(name, 'a', a)
  return withOperand([name, 'b'], b, a, a.dtype, (other) => {
    checkDevice(name, a, { b: other })
    if (other.dtype !== a.dtype)
      throw new RnnativeError('ERR_DTYPE', `[${name}] b: expected ${a.dtype}, got ${other.dtype}`)
    const shape = broadcastShape(name, a.shape, 'b', other.shape)
    const [left, right] = swapped ? [other, a] : [a, other]
    return integers(native.compare(op, left.handle, right.handle), shape, a)
  })
}

/**
 * 1 where it holds and 0 elsewhere, as i32: a condition for {@link where}, or with `sum` and `mean` a
 * count and a share. a and b broadcast; both are real or both i32, and b may be a number. NaN equals
 * nothing, and is neither less nor greater. No gradient.
 */
export const equal = (a: Tensor, b: Operand): Tensor<'i32'> => compare('equal', 'equal', a, b)
/** See {@link equal}. */
export const notEqual = (a: Tensor, b: Operand): Tensor<'i32'> =>
  compare('notEqual', 'not_equal', a, b)
/** a < b; see {@link equal}. */
export const less = (a: Tensor, b: Operand): Tensor<'i32'> => compare('less', 'less', a, b)
/** a <= b; see {@link equal}. */
export const lessEqual = (a: Tensor, b: Operand): Tensor<'i32'> =>
  compare('lessEqual', 'less_equal', a, b)
/** a > b; see {@link equal}. */
export const greater = (a: Tensor, b: Operand): Tensor<'i32'> =>
  compare('greater', 'less', a, b, true)
/** a >= b; see {@link equal}. */
export const greaterEqual = (a: Tensor, b: Operand): Tensor<'i32'> =>
  compare('greaterEqual', 'less_equal', a, b, true)

/**
 * a where the condition (i32) is not 0, else b. All three broadcast; a and b may be numbers. What is
 * not chosen changes nothing, NaN included, and gets a gradient of exactly zero.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkInteger('where', 'condition', condition)
  const real = realType(condition.device)
  return withOperand(['where', 'a'], a, condition, real, (left) =>
    withOperand(['where', 'b'], b, condition, real, (right) => choose(condition, left, right)),
  )
}

function choose(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const op = 'where'
  checkReal(op, 'a', a)
  checkReal(op, 'b', b)
  checkDevice(op, condition, { a, b })
  const both = broadcastShape(op, condition.shape, 'a', a.shape)
  const shape = broadcastShape(op, both, 'b', b.shape)
  const y = result(native.where(condition.handle, a.handle, b.handle), shape, a)
  if (tracks(a, b))
    record({
      op,
      inputs: [a, b],
      outputs: [y],
      save: [condition],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.whereBackward(call.saved(0), call.dy, sinks, bits)
      },
    })
  return y
}

/**
 * A row of zeros with a one at each id. ids: i32 of any shape, each in 0..classes-1 (else the result
 * fails with `ERR_INDEX`); gives reals [...ids, classes].
 */
export function oneHot(ids: Tensor, classes: number): Tensor<Real> {
  checkInteger('oneHot', 'ids', ids)
  checkWhole('oneHot', 'classes', classes, 1)
  return reals(native.oneHot(ids.handle, classes), [...ids.shape, classes], ids)
}

/** i32 as reals: exact to 2^24 in f32. `sum` and `mean` do so themselves. */
export function toReal(x: Tensor): Tensor<Real> {
  checkInteger('toReal', 'x', x)
  return reals(native.toReal(x.handle), x.shape, x)
}
