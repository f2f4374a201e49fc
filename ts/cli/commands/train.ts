/** What the commands that train have in common. */
import { RnnativeError } from '../../errors'
import { findCheckpoint } from '../../io/checkpoint'
import { schedule as schedules } from '../../optim'
import type { OptimizerKind, Schedule, ScheduleName } from '../../optim'
import { setThreads, type DeviceOption, type Precision } from '../../tensor'
import type { Run, TrainingEvent, TrainingResult } from '../../train'
import { formatCount, formatSeconds, printJson } from '../../watch/output'
import { TrainingBar, type Goal } from '../../watch/bar'

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

/**
 * Shows a run until it ends: facts, then its steps. The first Ctrl-C stops it in good order, the second
 * at once.
 */
export async function follow(
  run: Run<TrainingEvent, TrainingResult>,
  facts: Readonly<Record<string, number>>,
  goal: Goal,
  json: boolean,
): Promise<void> {
  const interrupt = () => run.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  const bar = json || !process.stderr.isTTY ? null : new TrainingBar(goal)
  // With the first step: a run that cannot begin prints nothing but its error.
  let begun = false
  const begin = () => {
    if (!begun && json) printJson({ event: 'start', ...facts })
    else if (!begun) printFacts(facts)
    begun = true
  }
  try {
    for await (const event of run) {
      begin()
      if (json) printJson({ event: 'step', ...event })
      else if (bar !== null) bar.update(event)
      else if (event.validation !== undefined || event.checkpoint !== undefined) printEvent(event)
    }
  } finally {
    bar?.stop()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
  const result = await run
  begin()
  if (json) printJson({ event: 'end', ...result })
  else printResult(result)
  if (result.stopped === 'aborted') process.exitCode = EXIT_INTERRUPTED
}

/** `tokens 1,234, vocabulary 56`, as they are named. */
function printFacts(facts: Readonly<Record<string, number>>): void {
  const all = Object.entries(facts).map(([name, value]) => `${name} ${formatCount(value)}`)
  process.stdout.write(`${all.join(', ')}\n`)
}

function printEvent({
  epoch,
  step,
  loss,
  seconds,
  unit,
  itemsPerSecond,
  validation,
}: TrainingEvent): void {
  process.stdout.write(
    `epoch ${epoch} step ${step} loss ${loss.toFixed(4)} ` +
      (validation
        ? `validation ${validation.loss.toFixed(4)}${validation.best ? ' (best)' : ''} `
        : '') +
      `${formatCount(itemsPerSecond)} ${unit}/s ${formatSeconds(seconds)}\n`,
  )
}

const ENDINGS: Readonly<Record<TrainingResult['stopped'], string>> = {
  epochs: 'all epochs done',
  steps: 'all steps done',
  seconds: 'the time is up',
  patience: 'no better validation loss for too long',
  aborted: 'interrupted; continue with --resume',
}

function printResult({ stopped, step, seconds, best, checkpoint }: TrainingResult): void {
  process.stdout.write(
    `${ENDINGS[stopped]} after step ${step}, ${formatSeconds(seconds)} of training\n` +
      (best ? `best validation loss ${best.loss.toFixed(4)} at step ${best.step}\n` : '') +
      (checkpoint === null ? '' : `checkpoint: ${checkpoint}\n`),
  )
}
