/**
 * Learning-rate schedules. A schedule is a factor on the learning rate as a function of progress; only
 * `plateau` has state. All are JSON-serialisable with their state, for checkpoints.
 */
import { checkChoice, checkNames, checkWhole, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import type { ScheduleName } from './types'

/** How far a run has come. */
export interface Progress {
  /** Number of the update about to be made, from 1. */
  step: number
  /** Epochs completed so far; may be fractional. */
  epoch: number
  /**
   * How much of the run is over once the update is made, from 0 to 1: of its steps, its passes or its
   * time, that which is furthest. `fit` tells it; a loop of your own may, for `cosine` and `linear`.
   */
  fraction?: number | undefined
}

/** A schedule as it is saved. */
export interface ScheduleJSON {
  /** Which one. */
  name: ScheduleName
  /** What it was made with. */
  options: Readonly<Record<string, unknown>>
  /** What it remembers of the run, by name. */
  state?: Readonly<Record<string, number>> | undefined
}

/** What the learning rate is multiplied by, step by step. */
export interface Schedule {
  /** Which one. */
  readonly name: ScheduleName
  /** What the learning rate is multiplied with. */
  factor(progress: Progress): number
  /** Tells the schedule a validation loss (lower is better). One that is not finite tells it nothing. */
  observe(loss: number): void
  /** What a checkpoint has of it. */
  toJSON(): ScheduleJSON
}

type Unit = 'step' | 'epoch'

const stateless = (
  name: ScheduleName,
  options: object,
  factor: (progress: Progress) => number,
): Schedule => ({
  name,
  factor,
  observe: () => undefined,
  toJSON: () => ({ name, options: { ...options } }),
})

function positive(schedule: ScheduleName, name: string, value: unknown): void {
  const valid = typeof value === 'number' && value > 0
  expect('schedule', `${schedule}: ${name}`, valid, 'a number above 0', value)
}

function between(schedule: ScheduleName, name: string, value: unknown, most: number): void {
  const valid = typeof value === 'number' && value >= 0 && value <= most && value < Infinity
  const range = most === Infinity ? 'of at least 0' : `from 0 to ${most}`
  expect('schedule', `${schedule}: ${name}`, valid, `a number ${range}`, value)
}

const UNITS: readonly Unit[] = ['step', 'epoch']

/** Whole units that have passed: an epoch counts when it is complete, a step when it has been made. */
const passed = ({ step, epoch }: Progress, unit: Unit): number =>
  unit === 'step' ? step - 1 : Math.floor(epoch)

/** Linear warm-up: 1/w, 2/w, … 1 over the first w updates. */
const warmUp = (step: number, warmup: number): number =>
  warmup > 0 ? Math.min(1, step / warmup) : 1

/** Always 1. */
export const constant = (): Schedule => stateless('constant', {}, () => 1)

/** Options of {@link step} and of {@link exponential}. */
export interface StepScheduleOptions {
  /** The factor gained each time. */
  gamma?: number | undefined
  /** How many units lie between two changes. */
  every?: number | undefined
  /** Units before the first change; `every` unless given. */
  after?: number | undefined
  /** What is counted: steps, or passes over the data. */
  unit?: Unit | undefined
}

/**
 * Multiplies by `gamma` once `after` units have passed, and again each `every` units. The recipe of
 * Zaremba et al. 2014 (× 0.5 per epoch, after epoch 4): `{ gamma: 0.5, every: 1, after: 4 }`, where
 * the fifth epoch is the first at half the rate.
 */
export function step(options: StepScheduleOptions = {}): Schedule {
  const {
    gamma = 0.5,
    every = 1,
    after = every,
    unit = 'epoch',
  } = optionsOf('schedule step', options, { gamma: true, every: true, after: true, unit: true })
  positive('step', 'every', every)
  positive('step', 'gamma', gamma)
  // `Infinity`: never.
  const waits = typeof after === 'number' && after >= 0
  expect('schedule', 'step: after', waits, 'a number of at least 0', after)
  checkChoice('schedule', 'step: unit', unit, UNITS)
  return stateless('step', { gamma, every, after, unit }, (progress) => {
    const beyond = passed(progress, unit) - after
    return beyond < 0 ? 1 : gamma ** (1 + Math.floor(beyond / every))
  })
}

/** Multiplies by `gamma` every unit. */
export function exponential(
  options: { gamma?: number | undefined; unit?: Unit | undefined } = {},
): Schedule {
  const names = { gamma: true, unit: true } as const
  const { gamma = 0.95, unit = 'epoch' } = optionsOf('schedule exponential', options, names)
  positive('exponential', 'gamma', gamma)
  checkChoice('schedule', 'exponential: unit', unit, UNITS)
  return stateless('exponential', { gamma, unit }, (progress) => gamma ** passed(progress, unit))
}

/** Options of {@link inverseSqrt}. */
export interface InverseSqrtOptions {
  /** Updates of linear warm-up. Default 4000. */
  warmup?: number | undefined
  /** The most that the warm-up may take of a run, as a share of it. Default: no matter. */
  share?: number | undefined
}

/**
 * Linear warm-up over `warmup` updates, then the inverse square root of the update's number
 * (Vaswani et al. 2017, scaled so that the peak is 1).
 */
export function inverseSqrt(given: InverseSqrtOptions = {}): Schedule {
  const names = { warmup: true, share: true } as const
  const { warmup = 4000, share } = optionsOf('schedule inverse-sqrt', given, names)
  positive('inverse-sqrt', 'warmup', warmup)
  if (share !== undefined) positive('inverse-sqrt', 'share', share)
  const options = share === undefined ? { warmup } : { warmup, share }
  return stateless('inverse-sqrt', options, ({ step: at, fraction }) => {
    const most = share && fraction ? Math.max(1, Math.round((share * at) / fraction)) : Infinity
    const rise = Math.min(warmup, most)
    return Math.min(warmUp(at, rise), Math.sqrt(rise / at))
  })
}

/** Options of {@link cosine} and {@link linear}. */
export interface DecayOptions {
  /** The update at which the minimum is reached. Default: the end of the run, whatever ends it. */
  steps?: number | undefined
  /** Updates of linear warm-up. Default 0. */
  warmup?: number | undefined
  /** The last factor. Default 0. */
  min?: number | undefined
}

const DECAY_NAMES: Names<DecayOptions> = { steps: true, warmup: true, min: true }

/**
 * From 1 to `min` along `shape`, which falls from 1 to 0. With `steps` it begins when the warm-up is over;
 * without, it spans the whole run, and a warm-up scales its beginning.
 */
function decay(
  name: 'cosine' | 'linear',
  given: DecayOptions,
  shape: (gone: number) => number,
): Schedule {
  const { steps, warmup = 0, min = 0 } = optionsOf(`schedule ${name}`, given, DECAY_NAMES)
  const at = (gone: number) => min + (1 - min) * shape(Math.min(1, gone))
  between(name, 'warmup', warmup, Infinity)
  between(name, 'min', min, 1)
  if (steps === undefined)
    return stateless(name, { warmup, min }, ({ step: now, fraction }) => {
      if (fraction === undefined)
        throw new RnnativeError(
          'ERR_ARGUMENT',
          `[schedule] ${name}: fraction: expected how much of the run is over, since steps are not given`,
        )
      return warmUp(now, warmup) * at(fraction)
    })
  positive(name, 'steps', steps)
  positive(name, 'steps - warmup', steps - warmup)
  return stateless(name, { steps, warmup, min }, ({ step: now }) =>
    now <= warmup ? warmUp(now, warmup) : at((now - warmup) / (steps - warmup)),
  )
}

/** Half a cosine from 1 to `min` (Loshchilov & Hutter 2017, no restarts). */
export const cosine = (options: DecayOptions = {}): Schedule =>
  decay('cosine', options, (gone) => (1 + Math.cos(Math.PI * gone)) / 2)

/** A straight line from 1 to `min`. */
export const linear = (options: DecayOptions = {}): Schedule =>
  decay('linear', options, (gone) => 1 - gone)

/** Options of {@link plateau}. */
export interface PlateauOptions {
  /** The factor gained each time. */
  gamma?: number | undefined
  /** Observations without improvement that are let pass. */
  patience?: number | undefined
  /** How much lower, relatively, a loss must be to count as improvement. */
  threshold?: number | undefined
  /** The factor never falls below this. */
  min?: number | undefined
}

const PLATEAU_NAMES: Names<PlateauOptions> = {
  ...{ gamma: true, patience: true, threshold: true, min: true },
}

/** Multiplies by `gamma` when the validation loss has not improved for more than `patience` rounds. */
export function plateau(
  options: PlateauOptions = {},
  state: Readonly<Record<string, number>> = {},
): Schedule {
  const {
    gamma = 0.5,
    patience = 0,
    threshold = 1e-4,
    min = 0,
  } = optionsOf('schedule plateau', options, PLATEAU_NAMES)
  positive('plateau', 'gamma', gamma)
  checkWhole('schedule', 'plateau: patience', patience, 0)
  between('plateau', 'threshold', threshold, Infinity)
  between('plateau', 'min', min, 1)
  expect('schedule', 'plateau: state', isObject(state), 'an object of numbers', state)
  for (const [name, value] of Object.entries(state))
    expect('schedule', `plateau: state.${name}`, typeof value === 'number', 'a number', value)
  let best = state['best'] ?? Infinity
  let bad = state['bad'] ?? 0
  let current = state['factor'] ?? 1
  return {
    name: 'plateau',
    factor: () => current,
    observe(loss) {
      if (!Number.isFinite(loss)) return
      if (loss < (best === Infinity ? Infinity : best - Math.abs(best) * threshold)) {
        best = loss
        bad = 0
      } else if (++bad > patience) {
        current = Math.max(min, current * gamma)
        bad = 0
      }
    },
    toJSON: () => ({
      name: 'plateau',
      options: { gamma, patience, threshold, min },
      state: { factor: current, bad, ...(best === Infinity ? {} : { best }) },
    }),
  }
}

/** A schedule by its name, or as `toJSON` gave it. */
export function create(json: ScheduleJSON): Schedule {
  expect('schedule', 'schedule', isObject(json), 'an object with a name', json)
  const { name, options = {}, state } = json
  switch (name) {
    case 'constant':
      checkNames('schedule constant', options, {})
      return constant()
    case 'step':
      return step(options)
    case 'exponential':
      return exponential(options)
    case 'plateau':
      return plateau(options, state)
    case 'inverse-sqrt':
      return inverseSqrt(options)
    case 'cosine':
      return cosine(options)
    case 'linear':
      return linear(options)
    default:
      throw new RnnativeError(
        'ERR_ARGUMENT',
        '[schedule] name: expected constant, step, exponential, plateau, inverse-sqrt, cosine or ' +
          `linear, got ${show(name)}`,
      )
  }
}
