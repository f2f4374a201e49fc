/**
 * How often a decoder in training is given the true last token rather than its own guess (scheduled
 * sampling, Bengio et al. 2015, section 2.4): always at first, so that it learns, and less and less,
 * so that it learns to go on from its own mistakes. All are JSON-serialisable, for checkpoints.
 */
import { optionsOf, type Names } from '../../check'
import { expect, RnnativeError, show } from '../../errors'

/** Along which line the share falls. */
export type SamplingScheduleName = 'linear' | 'exponential' | 'inverse-sigmoid'

/** A schedule as it is saved. */
export interface SamplingScheduleJSON {
  /** Along which line the share falls. */
  name: SamplingScheduleName
  /** What it was made with. */
  options: Readonly<Record<string, number>>
}

/** How the share of true tokens falls (Bengio et al. 2015). */
export interface SamplingSchedule {
  /** Along which line the share falls. */
  readonly name: SamplingScheduleName
  /**
   * The probability of the true token, the paper's epsilon, at an update; updates count from 1, which
   * is the paper's i = 0.
   */
  truth(step: number): number
  /** What `config.json` has of it. */
  toJSON(): SamplingScheduleJSON
}

function check(
  schedule: string,
  name: string,
  value: unknown,
  valid: (x: number) => boolean,
  expected: string,
): void {
  const fits = typeof value === 'number' && valid(value)
  expect('scheduled sampling', `${schedule}: ${name}`, fits, expected, value)
}

const NAMES: Names<LinearSamplingOptions> = { steps: true, min: true }

const schedule = (
  name: SamplingScheduleName,
  options: Readonly<Record<string, number>>,
  truth: (i: number) => number,
): SamplingSchedule => ({
  name,
  truth: (step) => truth(step - 1),
  toJSON: () => ({ name, options: { ...options } }),
})

/** Options of a line. */
export interface LinearSamplingOptions {
  /** Updates until `min` is reached. */
  steps: number
  /** The last probability, at least 0 and below 1. Default 0. */
  min?: number | undefined
}

/** Falls from 1 to `min` evenly: max(min, 1 - (1 - min) i / steps). */
export function linear(options: LinearSamplingOptions): SamplingSchedule {
  const { steps, min = 0 } = optionsOf('scheduled sampling', options, NAMES)
  check('linear', 'steps', steps, (x) => x > 0 && x < Infinity, 'a number above 0')
  check('linear', 'min', min, (x) => x >= 0 && x < 1, 'a number of at least 0, below 1')
  return schedule('linear', { steps, min }, (i) => Math.max(min, 1 - ((1 - min) * i) / steps))
}

/** Falls by the same factor each update: k^i. */
export function exponential(options: { k: number }): SamplingSchedule {
  const { k } = optionsOf('scheduled sampling', options, { k: true })
  check('exponential', 'k', k, (x) => x > 0 && x < 1, 'a number above 0, below 1')
  return schedule('exponential', { k }, (i) => k ** i)
}

/**
 * Stays near 1, falls fastest at update k ln k, where it is a half, and ends near 0:
 * k / (k + exp(i / k)).
 */
export function inverseSigmoid(options: { k: number }): SamplingSchedule {
  const { k } = optionsOf('scheduled sampling', options, { k: true })
  check('inverse-sigmoid', 'k', k, (x) => x >= 1 && x < Infinity, 'a number of at least 1')
  return schedule('inverse-sigmoid', { k }, (i) => k / (k + Math.exp(i / k)))
}

/** A schedule by its name, or as `toJSON` gave it. */
export function create(json: SamplingScheduleJSON): SamplingSchedule {
  const { name, options } = optionsOf('scheduled sampling', json, { name: true, options: true })
  switch (name) {
    case 'linear':
      return linear(options as unknown as LinearSamplingOptions)
    case 'exponential':
      return exponential(options as { k: number })
    case 'inverse-sigmoid':
      return inverseSigmoid(options as { k: number })
    default:
      throw new RnnativeError(
        'ERR_ARGUMENT',
        '[scheduled sampling] name: expected linear, exponential or inverse-sigmoid, ' +
          `got ${show(name)}`,
      )
  }
}
