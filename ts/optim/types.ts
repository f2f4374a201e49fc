import type { Module } from '../nn'
import type { Pattern } from '../patterns'
import type { Parameter } from '../tensor'

export const OPTIMIZER_KINDS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const

export type OptimizerKind = (typeof OPTIMIZER_KINDS)[number]

export const SCHEDULE_NAMES = [
  ...(['constant', 'step', 'exponential', 'plateau'] as const),
  ...(['inverse-sqrt', 'cosine', 'linear'] as const),
] as const

export type ScheduleName = (typeof SCHEDULE_NAMES)[number]

/** Settings under torch.optim's meanings; an optimizer uses those of its own kind. */
export interface Hyperparameters {
  lr: number
  weightDecay: number
  momentum: number
  dampening: number
  nesterov: boolean
  beta1: number
  beta2: number
  eps: number
  /** RMSProp's smoothing constant. */
  alpha: number
  centered: boolean
  /** Adagrad's. */
  lrDecay: number
  /** Updates of a table of embeddings the rows alone that the step's ids named, and their state. */
  lazy: boolean
}

/** Parameters that share settings of their own. */
export interface GroupOptions {
  /**
   * Which parameters, by name: `weight_hh`, or `weight_hh_l0[f]` for a single gate. The first group that matches takes
   * one; the rest form the last.
   */
  match: Pattern
  /** Learning rate while the optimizer's is at the value it was made with; a schedule scales both. */
  lr?: number | undefined
  weightDecay?: number | undefined
  /** They stay as they are, though their gradients are computed: `requiresGrad = false` spares a whole parameter's. */
  frozen?: boolean | undefined
}

/** What an optimizer works on: a module, or parameters by name. */
export type OptimizerTarget = Module | Iterable<readonly [string, Parameter]>
