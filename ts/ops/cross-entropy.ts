import { checkChoice, checkFinite, optionsOf, type Names } from '../check'
import { record, tracks } from '../tensor/autograd'
import { native, type Real } from '../native/index'
import { checkInference, checkLinear, type LinearPrecision, type Precision } from '../precision'
import { checkShape } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { div } from './elementwise'
import { linear } from './matmul'
import { sum } from './reduce'
import { checkDevice, checkInteger, checkReal, result } from './support'

declare module '../native/index' {
  interface NativeAddon {
    /**
     * x: [..., H], targets: i32 [...]; weight [V, H] or null (x holds logits), bias [V] or null.
     * losses and weights have the shape of targets. reserve is null unless training.
     */
    crossEntropy(
      x: N,
      weight: Maybe,
      bias: Maybe,
      targets: N,
      classWeights: Maybe,
      ignoreIndex: number,
      labelSmoothing: number,
      training: boolean,
      precision?: Precision,
    ): { losses: N; weights: N; reserve: Maybe }
    /** sinks: [dx, dweight, dbias]. */
    crossEntropyBackward(
      x: N,
      weight: Maybe,
      bias: Maybe,
      targets: N,
      classWeights: Maybe,
      ignoreIndex: number,
      labelSmoothing: number,
      reserve: N,
      dlosses: N,
      sinks: Sinks,
      add: number,
      precision?: Precision,
    ): void
  }
}

/** Options of the cross-entropies. */
export interface CrossEntropyOptions {
  /** Output projection [V, H], fused: x is then [..., H] and logits are never stored whole. */
  weight?: Tensor | null | undefined
  /** The projection's bias [V]. */
  bias?: Tensor | null | undefined
  /** Weight of each class [V]. */
  classWeights?: Tensor | null | undefined
  /** Targets of this value count for nothing. Default -100. */
  ignoreIndex?: number | undefined
  /** Share of the target's probability spread over all classes. */
  labelSmoothing?: number | undefined
  /** Of the projection and its gradients, which 'int8' does not have; logits and softmax stay f32. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

const CROSS_ENTROPY_NAMES: Names<CrossEntropyOptions> = {
  ...{ weight: true, bias: true, classWeights: true, ignoreIndex: true, labelSmoothing: true },
  precision: true,
}

/** What losses come as. */
export interface Losses {
  /** Nats per target, times its class weight; 0 where ignored. */
  losses: Tensor<Real>
  /** Class weight of each target, 1 without class weights; 0 where ignored. */
  weights: Tensor<Real>
}

/**
 * Cross-entropy of each target. x: logits [..., V], or [..., H] with `weight`; targets: i32 [...],
 * each in 0..V-1 or ignored (else the result fails with `ERR_INDEX`). As PyTorch's cross_entropy
 * with reduction 'none'; its mean is `sum(losses) / sum(weights)`.
 */
export function crossEntropyLosses(
  x: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions = {},
): Losses {
  const {
    weight = null,
    bias = null,
    classWeights = null,
  } = optionsOf('crossEntropy', options, CROSS_ENTROPY_NAMES)
  const { ignoreIndex = -100, labelSmoothing = 0, precision = 'f32' } = options
  const op = 'crossEntropy'
  checkLinear(op, precision)
  checkFinite(op, 'ignoreIndex', ignoreIndex)
  checkFinite(op, 'labelSmoothing', labelSmoothing)
  checkReal(op, 'x', x)
  checkInteger(op, 'targets', targets)
  checkDevice(op, x, { targets, weight, bias, classWeights })
  checkShape(op, 'targets', targets.shape, x.shape.slice(0, -1))
  const last = x.shape.at(-1) ?? 'V'
  if (weight) checkShape(op, 'weight', weight.shape, ['V', last])
  const classes = weight ? (weight.shape[0] as number) : last
  if (bias) checkShape(op, 'bias', bias.shape, [classes])
  if (classWeights) checkShape(op, 'classWeights', classWeights.shape, [classes])
  const training = tracks(x, weight, bias)
  checkInference(op, precision, training)
  if (precision === 'int8' && weight) {
    const logits = linear(x, weight, bias, { precision })
    const made = crossEntropyLosses(logits, targets, { classWeights, ignoreIndex, labelSmoothing })
    logits.dispose()
    return made
  }
  const product = precision === 'int8' ? 'f32' : precision // without a weight there is none
  const made = native.crossEntropy(
    x.handle,
    weight?.handle ?? null,
    bias?.handle ?? null,
    targets.handle,
    classWeights?.handle ?? null,
    ignoreIndex,
    labelSmoothing,
    training,
    product,
  )
  const losses = result(made.losses, targets.shape, x)
  const weights = result(made.weights, targets.shape, x)
  if (training)
    record({
      op,
      inputs: [x, weight, bias],
      outputs: [losses],
      save: [x, weight, bias, targets, classWeights],
      own: [made.reserve],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.crossEntropyBackward(
          call.saved(0),
          call.savedOrNull(1),
          call.savedOrNull(2),
          call.saved(3),
          call.savedOrNull(4),
          ignoreIndex,
          labelSmoothing,
          call.saved(5),
          call.dy,
          sinks,
          bits,
          product,
        )
      },
    })
  return { losses, weights }
}

/** What is done with the losses of all positions; `none`: each is given. */
export type Reduction = 'mean' | 'sum' | 'none'
const REDUCTIONS: readonly Reduction[] = ['mean', 'sum', 'none']

const REDUCED_NAMES: Names<ReducedOptions> = { ...CROSS_ENTROPY_NAMES, reduction: true }

interface ReducedOptions extends CrossEntropyOptions {
  reduction?: Reduction | undefined
}

/** {@link crossEntropyLosses}, reduced: 'mean' (the default) divides by the sum of the weights. */
export function crossEntropy(x: Tensor, targets: Tensor, given: ReducedOptions = {}): Tensor<Real> {
  const { reduction = 'mean', ...options } = optionsOf('crossEntropy', given, REDUCED_NAMES)
  checkChoice('crossEntropy', 'reduction', reduction, REDUCTIONS)
  const { losses, weights } = crossEntropyLosses(x, targets, options)
  if (reduction === 'none') {
    weights.dispose()
    return losses
  }
  const total = sum(losses)
  losses.dispose()
  if (reduction === 'sum') {
    weights.dispose()
    return total
  }
  const count = sum(weights)
  const mean = div(total, count)
  for (const used of [weights, total, count]) used.dispose()
  return mean
}
