import type { Schedule } from '../optim'
import type { Change, TrainingOptions } from './options'
import type { Progress } from './progress'

/** How a model is trained, besides what its caller chooses. */
export interface LoopOptions extends TrainingOptions {
  /** Of dropout and, in feeds without a seed of their own, of the order of batches. */
  seed: number
  /** Portions of the feed that make up a step. */
  perStep: number
}

/** Where a run stands: what its steps, validations and checkpoints move on, each its part. */
export interface Standing {
  progress: Progress
  schedule: Schedule
  /** The last validation. */
  validated: { step: number; loss: number } | null
  /** The last checkpoint. */
  saved: { step: number; path: string } | null
  /** What a resumed run does otherwise than before. */
  changed: readonly Change[]
}
