/**
 * Tensor's methods that are ops, declared on Tensor and installed here: ops stand on tensors, and
 * ts/tensor knows none of them.
 */
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
import { max, mean, sum } from './reduce'
import { permute, reshape, slice, transpose } from './shape'

class TensorMethods {
  /** See `ops.reshape`. Shares storage. */
  reshape(this: Tensor, ...shape: number[]): Tensor {
    return reshape(this, shape)
  }

  /** `length` entries from `begin` on along the first axis. Shares storage. */
  slice(this: Tensor, begin: number, length: number): Tensor {
    return slice(this, 0, begin, length)
  }

  permute(this: Tensor, ...axes: number[]): Tensor {
    return permute(this, axes)
  }

  transpose(this: Tensor, a = -2, b = -1): Tensor {
    return transpose(this, a, b)
  }

  add(this: Tensor, other: Tensor | number): Tensor {
    return add(this, other)
  }

  sub(this: Tensor, other: Tensor | number): Tensor {
    return sub(this, other)
  }

  mul(this: Tensor, other: Tensor | number): Tensor {
    return mul(this, other)
  }

  div(this: Tensor, other: Tensor | number): Tensor {
    return div(this, other)
  }

  neg(this: Tensor): Tensor {
    return neg(this)
  }

  exp(this: Tensor): Tensor {
    return exp(this)
  }

  log(this: Tensor): Tensor {
    return log(this)
  }

  sqrt(this: Tensor): Tensor {
    return sqrt(this)
  }

  square(this: Tensor): Tensor {
    return square(this)
  }

  pow(this: Tensor, exponent: number): Tensor {
    return pow(this, exponent)
  }

  tanh(this: Tensor): Tensor {
    return tanh(this)
  }

  sigmoid(this: Tensor): Tensor {
    return sigmoid(this)
  }

  relu(this: Tensor): Tensor {
    return relu(this)
  }

  matmul(this: Tensor, other: Tensor): Tensor {
    return matmul(this, other)
  }

  sum(this: Tensor, axis?: number): Tensor {
    return sum(this, axis)
  }

  mean(this: Tensor, axis?: number): Tensor {
    return mean(this, axis)
  }

  max(this: Tensor, axis?: number): Tensor {
    return max(this, axis)
  }

  softmax(this: Tensor, axis = -1): Tensor {
    return softmax(this, axis)
  }
}

declare module '../tensor/tensor' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface Tensor extends TensorMethods {}
}

const { constructor: _, ...methods } = Object.getOwnPropertyDescriptors(TensorMethods.prototype)
Object.defineProperties(Tensor.prototype, methods)
