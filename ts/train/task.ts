import type { CheckpointFiles } from '../io/checkpoint'
import type { HostTensor, Module, RandomContext } from '../nn'
import type { Tensor } from '../tensor'

/** The gradient of one optimizer step, enqueued but not awaited. */
export interface StepGradient {
  /** Scalars whose sum is the mean loss over the step's tokens; the caller disposes them. */
  losses: Tensor[]
  tokens: number
}

/** What a model brings to the training loop: its data, its loss and what it carries along. */
export interface TrainingTask {
  readonly module: Module
  /** Optimizer steps in one pass over the data. */
  readonly stepsPerEpoch: number
  /** Settings and data that a resumed run must share, JSON-serialisable and compared by name. */
  readonly identity: Readonly<Record<string, unknown>>
  /** Takes the seed of the run that is resumed; absent where the order of the data has none. */
  reseed?(seed: number): void
  /** Adds the gradient of the step `index` of a pass to the module's parameters. */
  gradient(index: number, step: number, random: RandomContext): StepGradient
  /** Forgets what was carried over from the last step; called before each pass. */
  reset(): void
  /** The validation loss, lower is better; absent without validation data. */
  validate?: (() => Promise<number>) | undefined
  /** The files that make up the model itself. */
  modelFiles(): Promise<CheckpointFiles>
  /** What is carried from step to step, such as recurrent state. */
  carried(): Promise<Map<string, HostTensor>>
  restoreCarried(tensors: ReadonlyMap<string, HostTensor>): void
  /** Frees what `gradient` keeps. */
  dispose(): void
}
