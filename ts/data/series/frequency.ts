/** How far apart the steps of a series are, and where its n-th step stands. */
import { RnnativeError } from '../../errors'
import { DAY, HOUR, MINUTE } from './stamps'

export const UNITS = [
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
] as const
export type FrequencyUnit = (typeof UNITS)[number]

export interface Frequency {
  unit: FrequencyUnit
  every: number
}

/** Milliseconds, of units that always take as long. */
const LASTING: Readonly<Partial<Record<FrequencyUnit, number>>> = {
  ...{ second: 1000, minute: MINUTE, hour: HOUR, day: DAY, week: 7 * DAY },
}
const MONTHS: Readonly<Partial<Record<FrequencyUnit, number>>> = { month: 1, quarter: 3, year: 12 }

/** Whether steps are counted in elapsed time, which clocks that are changed do not show. */
export const elapses = ({ unit }: Frequency): boolean =>
  unit === 'second' || unit === 'minute' || unit === 'hour'

export const frequencyText = ({ unit, every }: Frequency): string =>
  every === 1 ? unit : `${every} ${unit}s`

/** `hour`, `15 minutes`; null for what is none. */
export function parseFrequency(text: string): Frequency | null {
  const [, every = '1', unit] = /^(?:(\d+) )?([a-z]+?)s?$/.exec(text.trim()) ?? []
  const known = UNITS.find((one) => one === unit)
  return known && Number(every) > 0 ? { unit: known, every: Number(every) } : null
}

/** Steps after which the same comes again: a day, a week, a year. */
export function usualSeason({ unit, every }: Frequency): number {
  const steps = {
    second: 60,
    minute: 1440,
    hour: 24,
    day: 7,
    week: 52,
    month: 12,
    quarter: 4,
    year: 1,
  }
  return Math.max(1, Math.round(steps[unit] / every))
}

const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
const monthOf = (time: number): number => {
  const at = new Date(time)
  return 12 * at.getUTCFullYear() + at.getUTCMonth()
}
const dayOfMonth = (time: number): number => new Date(time).getUTCDate()
const lastDay = (time: number): number => {
  const at = new Date(time)
  return daysIn(at.getUTCFullYear(), at.getUTCMonth())
}

/**
 * Places of a series' steps. Times are moments where steps elapse, else walls. `day`: the day of the month, or 31
 * for its end, of units of months.
 */
export class Grid {
  constructor(
    readonly frequency: Frequency,
    readonly start: number,
    private readonly day = dayOfMonth(start),
  ) {}

  /** Through all these times, the first of which is the first step. */
  static through(frequency: Frequency, times: readonly number[]): Grid {
    return new Grid(frequency, times[0] as number, anchorOf(times))
  }

  timeAt(step: number): number {
    const { unit, every } = this.frequency
    const lasting = LASTING[unit]
    if (lasting !== undefined) return this.start + step * every * lasting
    const month = monthOf(this.start) + step * every * (MONTHS[unit] as number)
    const [year, inYear] = [Math.floor(month / 12), ((month % 12) + 12) % 12]
    const day = Math.min(this.day, daysIn(year, inYear))
    return Date.UTC(year, inYear, day) + (this.start - Math.floor(this.start / DAY) * DAY)
  }

  /** Which step is at a time; null where there is none. */
  stepAt(time: number): number | null {
    const { unit, every } = this.frequency
    const lasting = LASTING[unit]
    const step =
      lasting === undefined
        ? (monthOf(time) - monthOf(this.start)) / (every * (MONTHS[unit] as number))
        : (time - this.start) / (every * lasting)
    return Number.isInteger(step) && this.timeAt(step) === time ? step : null
  }
}

/** The day of the month that all these are on: 31 for its end where months differ. */
function anchorOf(times: readonly number[]): number {
  return times.reduce((most, time) => Math.max(most, dayOfMonth(time)), 1)
}

const inMonths = (times: readonly number[]): boolean => {
  const day = anchorOf(times)
  return times.every((time) => dayOfMonth(time) === Math.min(day, lastDay(time)))
}

function mostCommon(numbers: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const n of numbers) counts.set(n, (counts.get(n) ?? 0) + 1)
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0]
}

const differences = (lists: readonly (readonly number[])[]): number[] =>
  lists.flatMap((times) => times.slice(1).map((time, i) => time - (times[i] as number)))

/** Of series of walls and the moments they were, each in order and without duplicates. `ERR_ARGUMENT`. */
export function inferFrequency(
  walls: readonly (readonly number[])[],
  instants: readonly (readonly number[])[],
): Frequency {
  const apart = differences(walls)
  if (apart.length === 0)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      '[series] frequency: expected one, such as day, as no series has two steps',
    )
  const daily = walls.every((times) =>
    times.every((time) => (time - (times[0] as number)) % DAY === 0),
  )
  if (daily) {
    if (walls.every(inMonths)) {
      const months = mostCommon(differences(walls.map((times) => times.map(monthOf))))
      if (months % 12 === 0) return { unit: 'year', every: months / 12 }
      return months % 3 === 0
        ? { unit: 'quarter', every: months / 3 }
        : { unit: 'month', every: months }
    }
    const days = mostCommon(apart) / DAY
    return days % 7 === 0 ? { unit: 'week', every: days / 7 } : { unit: 'day', every: days }
  }
  const step = mostCommon(differences(instants))
  for (const [unit, lasting] of [
    ['hour', HOUR],
    ['minute', MINUTE],
  ] as const)
    if (step % lasting === 0) return { unit, every: step / lasting }
  return { unit: 'second', every: Math.max(1, Math.round(step / 1000)) }
}
