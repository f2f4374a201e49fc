import type { RunPlan, TrainingEvent, TrainingResult, Watcher } from '../train'
import { aboveBars } from './bar'
import { formatCount, formatLoss, formatSeconds } from './output'
import { outputOf, type Writes } from './stream'

/** Options of {@link lines}. */
export interface LinesOptions {
  /** Where they go. Default: standard output. */
  stream?: Writes | undefined
}

/**
 * Lines for people: what the run learns from, then every epoch, validation and checkpoint, and how it ended. An error is
 * left to whoever awaits the run, but not where the last checkpoint is.
 */
export function lines(options: LinesOptions = {}): Watcher {
  const output = outputOf('lines', options, process.stdout)
  /** The last step, where nothing has told of it. */
  let untold: TrainingEvent | null = null
  const print = (text: string) => aboveBars(() => output.write(`${text}\n`))
  return {
    begin(plan) {
      untold = null
      print(planLine(plan))
    },
    event(event) {
      if (untold !== null && untold.epoch < event.epoch) print(eventLine(untold))
      untold = event
      if (event.validation === undefined && event.checkpoint === undefined) return
      print(eventLine(event))
      untold = null
    },
    end(outcome) {
      if (untold !== null) print(eventLine(untold))
      if ('result' in outcome) print(resultLines(outcome.result))
      else if (outcome.checkpoint) print(`checkpoint: ${outcome.checkpoint} (resume continues it)`)
      output.end()
    },
  }
}

/** `tokens 1,234, vocabulary 56`, as they are named. */
function planLine({ facts, parameters, stepsPerEpoch, device }: RunPlan): string {
  const all = {
    ...facts,
    parameters,
    ...(stepsPerEpoch && { 'steps per pass': stepsPerEpoch }),
    device,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? formatCount(value) : value}`)
    .join(', ')
}

function eventLine(event: TrainingEvent): string {
  const { epoch, step, loss, seconds, unit, itemsPerSecond, validation } = event
  const validated = validation
    ? `validation ${formatLoss(validation.loss)}${validation.best ? ' (best)' : ''} ${measured(validation)}`
    : ''
  return (
    `epoch ${epoch} step ${step} loss ${formatLoss(loss)} ${measured(event)}${validated}` +
    `${formatCount(itemsPerSecond)} ${unit}/s ${formatSeconds(seconds)}`
  )
}

/** `accuracy 0.9123 `, for each of its measures and penalties, and the share that is pruned. */
const measured = ({
  measures = {},
  penalties = {},
  sparsity,
}: Pick<TrainingEvent, 'measures' | 'penalties' | 'sparsity'>): string =>
  Object.entries({ ...measures, ...penalties, ...(sparsity !== undefined && { sparsity }) })
    .map(([name, value]) => `${name} ${value.toFixed(4)} `)
    .join('')

const ENDINGS: Readonly<Record<TrainingResult['stopped'], string>> = {
  epochs: 'all epochs done',
  steps: 'all steps done',
  seconds: 'the time is up',
  patience: 'no better validation loss for too long',
  aborted: 'interrupted',
}

function resultLines({ stopped, step, seconds, best, checkpoint }: TrainingResult): string {
  const parts = [`${ENDINGS[stopped]} after step ${step}, ${formatSeconds(seconds)} of training`]
  if (best) parts.push(`best validation loss ${formatLoss(best.loss)} at step ${best.step}`)
  const goesOn = stopped === 'aborted' ? ' (resume continues it)' : ''
  if (checkpoint !== null) parts.push(`checkpoint: ${checkpoint}${goesOn}`)
  return parts.join('\n')
}
