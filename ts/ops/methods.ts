/**
 * Tensor's methods that are ops, declared on Tensor and installed here: ops stand on tensors, and
 * ts/tensor knows none of them.
 */
import type { DType } from '../native/index'
import { Tensor } from '../tensor/tensor'
import {
  add,
  div,
  exp,
  log,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  sqrt,
  square,
  sub,
  tanh,
} from './elementwise'
import { softmax } from './layers'
import { matmul } from './matmul'
import { max, mean, sum, type Total } from './reduce'
import { permute, reshape, slice, transpose } from './shape'

class TensorMethods {
  /** See `ops.reshape`. Shares storage. */
  reshape<D extends DType>(this: Tensor<D>, ...shape: number[]): Tensor<D> {
    return reshape(this, shape)
  }

  /** `length` entries from `begin` on along the first axis. Shares storage. */
  slice<D extends DType>(this: Tensor<D>, begin: number, length: number): Tensor<D> {
    return slice(this, 0, begin, length)
  }

  /** Axes in another order: axis i of the result is axis `axes[i]` of this. */
  permute<D extends DType>(this: Tensor<D>, ...axes: number[]): Tensor<D> {
    return permute(this, axes)
  }

  /** Two axes swapped, by default the last two. */
  transpose<D extends DType>(this: Tensor<D>, a = -2, b = -1): Tensor<D> {
    return transpose(this, a, b)
  }

  /** This + other; see `ops.add`. */
  add<D extends DType>(this: Tensor<D>, other: Tensor<D> | number): Tensor<D> {
    return add(this, other)
  }

  /** This - other; see `ops.sub`. */
  sub<D extends DType>(this: Tensor<D>, other: Tensor<D> | number): Tensor<D> {
    return sub(this, other)
  }

  /** This * other, element by element; see `ops.mul`. */
  mul<D extends DType>(this: Tensor<D>, other: Tensor<D> | number): Tensor<D> {
    return mul(this, other)
  }

  /** This / other; see `ops.div`. */
  div<D extends DType>(this: Tensor<D>, other: Tensor<D> | number): Tensor<D> {
    return div(this, other)
  }

  /** See `ops.neg`. */
  neg<D extends DType>(this: Tensor<D>): Tensor<D> {
    return neg(this)
  }

  /** See `ops.exp`. */
  exp<D extends DType>(this: Tensor<D>): Tensor<D> {
    return exp(this)
  }

  /** See `ops.log`. */
  log<D extends DType>(this: Tensor<D>): Tensor<D> {
    return log(this)
  }

  /** See `ops.sqrt`. */
  sqrt<D extends DType>(this: Tensor<D>): Tensor<D> {
    return sqrt(this)
  }

  /** See `ops.square`. */
  square<D extends DType>(this: Tensor<D>): Tensor<D> {
    return square(this)
  }

  /** See `ops.pow`. */
  pow<D extends DType>(this: Tensor<D>, exponent: number): Tensor<D> {
    return pow(this, exponent)
  }

  /** See `ops.tanh`. */
  tanh<D extends DType>(this: Tensor<D>): Tensor<D> {
    return tanh(this)
  }

  /** See `ops.sigmoid`. */
  sigmoid<D extends DType>(this: Tensor<D>): Tensor<D> {
    return sigmoid(this)
  }

  /** See `ops.relu`. */
  relu<D extends DType>(this: Tensor<D>): Tensor<D> {
    return relu(this)
  }

  /** The matrix product; see `ops.matmul`. */
  matmul<D extends DType>(this: Tensor<D>, other: Tensor<D>): Tensor<D> {
    return matmul(this, other)
  }

  /** The sum along an axis, which goes; of all elements unless given. */
  sum<D extends DType>(this: Tensor<D>, axis?: number): Total<D> {
    return sum(this, axis)
  }

  /** The mean along an axis, which goes; of all elements unless given. */
  mean<D extends DType>(this: Tensor<D>, axis?: number): Total<D> {
    return mean(this, axis)
  }

  /** The maximum along an axis, which goes; of all elements unless given. */
  max<D extends DType>(this: Tensor<D>, axis?: number): Tensor<D> {
    return max(this, axis)
  }

  /** See `ops.softmax`. */
  softmax<D extends DType>(this: Tensor<D>, axis = -1): Tensor<D> {
    return softmax(this, axis)
  }
}

declare module '../tensor/tensor' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type, @typescript-eslint/no-unused-vars
  interface Tensor<D extends DType> extends TensorMethods {}
}

const { constructor: _, ...methods } = Object.getOwnPropertyDescriptors(TensorMethods.prototype)
Object.defineProperties(Tensor.prototype, methods)
