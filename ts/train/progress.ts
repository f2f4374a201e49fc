import { isObject } from '../check'
import { RnnativeError, told } from '../errors'
import type { OptimizerMeta, ScheduleJSON } from '../optim'

/** Where a run is: all that resuming needs besides tensors. JSON-serialisable. */
export interface Progress {
  step: number
  /** Complete passes over the data. */
  epoch: number
  /** Steps made of the current pass. */
  index: number
  seconds: number
  /** Learned from so far. */
  items: number
  /** Of a pass, where its end has told; null before, and where the feed tells. */
  stepsPerEpoch: number | null
  best: { step: number; loss: number } | null
  /** The least loss of a regular validation, and how many of them came after it. */
  least: number | null
  stale: number
  /** Whether a regular validation of this step is still to be made, as the run was stopped in it. */
  owed: boolean
}

export const beginning = (): Progress => ({
  step: 0,
  epoch: 0,
  index: 0,
  seconds: 0,
  items: 0,
  stepsPerEpoch: null,
  best: null,
  least: null,
  stale: 0,
  owed: false,
})

/** `state.json` of a checkpoint. */
export interface SavedRun {
  format: 1
  progress: Progress
  seed: number
  schedule: ScheduleJSON
  optimizer: OptimizerMeta
  identity: Readonly<Record<string, unknown>>
  /** Of the run that wrote it; {} where an earlier version did. */
  settings: Readonly<Record<string, unknown>>
}

const isNumber = (value: unknown): value is number => typeof value === 'number'

/** Checks what a `state.json` holds; `ERR_FORMAT`. Items were called tokens once. */
export function parseSavedRun(json: unknown, path: string): SavedRun {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[resume] ${path}: ${problem}`)
  if (!isObject(json) || json['format'] !== 1) throw fail('expected the state of a run, format 1')
  const progress = isObject(json['progress']) ? fromBefore(json['progress']) : json['progress']
  const { settings = {} } = json
  for (const part of ['progress', 'schedule', 'optimizer', 'identity'])
    if (!isObject(json[part])) throw fail(`${part}: expected an object`)
  for (const name of ['step', 'epoch', 'index', 'items', 'stale', 'seconds']) {
    const value = (progress as Record<string, unknown>)[name]
    const valid = name === 'seconds' ? Number.isFinite(value) : Number.isSafeInteger(value)
    if (!valid || (value as number) < 0)
      throw fail(`progress.${name}: expected a count, got ${told(value)}`)
  }
  const { best, least, stepsPerEpoch } = progress as Record<string, unknown>
  const known = best === null || (isObject(best) && [best['step'], best['loss']].every(isNumber))
  if (!known) throw fail('progress.best: expected a step and its loss, or null')
  if (least !== null && !isNumber(least)) throw fail('progress.least: expected a number or null')
  if (stepsPerEpoch !== null && !Number.isSafeInteger(stepsPerEpoch))
    throw fail('progress.stepsPerEpoch: expected a count or null')
  if (!isObject(settings)) throw fail('settings: expected an object')
  return { ...json, progress, settings } as unknown as SavedRun
}

/** What earlier versions left out or had under other names. */
function fromBefore(progress: Record<string, unknown>): Record<string, unknown> {
  const { tokens, best: saved, ...rest } = progress
  // A loss of NaN could be the best once, and was written as null.
  const best = isObject(saved) && saved['loss'] === null ? null : saved
  const least = isObject(best) ? best['loss'] : null
  return { items: tokens, stepsPerEpoch: null, least, best, owed: false, ...rest }
}

/** Measures training time only: `pause` around everything else. */
export class TrainingClock {
  private since = 0
  /** Seconds of the last step; 0 before there was one. */
  lastStep = 0
  private mark = { seconds: 0, items: 0, rate: 0 }
  private readonly progress: Progress

  constructor(progress: Progress) {
    this.progress = progress
    this.mark = { seconds: progress.seconds, items: progress.items, rate: 0 }
  }

  start(): void {
    this.since = performance.now()
  }

  /** Counts the time since `start` and the items it went to. */
  stop(items: number): void {
    this.lastStep = (performance.now() - this.since) / 1000
    this.progress.seconds += this.lastStep
    this.progress.items += items
  }

  itemsPerSecond(): number {
    const { seconds, items } = this.progress
    const elapsed = seconds - this.mark.seconds
    const rate = (items - this.mark.items) / Math.max(elapsed, 1e-9)
    if (elapsed >= 0.25) this.mark = { seconds, items, rate }
    return this.mark.rate === 0 ? rate : this.mark.rate
  }
}
