/** What an optimizer does on the device. Neither records gradients. */
import { native } from '../native/index'
import { Tensor } from '../tensor/tensor'

export interface OptimizerOptions {
  kind: 'sgd' | 'adam' | 'adamw' | 'rmsprop' | 'adagrad'
  clipNorm: number
  lr: number
  weightDecay: number
  momentum: number
  dampening: number
  beta1: number
  beta2: number
  eps: number
  alpha: number
  lrDecay: number
  nesterov: boolean
  centered: boolean
  step: number
}

declare module '../native/index' {
  interface NativeAddon {
    /** Scalar: sqrt of the sum of squares over all given tensors. */
    globalNorm(gradients: readonly N[]): N
    /**
     * state: SGD [buf]; Adam(W) [m, v]; RMSProp [v, buf, avg]; Adagrad [sum]; absent ones null. norm: scalar or null.
     * rows: i32 [N], the rows of the parameter [V, E] that those of the gradient [N, E] belong to, or null: all.
     */
    optimizerStep(
      options: OptimizerOptions,
      parameter: N,
      gradient: N,
      state: readonly Maybe[],
      norm: Maybe,
      rows: Maybe,
    ): void
  }
}

/** The square root of the sum of squares over all given tensors, a scalar. */
export function globalNorm(gradients: readonly [Tensor, ...Tensor[]]): Tensor {
  const [{ dtype, device }] = gradients
  const handle = native.globalNorm(gradients.map((gradient) => gradient.handle))
  return new Tensor({ handle, shape: [], dtype, device })
}

/**
 * Updates a parameter in place from its gradient and state: SGD [buf]; Adam(W) [m, v]; RMSProp [v, buf,
 * avg]; Adagrad [sum]; absent ones null. Nothing changes where `norm` is not finite, nor, where `rows` are given,
 * in other rows; row i of the gradient belongs to row rows[i], or to none where that is -1.
 */
export function optimizerStep(
  options: OptimizerOptions,
  parameter: Tensor,
  gradient: Tensor,
  state: readonly (Tensor | null)[],
  norm: Tensor,
  rows: Tensor | null = null,
): void {
  const handles = state.map((buffer) => buffer?.handle ?? null)
  native.optimizerStep(
    options,
    parameter.handle,
    gradient.handle,
    handles,
    norm.handle,
    rows?.handle ?? null,
  )
}
