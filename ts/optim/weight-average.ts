import { neg } from '../ops/elementwise'
import { optimizerStep, type OptimizerOptions } from '../ops/optimizer'
import { noGrad, zeros, type Tensor } from '../tensor'
import type { Arena } from './arena'
import type { Masks } from './masks'

/** N -= lr (values + N), where N is minus the average: the fused step of SGD with a weight decay of 1. */
const TOWARDS: Omit<OptimizerOptions, 'lr'> = {
  ...{ kind: 'sgd', clipNorm: 0, weightDecay: 1, step: 1 },
  ...{ momentum: 0, dampening: 0, nesterov: false },
  ...{ beta1: 0, beta2: 0, eps: 0, alpha: 0, lrDecay: 0, centered: false },
}

/** An average of all parameters of an optimizer, which may stand in their place for a while. */
export class WeightAverage {
  /** Minus the average. */
  private readonly negative: Tensor
  /** The norm that an update rests on: one that is finite. */
  private readonly fine: Tensor
  /** The weights themselves while the average stands in their place. */
  private held: Tensor | null = null

  /** @internal Begins as all zeros: the first {@link take} is with a rate of 1. */
  constructor(
    private readonly arena: Arena,
    private readonly masks: Masks,
  ) {
    this.negative = arena.zeros()
    this.fine = zeros([1], { device: arena.device })
  }

  /** Moves the average towards the weights, by `rate` of the way. */
  take(rate: number): void {
    const { values } = this.arena
    optimizerStep({ ...TOWARDS, lr: rate }, this.negative, values, [null, null, null], this.fine)
  }

  /** Takes what stands in the weights' place, such as what a checkpoint has, for the average. */
  restore(): void {
    const made = noGrad(() => neg(this.arena.values))
    this.negative.assign(made)
    made.dispose()
  }

  /** Puts the average in the weights' place. */
  show(): void {
    const { arena } = this
    this.held = arena.zeros().assign(arena.values)
    this.adopt()
  }

  /** Puts the weights back. */
  hide(): void {
    if (this.held === null) return
    this.arena.values.assign(this.held)
    this.held.dispose()
    this.held = null
  }

  /** Makes the average the weights. What was pruned since parts of it were taken is zero. */
  adopt(): void {
    const made = noGrad(() => neg(this.negative))
    this.arena.values.assign(made)
    made.dispose()
    this.masks.apply(this.arena.values)
  }

  dispose(): void {
    this.hide()
    this.negative.dispose()
    this.fine.dispose()
  }
}
