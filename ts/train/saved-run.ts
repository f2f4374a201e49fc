/** `state.json` of a checkpoint: where a run is, and what it is. */
import { isListOf, isObject, isPath, whole } from '../check'
import { RnnativeError } from '../errors'
import { FileSchema, FORMAT } from '../file-schema'
import { atLeastZero, choice, custom, flag, fraction, group, wholeNumber } from '../schema'
import type { OptimizerMeta, ScheduleJSON } from '../optim'
import { OPTIMIZER_KINDS, SCHEDULE_NAMES } from '../optim/types'
import type { AverageState } from './averages'
import type { Progress } from './progress'

export interface SavedRun {
  progress: Progress
  seed: number
  schedule: ScheduleJSON
  optimizer: OptimizerMeta
  identity: Facts
  /** Of the run that wrote it; {} where an earlier version did. */
  settings: Facts
  /** Null, or absent where an earlier version wrote it: none is taken. */
  average?: AverageState | null | undefined
}

type Facts = Readonly<Record<string, unknown>>

/** How the file begins. */
export const RUN_FORMAT = { format: FORMAT }

const isNumber = (value: unknown): value is number => typeof value === 'number'

/** A row without a flag: nobody gives it. */
const saved = { about: '', required: true } as const

const value = <T>(expected: string, valid: (value: unknown) => boolean, formerly?: T) =>
  custom<T>()(
    { expected, valid, argument: null, read: () => undefined },
    formerly === undefined ? saved : { ...saved, formerly },
  )

const object = (formerly?: Facts) => value<Facts>('an object', isObject, formerly)

const progress = group(
  {
    step: wholeNumber(saved),
    epoch: wholeNumber(saved),
    index: wholeNumber(saved),
    seconds: atLeastZero(saved),
    items: wholeNumber(saved),
    stepsPerEpoch: value<number | null>(
      'a whole number above 0, or null',
      (x) => x === null || whole(x, 1),
    ),
    best: value<Progress['best']>(
      'a step and its loss, or null',
      (x) => x === null || (isObject(x) && whole(x['step'], 0) && isNumber(x['loss'])),
    ),
    least: value<number | null>('a number, or null', (x) => x === null || isNumber(x)),
    stale: wholeNumber(saved),
    owed: flag(saved),
  },
  '',
)

const schedule = group(
  {
    name: choice(SCHEDULE_NAMES, saved),
    options: object(),
    state: custom<ScheduleJSON['state']>()(
      {
        expected: 'an object of numbers',
        valid: (x) => isObject(x) && Object.values(x).every(isNumber),
        argument: null,
        read: () => undefined,
      },
      { about: '' },
    ),
  },
  '',
)

const optimizer = group(
  {
    kind: choice(OPTIMIZER_KINDS, saved),
    hyperparameters: group(
      {
        lr: atLeastZero(saved),
        weightDecay: atLeastZero(saved),
        momentum: atLeastZero(saved),
        dampening: value<number>('a finite number', Number.isFinite),
        nesterov: flag(saved),
        beta1: fraction(saved),
        beta2: fraction(saved),
        eps: atLeastZero(saved),
        alpha: fraction(saved),
        centered: flag(saved),
        lrDecay: atLeastZero(saved),
        lazy: flag({ ...saved, formerly: false }),
      },
      '',
    ),
    lr: atLeastZero(saved),
    step: wholeNumber(saved),
  },
  '',
)

const isAverage = (x: unknown): boolean =>
  isObject(x) &&
  typeof x['name'] === 'string' &&
  whole(x['count'], 0) &&
  (x['least'] === null || isNumber(x['least'])) &&
  isListOf(x['latest'], isNumber) &&
  typeof x['begins'] === 'boolean'

const average = custom<AverageState | null>()(
  {
    expected: 'the state of an average, or null',
    valid: (x) => x === null || isAverage(x),
    argument: null,
    read: () => undefined,
  },
  { about: '' },
)

const schema = new FileSchema(
  'state',
  {
    ...{ progress, seed: wholeNumber(saved), schedule, optimizer },
    ...{ identity: object(), settings: object({}), average },
    files: custom<readonly string[]>()(
      {
        expected: 'a list of names',
        valid: (x) => isListOf(x, isPath),
        argument: null,
        read: () => undefined,
      },
      { about: '' },
    ),
  },
  'format',
)

/** Checks what a `state.json` holds; `ERR_FORMAT` names the field that is wrong. */
export function parseSavedRun(json: unknown, path: string): SavedRun {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[resume] ${path}: ${problem}`)
  const progress = isObject(json) && isObject(json['progress']) && fromBefore(json['progress'])
  return schema.read(progress ? { ...(json as object), progress } : json, fail)
}

/** What earlier versions left out or had under other names: items were called tokens once. */
function fromBefore(progress: Record<string, unknown>): Record<string, unknown> {
  const { tokens, best: saved, ...rest } = progress
  // A loss of NaN could be the best once, and was written as null.
  const best = isObject(saved) && saved['loss'] === null ? null : saved
  const least = isObject(best) ? best['loss'] : null
  return { items: tokens, stepsPerEpoch: null, least, best, owed: false, ...rest }
}
