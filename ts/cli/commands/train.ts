/** What the commands that train have in common. */
import { RnnativeError } from '../../errors'
import { findCheckpoint } from '../../io/checkpoint'
import { schedule as schedules } from '../../optim'
import type { OptimizerKind, Schedule, ScheduleName } from '../../optim'
import { setThreads, type DeviceOption, type Precision } from '../../tensor'
import type { Run, TrainingEvent, TrainingResult, Watcher } from '../../train'
import * as watch from '../../watch'

/** Flags of every such command. */
export interface RunFlags {
  optimizer: OptimizerKind
  learningRate?: number
  schedule: ScheduleName
  clipNorm: number
  epochs?: number
  maxSeconds?: number
  patience?: number
  seed: number
  threads?: number
  device: DeviceOption
  precision: Precision
  checkpoint: string
  checkpointEvery?: number
  resume: boolean
  json?: true
}

export const LEARNING_RATES: Readonly<Record<OptimizerKind, number>> = {
  sgd: 1,
  adam: 2e-3,
  adamw: 2e-3,
  rmsprop: 1e-3,
  adagrad: 1e-2,
}

const EXIT_INTERRUPTED = 130

/**
 * Checks flags that need others and heeds `--threads`; tells of a run that is about to be replaced.
 * `validates`: whether there is a text to validate with; `flags`: those that give one.
 */
export async function checkFlags(
  { schedule, patience, threads, checkpoint, resume }: RunFlags,
  validates: boolean,
  flags: string,
): Promise<void> {
  if (patience !== undefined && !validates)
    throw new RnnativeError('ERR_ARGUMENT', `--patience counts validations: give ${flags}`)
  if (schedule === 'plateau' && !validates)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `--schedule plateau follows the validation loss: give ${flags}`,
    )
  if (threads !== undefined) setThreads(threads)
  const previous = await findCheckpoint(checkpoint, 'latest')
  if (previous !== null && !resume)
    process.stderr.write(`note: a new run replaces ${previous}; --resume would continue it\n`)
}

/** Cosine ends with the last epoch; inverse-sqrt warms up for a tenth of the run at most. */
export function makeSchedule(
  { schedule, maxSeconds }: RunFlags,
  totalSteps: number | undefined,
): Schedule {
  if (schedule === 'cosine') {
    if (totalSteps === undefined)
      throw new RnnativeError('ERR_ARGUMENT', '--schedule cosine needs an end: give --epochs')
    if (maxSeconds !== undefined)
      process.stderr.write(
        'note: --schedule cosine reaches its end with --epochs, not with --max-seconds\n',
      )
    return schedules.cosine({ steps: totalSteps })
  }
  if (schedule === 'inverse-sqrt')
    return schedules.inverseSqrt({
      warmup: Math.max(1, Math.min(4000, Math.ceil((totalSteps ?? Infinity) / 10))),
    })
  return schedules.create({ name: schedule, options: {} })
}

/** Who looks on: JSON on standard output for programs, else lines, and a bar on a terminal. */
export const watchers = (flags: RunFlags): Watcher[] =>
  flags.json === true ? [watch.json()] : [watch.bar(), watch.lines()]

/** Waits for a run. The first Ctrl-C stops it in good order, the second at once. */
export async function follow(run: Run<TrainingEvent, TrainingResult>): Promise<void> {
  const interrupt = () => run.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    const { stopped } = await run
    if (stopped === 'aborted') process.exitCode = EXIT_INTERRUPTED
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}
