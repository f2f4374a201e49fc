import { checkNames, checkSignal, isObject, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import type { OptimizerSpec, Pruning, Schedule } from '../optim'
import { atLeastZero, choice, count, flag, path, positive, Schema, type Given } from '../schema'
import type { DeviceName } from '../tensor'
import type { AbortSignalLike } from '../signal'
import { average } from './average-option'
import { groups } from './group-option'
import { penaltyOptions } from './penalty-options'

/** How long a run is, what it keeps and when it looks: what can be told in plain words, too. */
export const limitOptions = {
  /** `Infinity`: never. */
  clipNorm: positive({ about: 'largest norm of the gradient', defaultText: '1', argument: '<x>' }),
  /** Before `clipNorm`. The norm that events tell is that before both. */
  clipValue: positive({ about: 'largest element of the gradient, either way', argument: '<x>' }),
  /** Its variance at step t, from 0, is this / (1 + t)^decay; added to the clipped gradient. CUDA runs such steps op by op. */
  gradientNoise: atLeastZero({
    about:
      'variance of noise on the gradient in the beginning, such as 0.01 (Neelakantan et al. 2015)',
    ...{ defaultText: 'none', argument: '<eta>' },
  }),
  gradientNoiseDecay: atLeastZero({
    about: 'how it falls with the steps',
    ...{ defaultText: '0.55', argument: '<gamma>' },
    only: ['gradientNoise', ({ gradientNoise }: { gradientNoise?: unknown }) => !!gradientNoise],
  }),
  ...penaltyOptions,
  average,
  groups,
  /** May be a fraction. */
  epochs: positive({
    about: 'passes over the data',
    defaultText: '1, unlimited with maxSteps or maxSeconds',
    argument: '<n>',
  }),
  maxSteps: count({ about: 'stop after so many steps' }),
  maxSeconds: positive({
    about: 'stop after so much training, validation and checkpoints not counted',
    argument: '<s>',
  }),
  evaluateEvery: count({ about: 'steps between validations', defaultText: 'each epoch' }),
  /** Needs validation data. */
  patience: count({ about: 'stop after so many validations without a new best' }),
  /** The latest and the best are kept. One run at a time has a directory (`ERR_BUSY`). */
  checkpoint: path({
    about: 'where checkpoints go; also the directory of the model',
    argument: '<dir>',
  }),
  /** One is written at the end and at a new best always. */
  checkpointEvery: count({ about: 'steps between checkpoints', defaultText: 'each epoch' }),
  /**
   * Bit for bit as if never interrupted; from the beginning if there is no checkpoint yet. Limits (`epochs`,
   * `maxSteps`, `maxSeconds`) count from the very beginning. The model's options and tokenizers, the data, how
   * it is cut into batches and the kind of optimizer must be the same (`ERR_ARGUMENT` names what is not). May
   * differ, and is told in {@link RunPlan.changed}: limits, when to validate and to write checkpoints, the
   * optimizer's rates, schedule, `groups`, average, clipping, noise, penalties, pruning, `accumulate`, device and validation data. After
   * other validation data the best counts anew; the seed is that of the checkpoint.
   */
  resume: flag({
    ...{ about: "continue from the directory's latest checkpoint, if it has one", default: false },
  }),
  /**
   * Every process that mpirun started calls `fit` alike, with the same data, and takes its rows of each batch: it comes to
   * what one process with all rows comes to. The first one writes checkpoints and tells watchers; a run that was begun by
   * other numbers of processes is resumed, too. Without mpirun it changes nothing. `ERR_UNSUPPORTED` without
   * `npx rnnative build mpi`.
   */
  parallel: flag({
    ...{ about: 'share each batch with the other processes that mpirun started', default: false },
  }),
  reducePrecision: choice(['f32', 'bf16'], {
    about: 'of gradients on their way between processes',
    default: 'f32',
  }),
  /** Without `resume` or this a run does not begin in a directory with checkpoints (`ERR_ARGUMENT`). */
  overwrite: flag({
    ...{ about: "replace the checkpoints of the directory's earlier run", default: false },
  }),
}

const limits = new Schema('fit', limitOptions)

/** Names of what every `fit` takes. */
const TRAINING_NAMES: Names<TrainingOptions> = {
  ...(Object.fromEntries(Object.keys(limitOptions).map((name) => [name, true])) as Names<
    typeof limitOptions
  >),
  ...{ optimizer: true, schedule: true, prune: true, signal: true, watch: true },
}

/** Throws `ERR_ARGUMENT` for a name that is none of these nor of a family's `own`. */
export const checkFitNames = (
  options: TrainingOptions,
  own: Readonly<Record<string, unknown>>,
): void => checkNames('fit', options, { ...TRAINING_NAMES, ...own })

/** What every model's `fit` takes. */
export interface TrainingOptions extends Given<typeof limitOptions> {
  /** Default `optim.adam()`. */
  optimizer?: OptimizerSpec | undefined
  /**
   * Factor on the learning rate over time; `plateau` follows the validation loss, `cosine()` and `linear()`
   * span the run. Default constant.
   */
  schedule?: Schedule | undefined
  /** What becomes zero, and when, as `optim.prune()` gives it. Default: nothing. */
  prune?: Pruning | undefined
  /** Stops the run when aborted: a checkpoint is written and the run rejects with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
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
  /** What penalties add to the loss in what is made small, by name; present where there are any. */
  penalties?: Readonly<Record<string, number>>
  /** Share of the pruned matrices' weights that are zero for good after the update; present with `prune`. */
  sparsity?: number
  /** Global norm before clipping. */
  gradientNorm: number
  /** In force at this step. */
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

/** What a validation came to. */
export interface ValidationEvent {
  /** One that is not finite is never the best and counts for nothing else. */
  loss: number
  /** What else was measured, such as accuracy; by name. */
  measures?: Readonly<Record<string, number>>
  /** How many weights the average that was validated is of; absent where there is none. */
  averaged?: number
  /** Whether it is the lowest so far. */
  best: boolean
  /** How long it took. */
  seconds: number
}

/** What a run came to. */
export interface TrainingResult {
  /** What ended the run. */
  stopped: 'epochs' | 'steps' | 'seconds' | 'patience' | 'aborted'
  /** Steps made. */
  step: number
  /** Complete passes over the data. */
  epochs: number
  /** What an item is: 'tokens', 'examples', ... */
  unit: string
  /** Items learned from. */
  items: number
  /** Training time, validation and checkpoints left out. */
  seconds: number
  /** Of the last step; null if none was made. */
  loss: number | null
  /** The last validation loss. */
  validation: number | null
  /** The lowest validation loss, and the step before it; null without one. */
  best: { step: number; loss: number } | null
  /** The directory of the last checkpoint. */
  checkpoint: string | null
}

/** Of a run whose items are tokens. */
export interface TokenResult extends TrainingResult {
  /** As `items`. */
  tokens: number
}

/** A setting of a resumed run, and what it was before; null: not given. */
export interface Change {
  /** The setting. */
  name: string
  /** What it was. */
  from: unknown
  /** What it is. */
  to: unknown
}

/** What a run is going to do, as far as its limits tell; null where they do not. */
export interface RunPlan {
  /** Steps of a pass over the data. */
  stepsPerEpoch: number | null
  /** Steps of the whole run, by `epochs` and `maxSteps`. */
  steps: number | null
  /** After how many seconds it ends. */
  maxSeconds: number | null
  /** What a resumed run does otherwise than the run that wrote the checkpoint. */
  changed: readonly Change[]
  /** Where it begins: steps made and seconds trained before, above 0 in a resumed run. */
  begun: { step: number; seconds: number }
  /** What an item is: 'tokens', 'examples', ... */
  unit: string
  /** How many numbers are learned. */
  parameters: number
  /** Where it computes. */
  device: DeviceName
  /** What is particular to the model and its data, such as its vocabulary. */
  facts: Readonly<Record<string, string | number>>
}

/**
 * What a run came to; an error of `ERR_ABORTED` where its signal ended it. `checkpoint` is the last one: an error
 * that ends a run leaves one of the steps before it, unless weights are not finite.
 */
export type Outcome = { result: TrainingResult } | { error: unknown; checkpoint?: string | null }

/**
 * Somebody who looks on. A run never waits for its watchers; what one throws is told as a warning of the
 * process and ends that watcher alone.
 */
export interface Watcher {
  /** Called once, before the first step. Not called where a run cannot begin, nor is the rest then. */
  begin?(plan: RunPlan): void
  /** Called after every step. */
  event?(event: TrainingEvent): void
  /** Called once, after the last step. The run's result waits for the promise. */
  end?(outcome: Outcome): void | Promise<void>
}

/** Somebody who looks on, or only a function that is called after every step. */
export type Watch = Watcher | ((event: TrainingEvent) => void)

const WITHOUT = 'without validation data'

/** Throws `ERR_ARGUMENT` for an option out of its range, or one that rests on a missing validation. */
export function checkTrainingOptions(options: TrainingOptions, validates: boolean): void {
  limits.resolve(options, null)
  const { patience, schedule, signal, optimizer } = options
  // Not just what has a `bind`, as every function has: `optim.adam` without its parentheses.
  const binds =
    optimizer === undefined || (isObject(optimizer) && typeof optimizer.bind === 'function')
  expect('fit', 'optimizer', binds, 'one such as optim.adam() gives', optimizer)
  const given = schedule as Partial<Schedule> | null | undefined
  const scales = typeof given?.factor === 'function' && typeof given.toJSON === 'function'
  const expected = 'one such as optim.schedule.step() gives'
  expect('fit', 'schedule', schedule === undefined || scales, expected, schedule)
  const watches = options.average?.name === 'nt-asgd'
  expect('fit', 'average', validates || !watches, `another than nt-asgd ${WITHOUT}`, 'nt-asgd')
  const noise =
    (optimizer as Partial<OptimizerSpec> | undefined)?.hyperparameters?.lazy &&
    options.gradientNoise
  expect('fit', 'gradientNoise', !noise, 'none with a lazy optimizer', noise)
  const { prune } = options
  const prunes = prune === undefined || (isObject(prune) && typeof prune.falls === 'function')
  expect('fit', 'prune', prunes, 'one such as optim.prune() gives', prune)
  expect('fit', 'patience', validates || patience === undefined, `none ${WITHOUT}`, patience)
  const follows = schedule?.toJSON().name === 'plateau'
  expect('fit', 'schedule', validates || !follows, `another than plateau ${WITHOUT}`, 'plateau')
  checkSignal('fit', signal)
  const { checkpoint, resume, overwrite } = options
  for (const [name, given] of Object.entries({ resume, overwrite }))
    if (given && checkpoint === undefined)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[fit] ${name}: expected a checkpoint directory to go with it`,
      )
  expect('fit', 'overwrite', !(resume && overwrite), 'none with resume', overwrite)
}
