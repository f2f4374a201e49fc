import { checkChoice } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { record, tracks } from '../tensor/autograd'
import { native, type DType, type NativeTensor } from '../native/index'
import {
  checkAxes,
  checkShape,
  formatShape,
  resolveAxis,
  resolveReshape,
  shapeError,
  sizeOf,
} from '../tensor/shape'
import type { Shape } from '../tensor/shape'
import { tensor } from '../tensor/create'
import type { Tensor } from '../tensor/tensor'
import {
  borrowIntegers,
  checkDevice,
  checkReal,
  checkTensor,
  result,
  type Borrowed,
  type Integers,
} from './support'

declare module '../native/index' {
  interface NativeAddon {
    permute(x: N, axes: readonly number[], sink: Maybe, add: boolean): N
    /** x[begin : begin + length] along axis, as a copy. */
    slice(x: N, axis: number, begin: number, length: number): N
    /** dx[begin : begin + length] along axis (+)= dy; with add = false the rest of dx becomes 0. */
    sliceBackward(dy: N, axis: number, begin: number, dx: N, add: boolean): void
    concat(xs: readonly N[], axis: number): N
    /** x: [T, B, ...], lengths: i32 [B]. sink null: returns a new tensor; else (+)= into sink. */
    maskTime(x: N, lengths: N, sink: Maybe, add: boolean): N
    /** x: [T, B, ...], lengths: i32 [B] or null. steps: i32, where each maximum was; null unless 'max'. */
    poolTime(op: 'mean' | 'max' | 'last', x: N, lengths: Maybe): { y: N; steps: Maybe }
    /** sinks: [dx]. */
    poolTimeBackward(
      op: string,
      lengths: Maybe,
      steps: Maybe,
      dy: N,
      sinks: Sinks,
      add: number,
    ): void
  }
}

/** The same elements in another shape, sharing storage. One extent may be -1. */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  checkTensor('reshape', 'x', x)
  const to = resolveReshape('reshape', x.size, shape)
  const y = result(native.view(x.handle, 0, to), to, x)
  if (tracks(x))
    record({ op: 'reshape', inputs: [x], outputs: [y], backward: (call) => call.pass(0) })
  return y
}

/** x[begin : begin + length] along an axis; along the first it shares storage, else it is a copy. */
export function slice<D extends DType>(
  x: Tensor<D>,
  axis: number,
  begin: number,
  length: number,
): Tensor<D> {
  checkTensor('slice', 'x', x)
  const at = resolveAxis('slice', axis, x.dims)
  const extent = x.shape[at] as number
  const isInside = Number.isInteger(begin) && Number.isInteger(length) && begin >= 0 && length >= 0
  if (!isInside || begin + length > extent)
    throw shapeError(
      'slice',
      `axis ${at}`,
      `a range within 0..${extent}`,
      isInside ? `${begin}..${begin + length}` : `begin ${show(begin)} and length ${show(length)}`,
    )
  const shape = x.shape.map((n, i) => (i === at ? length : n))
  const handle =
    at === 0
      ? native.view(x.handle, begin * sizeOf(x.shape.slice(1)), shape)
      : native.slice(x.handle, at, begin, length)
  const y = result(handle, shape, x)
  if (tracks(x))
    record({
      op: 'slice',
      inputs: [x],
      outputs: [y],
      backward: (call) => {
        const { sinks, add } = call.open()
        const [dx] = sinks
        if (dx) native.sliceBackward(call.dy, at, begin, dx, add[0] === true)
      },
    })
  return y
}

/** Entry `index` along an axis, which disappears. */
export function select<D extends DType>(x: Tensor<D>, axis: number, index: number): Tensor<D> {
  checkTensor('select', 'x', x)
  const at = resolveAxis('select', axis, x.dims)
  const part = slice(x, at, index, 1)
  const y = reshape(
    part,
    x.shape.filter((_, i) => i !== at),
  )
  part.dispose()
  return y
}

/** Axis i of the result is axis `axes[i]` of x. A copy. */
export function permute<D extends DType>(x: Tensor<D>, axes: readonly number[]): Tensor<D> {
  checkTensor('permute', 'x', x)
  checkAxes('permute', 'axes', axes)
  const order = Array.from(axes, (axis) => resolveAxis('permute', axis, x.dims))
  if (order.length !== x.dims || new Set(order).size !== x.dims)
    throw shapeError('permute', 'axes', `each of 0..${x.dims - 1} once`, formatShape(axes))
  const handle = native.permute(x.handle, order, null, false)
  const y = result(
    handle,
    order.map((axis) => x.shape[axis] as number),
    x,
  )
  if (tracks(x)) {
    const inverse = order.map((_, i) => order.indexOf(i))
    record({
      op: 'permute',
      inputs: [x],
      outputs: [y],
      backward: (call) => call.give(0, native.permute(call.dy, inverse, null, false)),
    })
  }
  return y
}

/** Exchanges two axes. A copy. */
export function transpose<D extends DType>(x: Tensor<D>, a = -2, b = -1): Tensor<D> {
  checkTensor('transpose', 'x', x)
  const [from, to] = [resolveAxis('transpose', a, x.dims), resolveAxis('transpose', b, x.dims)]
  const swap = (i: number): number => (i === from ? to : i === to ? from : i)
  return permute(
    x,
    Array.from(x.shape, (_, i) => swap(i)),
  )
}

/** Throws `ERR_ARGUMENT` unless these are tensors in an array. */
function checkTensors(op: string, xs: readonly Tensor[]): void {
  if (!Array.isArray(xs)) expect(op, 'tensors', false, 'an array of tensors', xs)
  for (let i = 0; i < xs.length; ++i) checkTensor(op, `tensor ${i}`, xs[i] as Tensor)
}

/** Joins tensors that agree in all other axes. */
export function concat<D extends DType>(xs: readonly Tensor<D>[], axis = 0): Tensor<D> {
  checkTensors('concat', xs)
  const [first] = xs
  if (first === undefined)
    throw new RnnativeError('ERR_EMPTY', '[concat] expected at least one tensor, got none')
  const at = resolveAxis('concat', axis, first.dims)
  const others = first.shape.map((n, i) => (i === at ? 'any' : n))
  xs.forEach((x, i) => {
    checkDevice('concat', first, { [`tensor ${i}`]: x })
    checkShape('concat', `tensor ${i}`, x.shape, others)
  })
  const extents = xs.map((x) => x.shape[at] as number)
  const total = extents.reduce((sum, n) => sum + n, 0)
  const handle = native.concat(
    xs.map((x) => x.handle),
    at,
  )
  const y = result(
    handle,
    first.shape.map((n, i) => (i === at ? total : n)),
    first,
  )
  if (tracks(...xs))
    record({
      op: 'concat',
      inputs: xs,
      outputs: [y],
      backward: (call) => {
        let begin = 0
        extents.forEach((extent, i) => {
          if (call.wants(i)) call.give(i, native.slice(call.dy, at, begin, extent))
          begin += extent
        })
      },
    })
  return y
}

/** Joins tensors of one shape along a new axis. */
export function stack<D extends DType>(xs: readonly Tensor<D>[], axis = 0): Tensor<D> {
  checkTensors('stack', xs)
  const dims = (xs[0]?.dims ?? 0) + 1
  const at = resolveAxis('stack', axis, dims)
  const raised = xs.map((x) => reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]))
  const y = concat(raised, at)
  for (const x of raised) x.dispose()
  return y
}

/** Steps of each row, as an i32 tensor of a batch; null where all are real. */
function borrowLengths(op: string, x: Tensor, lengths: Integers | null): Borrowed | null {
  checkReal(op, 'x', x)
  if (x.dims < 2) throw shapeError(op, 'x', '[time, batch, ...]', formatShape(x.shape))
  if (lengths === null) return null
  const batch = x.shape[1] as number
  const make = (data: Int32Array) => tensor(data, [batch], { device: x.device })
  return borrowIntegers(op, 'lengths', lengths, batch, x, make)
}

/**
 * Zeros what lies past each sequence's end. x: [time, batch, ...]; lengths: one per batch row. What
 * is zeroed is never read.
 */
export function maskTime<D extends DType>(x: Tensor<D>, lengths: Integers): Tensor<D> {
  expect('maskTime', 'lengths', lengths !== null, 'a list of numbers or a tensor', lengths)
  const { tensor: ends, release } = borrowLengths('maskTime', x, lengths) as Borrowed
  const y = result(native.maskTime(x.handle, ends.handle, null, false), x.shape, x)
  if (tracks(x))
    record({
      op: 'maskTime',
      inputs: [x],
      outputs: [y],
      save: [ends],
      backward: (call) =>
        call.give(0, native.maskTime(call.dy, call.saved(0), null, false) satisfies NativeTensor),
    })
  release()
  return y
}

/** What {@link poolTime} makes of a row's steps. */
export type Pool = 'mean' | 'max' | 'last'
const POOLS: readonly Pool[] = ['mean', 'max', 'last']

/**
 * One step of each row's own steps: their mean, their maximum by feature, or the last of them. x:
 * [time, batch, ...]; lengths: one per batch row, zero included, all steps unless given. Gives
 * [batch, ...], zeros for a row of no steps. What lies past a row's end is never read, and its gradient
 * is zero; that of a maximum goes to the first one.
 */
export function poolTime<D extends DType>(
  x: Tensor<D>,
  pool: Pool,
  lengths: Integers | null = null,
): Tensor<D> {
  const op = 'poolTime'
  checkChoice(op, 'pool', pool, POOLS)
  const ends = borrowLengths(op, x, lengths)
  const { y: handle, steps } = native.poolTime(pool, x.handle, ends?.tensor.handle ?? null)
  const y = result(handle, x.shape.slice(1), x)
  if (tracks(x))
    record({
      op,
      inputs: [x],
      outputs: [y],
      save: [ends?.tensor ?? null],
      own: [steps],
      backward: (call) => {
        const { sinks, bits } = call.open()
        const [rows, at] = [call.savedOrNull(0), call.savedOrNull(1)]
        native.poolTimeBackward(pool, rows, at, call.dy, sinks, bits)
      },
    })
  else if (steps) native.dispose(steps)
  ends?.release()
  return y
}
