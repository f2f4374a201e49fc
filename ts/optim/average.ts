/** What averages of weights are taken, for validation and saving; training itself goes on with the weights. */
import { checkNames, checkWhole, isObject, oneOf } from '../check'
import { expect } from '../errors'

/** Names of the averages of weights. */
export const AVERAGE_NAMES = ['ema', 'swa', 'asgd', 'nt-asgd'] as const

/** One of {@link AVERAGE_NAMES}. */
export type AverageName = (typeof AVERAGE_NAMES)[number]

/** Which average, and its settings. JSON-serialisable. */
export interface AverageSpec {
  /** Which one. */
  readonly name: AverageName
  /** What it was made with, by name. */
  readonly options: Readonly<Record<string, number>>
}

/** What the options of each are unless given. */
const DEFAULTS: Readonly<Record<AverageName, Readonly<Record<string, number>>>> = {
  ema: { decay: 0.999, after: 0 },
  swa: { every: 1, after: 0 },
  asgd: { after: 0 },
  'nt-asgd': { patience: 5 },
}

/** Options of {@link ema}. */
export interface EmaOptions {
  /** What is kept of the average at a step. Default 0.999. */
  decay?: number | undefined
  /** Steps before the first whose weights count. Default 0. */
  after?: number | undefined
}

/** Options of {@link swa}. */
export interface SwaOptions {
  /** Passes between two whose last weights count. Default 1. */
  every?: number | undefined
  /** Passes before the first of them. Default 0. */
  after?: number | undefined
}

/** Options of {@link asgd}. */
export interface AsgdOptions {
  /** Steps before the first whose weights count. Default 0. */
  after?: number | undefined
}

/** Options of {@link ntAsgd}. */
export interface NtAsgdOptions {
  /** The latest validations that the best is compared without. Default 5. */
  patience?: number | undefined
}

/** An average by its name, as a command line or a file tells it. `ERR_ARGUMENT`. */
export function create(given: { name: string; options?: object | undefined }): AverageSpec {
  expect('average', 'average', isObject(given), 'an object with a name', given)
  const known = (AVERAGE_NAMES as readonly string[]).includes(given.name)
  expect('average', 'name', known, oneOf(AVERAGE_NAMES), given.name)
  const name = given.name as AverageName
  const { options = {} } = given
  checkNames(`average ${name}`, options, DEFAULTS[name])
  const own = Object.entries(options).filter(([, value]) => value !== undefined)
  const made = { ...DEFAULTS[name], ...Object.fromEntries(own) } as Record<string, number>
  const { decay } = made
  const keeps = decay === undefined || (typeof decay === 'number' && decay >= 0 && decay < 1)
  expect('average', `${name}: decay`, keeps, 'a number in [0, 1)', decay)
  for (const [option, least] of [
    ['after', 0],
    ['every', 1],
    ['patience', 1],
  ] as const)
    if (option in made) checkWhole('average', `${name}: ${option}`, made[option], least)
  return Object.freeze({ name, options: Object.freeze(made) })
}

/** An exponential moving average over steps, beginning with the first weights that count. */
export const ema = (options: EmaOptions = {}): AverageSpec => create({ name: 'ema', options })

/** The mean of the weights at the ends of passes (Izmailov et al. 2018). */
export const swa = (options: SwaOptions = {}): AverageSpec => create({ name: 'swa', options })

/** The mean of the weights of all steps (Polyak & Juditsky 1992). */
export const asgd = (options: AsgdOptions = {}): AverageSpec => create({ name: 'asgd', options })

/**
 * The same from the first validation on that is worse than the best of those more than `patience` before it
 * (Merity et al. 2017).
 */
export const ntAsgd = (options: NtAsgdOptions = {}): AverageSpec =>
  create({ name: 'nt-asgd', options })
