import type { Module } from '../nn'
import type { Pattern } from '../patterns'
import type { Parameter } from '../tensor'

/** Names of the optimizers. */
export const OPTIMIZER_KINDS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const

/** One of {@link OPTIMIZER_KINDS}. */
export type OptimizerKind = (typeof OPTIMIZER_KINDS)[number]

/** Names of the schedules. */
export const SCHEDULE_NAMES = [
  ...(['constant', 'step', 'exponential', 'plateau'] as const),
  ...(['inverse-sqrt', 'cosine', 'linear'] as const),
] as const

/** One of {@link SCHEDULE_NAMES}. */
export type ScheduleName = (typeof SCHEDULE_NAMES)[number]

/** Settings under torch.optim's meanings; an optimizer uses those of its own kind. */
export interface Hyperparameters {
  /** Learning rate. */
  lr: number
  /** Of weights in the gradient; with AdamW, of the weights themselves. */
  weightDecay: number
  /** Of SGD and RMSProp: what is kept of the last update. */
  momentum: number
  /** Of SGD: what momentum leaves out of a gradient. */
  dampening: number
  /** Of SGD: looks one update ahead. */
  nesterov: boolean
  /** Of Adam: what is kept of the mean of gradients. */
  beta1: number
  /** Of Adam: what is kept of the mean of their squares. */
  beta2: number
  /** Added to the root that gradients are divided by. */
  eps: number
  /** RMSProp's smoothing constant. */
  alpha: number
  /** Of RMSProp: squares are taken around the mean. */
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
  /** As the optimizer's unless given. */
  weightDecay?: number | undefined
  /** They stay as they are, though their gradients are computed: `requiresGrad = false` spares a whole parameter's. */
  frozen?: boolean | undefined
}

/** What an optimizer works on: a module, or parameters by name. */
export type OptimizerTarget = Module | Iterable<readonly [string, Parameter]>
