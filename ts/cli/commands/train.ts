/** The `train` command, one for all families of models. A family says what it learns from. */
import { constants } from 'node:os'
import type { Command } from 'commander'
import { RnnativeError } from '../../errors'
import type { Model } from '../../models/model'
import { launchedRank } from '../../mpirun'
import { readNamed, type Named } from '../../named'
import type { OptimizerKind } from '../../optim'
import { create, type Schedule } from '../../optim/schedule'
import { pruneOptions, pruneSchema } from '../../optim/prune-options'
import { OPTIMIZER_KINDS, type ScheduleName } from '../../optim/types'
import { atLeastZero, choice, custom, flag, fraction, group, positive, text } from '../../schema'
import type { Given, Made, Rows, Schema } from '../../schema'
import type { DeviceOption } from '../../tensor'
import type { Run, RunPlan, TrainingEvent, TrainingOptions, TrainingResult } from '../../train'
import { limitOptions } from '../../train/options'
import { addFlags, device, givenFlags, json, readFlags, refuseFlags } from '../arguments'
import { takeFlags, threads } from '../arguments'
import type { Flags } from '../arguments'
import { withoutOutput } from '../output'
import { setThreads } from '../threads'

/** A family of models, as far as training goes. */
export interface Family<Data extends Rows, Options extends Rows, Fit extends Rows> {
  about: string
  /** Of the command. Default `train`. */
  name?: string
  /** What it learns from. */
  data: Data
  model: Schema<Options>
  fit: Pick<Schema<Fit>, 'rows'>
  /** The flags that give something to validate with, in words. */
  validation: string
  /** Whether they are given. */
  validates(data: Made<Data>): boolean
  /** Reads the data, makes the model and begins to learn. */
  begin(
    data: Made<Data>,
    model: Given<Options> & { device: DeviceOption },
    fit: Given<Fit> & TrainingOptions,
  ): Promise<Begun>
}

interface Begun {
  model: Model
  run: Run<TrainingEvent, TrainingResult>
}

const MOMENTUM: readonly string[] = ['sgd', 'rmsprop'] satisfies OptimizerKind[]
const DEVICES = ['cpu', 'cuda', 'auto'] as const

const LEARNING_RATES: Readonly<Record<OptimizerKind, number>> = {
  sgd: 1,
  adam: 2e-3,
  adamw: 2e-3,
  rmsprop: 1e-3,
  adagrad: 1e-2,
}

/** Epochs, where no other limit is given. */
const EPOCHS = 10

/** inverse-sqrt warms up for a tenth of the run at most, unless told otherwise. */
function makeSchedule({ name, options }: Named): Schedule {
  const own = name === 'inverse-sqrt' && !('warmup' in options) ? { share: 0.1 } : {}
  return create({ name: name as ScheduleName, options: { ...own, ...options } })
}

/** How to train and for how long. */
const runFlags = {
  optimizer: choice(OPTIMIZER_KINDS, { about: 'optimizer', default: 'adam' }),
  learningRate: positive({ about: 'learning rate', defaultText: 'as suits the optimizer' }),
  weightDecay: atLeastZero({ about: 'weight decay', defaultText: '0.01 of adamw, else 0' }),
  momentum: fraction({ about: 'momentum, of sgd and rmsprop', defaultText: '0' }),
  lazy: flag({
    ...{
      about: 'update the vectors of the tokens in a step alone, and their state',
      default: false,
    },
  }),
  schedule: custom<Schedule>()(
    {
      expected: 'a schedule',
      valid: () => true,
      argument: '<schedule>',
      read: (given) => makeSchedule(readNamed(given)),
    },
    {
      about:
        'of the learning rate: constant, step, exponential, plateau, inverse-sqrt, cosine or linear, ' +
        'with options as in step:gamma=0.5,after=4; cosine and linear span the run',
      defaultText: 'constant',
    },
  ),
  prune: group(pruneOptions, 'zero weights'),
  ...limitOptions,
  epochs: {
    ...limitOptions.epochs,
    fallbackText: `${EPOCHS}, unlimited with --max-steps or --max-seconds`,
  },
  checkpoint: { ...limitOptions.checkpoint, required: true },
  threads,
  device: device(DEVICES),
  json,
  tensorboard: text({
    about: 'write event files for TensorBoard (needs protobufjs and @node-rs/crc32)',
    argument: '<dir>',
  }),
}

type RunFlags = Made<typeof runFlags>

/** Adds `train` to a family's commands. */
export function addTrain<Data extends Rows, Options extends Rows, Fit extends Rows>(
  parent: Command,
  family: Family<Data, Options, Fit>,
): void {
  const command = parent.command(family.name ?? 'train').description(family.about)
  addFlags(command, family.data)
  addFlags(command, family.model.rows, { seed: 1 })
  addFlags(command, family.fit.rows)
  addFlags(command, runFlags)
  command.action((flags: Flags) => train(family, flags, givenFlags(command)))
}

async function train<Data extends Rows, Options extends Rows, Fit extends Rows>(
  family: Family<Data, Options, Fit>,
  flags: Flags,
  given: Flags,
): Promise<void> {
  const data = takeFlags(family.data, flags)
  const training = takeFlags(runFlags, flags)
  checkPruning(training)
  await check(training, family.validates(data), family.validation)
  const options = {
    ...readFlags(family.model.rows, given),
    seed: flags['seed'] as number,
    device: training.device,
  }
  const fit = { ...readFlags(family.fit.rows, flags), ...(await trainingOptions(training)) }
  const tells = !isSilent(training)
  try {
    await follow(() => family.begin(data, options, fit))
  } catch (error) {
    const { isTold } = await import('../../train/ranks.js')
    if (tells || !isTold(error)) throw error
    process.exitCode = 1 // the first rank says why
  }
}

/** Whether another process tells how training goes. */
const isSilent = ({ parallel }: RunFlags): boolean => parallel && (launchedRank() ?? 0) > 0

/** Throws `ERR_ARGUMENT` for flags of pruning that do not go together. */
function checkPruning({ prune }: RunFlags): void {
  if (prune.sparsity !== undefined) return void pruneSchema.resolve(prune)
  const { sparsity: _, ...others } = pruneOptions
  refuseFlags(others, prune, Object.keys(others), 'only together with --prune', 'prune-')
}

/**
 * Checks flags that need others and heeds `--threads`; tries the directory before any data is read.
 * `validates`: whether there is something to validate with; `flags`: those that give it.
 */
async function check(run: RunFlags, validates: boolean, flags: string): Promise<void> {
  const { schedule, patience, evaluateEvery, checkpoint } = run
  const needs = (flag: string) => new RnnativeError('ERR_ARGUMENT', `${flag}: give ${flags}`)
  if (patience !== undefined && !validates) throw needs('--patience counts validations')
  if (evaluateEvery !== undefined && !validates) throw needs('--evaluate-every validates')
  if (schedule?.name === 'plateau' && !validates)
    throw needs('--schedule plateau follows the validation loss')
  if (run.momentum !== undefined && !MOMENTUM.includes(run.optimizer))
    throw new RnnativeError('ERR_ARGUMENT', `--momentum: ${run.optimizer} has none`)
  await setThreads(run.threads)
  if (checkpoint === undefined || isSilent(run)) return
  const { openRunDirectory } = await import('../../io/run-directory.js')
  await (await openRunDirectory(checkpoint, run)).close()
}

async function trainingOptions(run: RunFlags): Promise<TrainingOptions> {
  const { optimizer, learningRate: lr = LEARNING_RATES[optimizer], weightDecay, momentum } = run
  const { lazy, maxSteps, maxSeconds } = run
  const unlimited = maxSteps !== undefined || maxSeconds !== undefined
  const { create: createOptimizer, prune } = await import('../../optim/index.js')
  return {
    ...(Object.fromEntries(
      Object.keys(limitOptions).map((name) => [name, run[name as keyof typeof limitOptions]]),
    ) as TrainingOptions),
    schedule: run.schedule,
    epochs: run.epochs ?? (unlimited ? undefined : EPOCHS),
    optimizer: createOptimizer(optimizer, { lr, weightDecay, momentum, lazy }),
    prune: run.prune.sparsity === undefined ? undefined : prune(run.prune),
    watch: await watchers(run),
  }
}

/** Who looks on: JSON on standard output for programs, else lines, and a bar on a terminal. */
async function watchers(run: RunFlags): Promise<TrainingOptions['watch']> {
  if (isSilent(run)) return []
  const { json, checkpoint, tensorboard } = run
  const watch = await import('../../watch/index.js')
  return [
    { begin: tellChanges },
    (await import('../divergence.js')).tellDivergence(),
    ...(json ? [watch.json()] : [watch.bar(), watch.lines()]),
    ...(checkpoint === undefined ? [] : [watch.record(checkpoint)]),
    ...(tensorboard === undefined ? [] : [watch.tensorboard(tensorboard)]),
  ]
}

/** Says on stderr what a resumed run does otherwise than before. */
function tellChanges({ changed }: RunPlan): void {
  const show = (value: unknown) => (value === null ? 'none' : JSON.stringify(value))
  for (const { name, from, to } of changed)
    process.stderr.write(
      name === 'validation'
        ? 'note: resumed with other validation data: the best loss counts anew\n'
        : `note: resumed with ${name} ${show(to)}, formerly ${show(from)}\n`,
    )
}

/** The first of these stops a run in good order, the second at once. */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Stops at once, as those do before a run has begun. */
const QUITTING = 'SIGQUIT'

const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** Begins a run and waits for it. Ctrl-C and a closed terminal stop it in good order: it writes a checkpoint. */
async function follow(begin: () => Promise<Begun>): Promise<void> {
  let begun: Begun | null = null
  let stopped: NodeJS.Signals | null = null
  const quit = (signal: NodeJS.Signals) => process.exit(exitCodeOf(signal))
  const interrupt = (signal: NodeJS.Signals) => {
    if (begun === null || stopped !== null) quit(signal)
    stopped = signal
    begun?.run.abort()
  }
  for (const signal of STOPPING) process.on(signal, interrupt)
  process.on(QUITTING, quit)
  try {
    begun = await begin()
    const result = await withoutOutput(Promise.resolve(begun.run))
    if (result.stopped === 'aborted') process.exitCode = exitCodeOf(stopped ?? 'SIGINT')
  } finally {
    for (const signal of STOPPING) process.off(signal, interrupt)
    process.off(QUITTING, quit)
    await begun?.model.dispose()
  }
}
