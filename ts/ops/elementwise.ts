import { expect } from '../errors'
import { record, tracks } from '../tensor/autograd'
import { native, type DType, type NativeAddon } from '../native/index'
import { sameShape, shapeError } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { broadcastShape, checkDevice, checkReal, result, type Operand } from './support'

declare module '../native/index' {
  interface NativeAddon {
    unary(
      op:
        | 'neg'
        | 'exp'
        | 'log'
        | 'sqrt'
        | 'abs'
        | 'square'
        | 'tanh'
        | 'sigmoid'
        | 'relu'
        | 'affine'
        | 'pow'
        | 'clamp',
      x: N,
      a: number,
      b: number,
    ): N
    unaryBackward(
      op: string,
      x: N,
      y: N,
      dy: N,
      a: number,
      b: number,
      sinks: Sinks,
      add: number,
    ): void
    /** NumPy broadcasting. */
    binary(op: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum', a: N, b: N): N
    /** sinks: [da, db]. */
    binaryBackward(op: string, a: N, b: N, dy: N, sinks: Sinks, add: number): void
  }
}

type UnaryName = Parameters<NativeAddon['unary']>[0]
type BinaryName = Parameters<NativeAddon['binary']>[0]

/** Whether a derivative is computed from x, from y or from neither, so that only that is kept. */
const derivativeReads: Readonly<Record<UnaryName, 'x' | 'y' | null>> = {
  neg: null,
  exp: 'y',
  log: 'x',
  sqrt: 'y',
  abs: 'x',
  square: 'x',
  tanh: 'y',
  sigmoid: 'y',
  relu: 'y',
  affine: null,
  pow: 'x',
  clamp: 'x',
}

function unary<D extends DType>(op: UnaryName, x: Tensor<D>, a = 0, b = 0): Tensor<D> {
  checkReal(op, 'x', x)
  if (typeof a !== 'number' || typeof b !== 'number')
    expect(op, 'argument', false, 'a number', typeof a === 'number' ? b : a)
  const y = result(native.unary(op, x.handle, a, b), x.shape, x)
  if (tracks(x)) {
    const read = derivativeReads[op]
    record({
      op,
      inputs: [x],
      outputs: [y],
      save: read === null ? [] : [read === 'x' ? x : y],
      backward: (call) => {
        const { sinks, bits } = call.open()
        // What is not read still has to have the right shape.
        const either = call.savedOrNull(0) ?? call.dy
        native.unaryBackward(op, either, either, call.dy, a, b, sinks, bits)
      },
    })
  }
  return y
}

/** -x. */
export const neg = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('neg', x)
/** e to the power of x. */
export const exp = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('exp', x)
/** The natural logarithm; NaN below 0, -Infinity at 0. */
export const log = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('log', x)
/** The square root; NaN below 0. */
export const sqrt = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('sqrt', x)
/** The absolute value; its gradient at 0 is 0. */
export const abs = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('abs', x)
/** x * x. */
export const square = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('square', x)
/** The hyperbolic tangent. */
export const tanh = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('tanh', x)
/** 1 / (1 + exp(-x)). */
export const sigmoid = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('sigmoid', x)
/** max(x, 0); its gradient at 0 is 0. */
export const relu = <D extends DType>(x: Tensor<D>): Tensor<D> => unary('relu', x)
/** `scale * x + shift` */
export const affine = <D extends DType>(x: Tensor<D>, scale: number, shift: number): Tensor<D> =>
  unary('affine', x, scale, shift)
/** x to the power of a number. */
export const pow = <D extends DType>(x: Tensor<D>, exponent: number): Tensor<D> =>
  unary('pow', x, exponent)
/** min(max(x, low), high); its gradient is zero outside. */
export const clamp = <D extends DType>(x: Tensor<D>, low: number, high: number): Tensor<D> =>
  unary('clamp', x, low, high)

function binary<D extends DType>(op: BinaryName, a: Tensor<D>, b: Tensor<D>): Tensor<D> {
  checkReal(op, 'a', a)
  checkReal(op, 'b', b)
  checkDevice(op, a, { b })
  const shape = broadcastShape(op, a.shape, 'b', b.shape)
  const y = result(native.binary(op, a.handle, b.handle), shape, a)
  if (tracks(a, b)) {
    const isPlainSum = op === 'add' && sameShape(a.shape, b.shape)
    record({
      op,
      inputs: [a, b],
      outputs: [y],
      save: isPlainSum ? [] : [a, b],
      backward: (call) => {
        if (isPlainSum) {
          call.pass(0)
          call.pass(1)
          return
        }
        const { sinks, bits } = call.open()
        native.binaryBackward(op, call.saved(0), call.saved(1), call.dy, sinks, bits)
      },
    })
  }
  return y
}

/** NumPy broadcasting, as for all two-operand ops; either operand may be a number. */
export function add<D extends DType>(a: Operand<D>, b: Operand<D>): Tensor<D> {
  if (typeof a === 'number') return affine(tensorOf('add', b), 1, a)
  return typeof b === 'number' ? affine(a, 1, b) : binary('add', a, b)
}

/** a - b; shapes are broadcast as NumPy's. */
export function sub<D extends DType>(a: Operand<D>, b: Operand<D>): Tensor<D> {
  if (typeof a === 'number') return affine(tensorOf('sub', b), -1, a)
  return typeof b === 'number' ? affine(a, 1, -b) : binary('sub', a, b)
}

/** a * b; shapes are broadcast as NumPy's. */
export function mul<D extends DType>(a: Operand<D>, b: Operand<D>): Tensor<D> {
  if (typeof a === 'number') return affine(tensorOf('mul', b), a, 0)
  return typeof b === 'number' ? affine(a, b, 0) : binary('mul', a, b)
}

/** a / b; shapes are broadcast as NumPy's. */
export function div<D extends DType>(a: Operand<D>, b: Operand<D>): Tensor<D> {
  if (typeof a === 'number') {
    const reciprocal = pow(tensorOf('div', b), -1)
    const y = affine(reciprocal, a, 0)
    reciprocal.dispose()
    return y
  }
  return typeof b === 'number' ? affine(a, 1 / b, 0) : binary('div', a, b)
}

/** Where the two are equal, each gets half the gradient. */
export const maximum = <D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D> =>
  binary('maximum', a, b)
/** The smaller of a and b; shapes are broadcast as NumPy's. */
export const minimum = <D extends DType>(a: Tensor<D>, b: Tensor<D>): Tensor<D> =>
  binary('minimum', a, b)

function tensorOf<D extends DType>(op: string, operand: Operand<D>): Tensor<D> {
  if (typeof operand === 'number') throw shapeError(op, 'b', 'a tensor', 'two numbers')
  return operand
}
