import { checkSignal, expect, RnnativeError } from '../errors'
import type { OptimizerSpec, Schedule } from '../optim'

/** What every model's `fit` takes. */
export interface TrainingOptions {
  /** Default `optim.adam()`. */
  optimizer?: OptimizerSpec | undefined
  /** Factor on the learning rate over time; `plateau` follows the validation loss. Default constant. */
  schedule?: Schedule | undefined
  /** Scales gradients down to this global norm; `Infinity`: never. Default 1. */
  clipNorm?: number | undefined
  /** Passes over the data. Default 1, or unlimited when `maxSteps` or `maxSeconds` is given. */
  epochs?: number | undefined
  /** Stops after this many optimizer steps. */
  maxSteps?: number | undefined
  /** Stops after this much training; validation and checkpoints do not count. */
  maxSeconds?: number | undefined
  /** Validates every so many steps. Default: after each epoch. */
  evaluateEvery?: number | undefined
  /** Stops after this many validations in a row without a new best; needs validation data. */
  patience?: number | undefined
  /** A directory for checkpoints: the latest and the best one are kept. */
  checkpoint?: string | undefined
  /** Writes one every so many steps. Default: after each epoch. At the end and at a new best always. */
  checkpointEvery?: number | undefined
  /**
   * Continues from the latest checkpoint, bit for bit as if never interrupted; from the beginning if
   * there is none yet. Limits (`epochs`, `maxSteps`, `maxSeconds`) count from the very beginning.
   */
  resume?: boolean | undefined
  /** Stops the run when aborted: a checkpoint is written and the run rejects with `ERR_ABORTED`. */
  signal?: AbortSignal | undefined
}

/** Told after each optimizer step. */
export interface TrainingEvent {
  /** Number of the step, from 1. */
  step: number
  /** The pass over the data that the step belongs to, from 1. */
  epoch: number
  /** Mean nats per token of this step's batch, before the update. */
  loss: number
  /** Global norm before clipping. */
  gradientNorm: number
  learningRate: number
  /** Tokens learned from so far. */
  tokens: number
  /** Over the last quarter of a second or more of training. */
  tokensPerSecond: number
  /** Training time so far, validation and checkpoints left out. */
  seconds: number
  /** Present when the model was validated after this step. */
  validation?: ValidationEvent
  /** The directory of the checkpoint that was written after this step. */
  checkpoint?: string
}

export interface ValidationEvent {
  loss: number
  /** Whether it is the lowest so far. */
  best: boolean
  /** How long it took. */
  seconds: number
}

export interface TrainingResult {
  /** What ended the run. */
  stopped: 'epochs' | 'steps' | 'seconds' | 'patience' | 'aborted'
  step: number
  /** Complete passes over the data. */
  epochs: number
  tokens: number
  seconds: number
  /** Of the last step; null if none was made. */
  loss: number | null
  /** The last validation loss. */
  validation: number | null
  best: { step: number; loss: number } | null
  /** The directory of the last checkpoint. */
  checkpoint: string | null
}

const WITHOUT = 'without validation data'

/** Throws `ERR_ARGUMENT` for an option out of its range, or one that rests on a missing validation. */
export function checkTrainingOptions(options: TrainingOptions, validates: boolean): void {
  const check = (
    name: keyof TrainingOptions,
    valid: (value: number) => boolean,
    expected: string,
  ) => {
    const value = options[name] as unknown
    if (value !== undefined && !(typeof value === 'number' && valid(value)))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[fit] ${name}: expected ${expected}, got ${String(value)}`,
      )
  }
  for (const name of ['maxSteps', 'evaluateEvery', 'patience', 'checkpointEvery'] as const)
    check(name, (value) => Number.isSafeInteger(value) && value >= 1, 'a whole number above 0')
  for (const name of ['epochs', 'maxSeconds', 'clipNorm'] as const)
    check(name, (value) => value > 0, 'a number above 0')
  const { patience, schedule, signal } = options
  expect('fit', 'patience', validates || patience === undefined, `none ${WITHOUT}`, patience)
  const follows = schedule?.toJSON().name === 'plateau'
  expect('fit', 'schedule', validates || !follows, `another than plateau ${WITHOUT}`, 'plateau')
  checkSignal('fit', signal)
  if (options.resume && options.checkpoint === undefined)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      '[fit] resume: expected a checkpoint directory to go with it',
    )
}
