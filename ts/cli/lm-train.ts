import { RnnativeError } from '../errors'
import { findCheckpoint } from '../io/checkpoint'
import { LanguageModel, type CellName } from '../models'
import { create as createOptimizer, schedule as schedules } from '../optim'
import type { OptimizerKind, Schedule, ScheduleName } from '../optim'
import { setThreads, type DeviceOption, type Precision } from '../tensor'
import type { Run, TrainingEvent, TrainingResult } from '../train'
import { makeTokenizer, readInput, type Unit } from './lm-text'
import { formatCount, formatSeconds, printJson } from './output'
import { TrainingBar, type Goal } from './progress'

export interface TrainCommandOptions {
  text: string
  valid?: string
  unit: Unit
  cell: CellName
  layers: number
  hidden: number
  embedding?: number
  tieWeights: boolean
  steps: number
  batch?: number
  dropout: number
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

const LEARNING_RATES: Readonly<Record<OptimizerKind, number>> = {
  sgd: 1,
  adam: 2e-3,
  adamw: 2e-3,
  rmsprop: 1e-3,
  adagrad: 1e-2,
}

const EXIT_INTERRUPTED = 130

/** Cosine ends with the last epoch; inverse-sqrt warms up for a tenth of the run at most. */
function makeSchedule(
  { schedule, valid, maxSeconds }: TrainCommandOptions,
  totalSteps: number | undefined,
): Schedule {
  if (schedule === 'plateau' && valid === undefined)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      '--schedule plateau follows the validation loss: give --valid',
    )
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

export async function train(options: TrainCommandOptions): Promise<void> {
  const { unit, steps, maxSeconds, checkpoint } = options
  if (options.patience !== undefined && options.valid === undefined)
    throw new RnnativeError('ERR_ARGUMENT', '--patience counts validations: give --valid')
  if (options.threads !== undefined) setThreads(options.threads)
  const text = await readInput(options.text, unit === 'byte')
  const validation =
    options.valid === undefined ? undefined : await readInput(options.valid, unit === 'byte')
  const previous = await findCheckpoint(checkpoint, 'latest')
  if (previous !== null && !options.resume)
    process.stderr.write(`note: a new run replaces ${previous}; --resume would continue it\n`)

  await using model = new LanguageModel({ ...options, tokenizer: makeTokenizer(unit, text) })
  const tokens = typeof text === 'string' ? model.tokenizer.encode(text) : text
  const fitting = Math.max(1, Math.floor((tokens.length - 1) / steps))
  const { batch = Math.min(50, fitting) } = options
  const { epochs = maxSeconds === undefined ? 10 : undefined } = options
  const stepsPerEpoch = Math.ceil(Math.floor((tokens.length - 1) / batch) / steps)
  const totalSteps = epochs === undefined ? undefined : epochs * stepsPerEpoch
  const { optimizer, learningRate: lr = LEARNING_RATES[optimizer] } = options

  const run = model.fit(tokens, {
    ...options,
    validation,
    batch,
    epochs,
    optimizer: createOptimizer(optimizer, { lr }),
    schedule: makeSchedule(options, totalSteps),
  })
  const facts = {
    tokens: tokens.length,
    vocabulary: model.tokenizer.size,
    parameters: model.parameterCount,
    batch,
    stepsPerEpoch,
  }
  const result = await follow(
    run,
    facts,
    { seconds: maxSeconds, steps: totalSteps },
    options.json === true,
  )
  if (result.stopped === 'aborted') process.exitCode = EXIT_INTERRUPTED
}

/** Shows a run until it ends. The first Ctrl-C stops it in good order, the second at once. */
async function follow(
  run: Run<TrainingEvent, TrainingResult>,
  facts: Readonly<Record<string, number>>,
  goal: Goal,
  json: boolean,
): Promise<TrainingResult> {
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
  return result
}

function printFacts({
  tokens = 0,
  vocabulary = 0,
  parameters = 0,
}: Readonly<Record<string, number>>): void {
  process.stdout.write(
    `${formatCount(tokens)} tokens, vocabulary ${formatCount(vocabulary)}, ` +
      `${formatCount(parameters)} parameters\n`,
  )
}

function printEvent({
  epoch,
  step,
  loss,
  seconds,
  tokensPerSecond,
  validation,
}: TrainingEvent): void {
  process.stdout.write(
    `epoch ${epoch} step ${step} loss ${loss.toFixed(4)} ` +
      (validation
        ? `validation ${validation.loss.toFixed(4)}${validation.best ? ' (best)' : ''} `
        : '') +
      `${formatCount(tokensPerSecond)} tokens/s ${formatSeconds(seconds)}\n`,
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
