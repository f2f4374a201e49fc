import { checkSignal, expect, RnnativeError } from '../errors'
import type { OptimizerSpec, Schedule } from '../optim'
import type { DeviceName } from '../tensor'

/** What every model's `fit` takes. */
export interface TrainingOptions {
  /** Default `optim.adam()`. */
  optimizer?: OptimizerSpec | undefined
  /**
   * Factor on the learning rate over time; `plateau` follows the validation loss, `cosine()` and `linear()`
   * span the run. Default constant.
   */
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
  /** Who looks on, any number of them; a function is told the events alone. */
  watch?: Watch | readonly Watch[] | undefined
}

/** Told after each optimizer step. */
export interface TrainingEvent {
  /** Number of the step, from 1. */
  step: number
  /** The pass over the data that the step belongs to, from 1. */
  epoch: number
  /** Mean over the step's batch, before the update; nats per token in language models. */
  loss: number
  /** What else was measured of the step's batch, such as accuracy; by name. */
  measures?: Readonly<Record<string, number>>
  /** Global norm before clipping. */
  gradientNorm: number
  learningRate: number
  /** What an item is: 'tokens', 'examples', ... */
  unit: string
  /** Items learned from so far. */
  items: number
  /** Over the last quarter of a second or more of training. */
  itemsPerSecond: number
  /** Training time so far, validation and checkpoints left out. */
  seconds: number
  /** Present when the model was validated after this step. */
  validation?: ValidationEvent
  /** The directory of the checkpoint that was written after this step. */
  checkpoint?: string
}

/** Of a run whose items are tokens. */
export interface TokenEvent extends TrainingEvent {
  /** As `items`. */
  tokens: number
  /** As `itemsPerSecond`. */
  tokensPerSecond: number
}

export interface ValidationEvent {
  loss: number
  measures?: Readonly<Record<string, number>>
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
  unit: string
  /** Items learned from. */
  items: number
  seconds: number
  /** Of the last step; null if none was made. */
  loss: number | null
  /** The last validation loss. */
  validation: number | null
  best: { step: number; loss: number } | null
  /** The directory of the last checkpoint. */
  checkpoint: string | null
}

/** Of a run whose items are tokens. */
export interface TokenResult extends TrainingResult {
  /** As `items`. */
  tokens: number
}

/** What a run is going to do, as far as its limits tell; null where they do not. */
export interface RunPlan {
  stepsPerEpoch: number | null
  /** Steps of the whole run, by `epochs` and `maxSteps`. */
  steps: number | null
  maxSeconds: number | null
  /** Where it begins: steps made and seconds trained before, above 0 in a resumed run. */
  begun: { step: number; seconds: number }
  /** What an item is: 'tokens', 'examples', ... */
  unit: string
  /** How many numbers are learned. */
  parameters: number
  device: DeviceName
  /** What is particular to the model and its data, such as its vocabulary. */
  facts: Readonly<Record<string, string | number>>
}

/** What a run came to; an error of `ERR_ABORTED` where its signal ended it. */
export type Outcome = { result: TrainingResult } | { error: unknown }

/**
 * Somebody who looks on. A run never waits for its watchers; what one throws is told as a warning of the
 * process and ends that watcher alone.
 */
export interface Watcher {
  /** Called once, before the first step. Not called where a run cannot begin, nor is the rest then. */
  begin?(plan: RunPlan): void
  event?(event: TrainingEvent): void
  /** Called once, after the last step. The run's result waits for the promise. */
  end?(outcome: Outcome): void | Promise<void>
}

export type Watch = Watcher | ((event: TrainingEvent) => void)

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
