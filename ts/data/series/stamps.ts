/** Time stamps: what a clock on a wall showed, as milliseconds since 1970 were it UTC, and how far it was from UTC. */
import { expect } from '../../errors'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** How a stamp was written, for those that follow it. */
export interface StampForm {
  kind: 'year' | 'quarter' | 'month' | 'date' | 'time'
  /** Between date and time. */
  separator: string
  seconds: boolean
}

export interface Stamp {
  wall: number
  /** Minutes east of UTC; null: not told. */
  offset: number | null
  form: StampForm
}

/** The moment; walls that tell no offset count as UTC. */
export const instantOf = ({ wall, offset }: Stamp): number => wall - (offset ?? 0) * MINUTE

const PERIOD = /^(\d{4})(?:-?Q([1-4])|-(\d{2}))?$/
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const WEEK = /^(\d{4})-?W(\d{2})(?:-?([1-7]))?$/
const TIME =
  /^(\d{4}-\d{2}-\d{2})([T ])(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i
/** Jan 1 2000, 1 January 2000, with a time or without. */
const WORDS =
  /^(?:[a-z]{3,9}\.? \d{1,2},?|\d{1,2} [a-z]{3,9}\.?,?) \d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?$/i

const whole = (text: string | undefined): number => Number(text ?? 0)

/** A day that there is, as milliseconds. */
function dayOf(year: number, month: number, day: number): number | null {
  const at = Date.UTC(year, month - 1, day)
  const made = new Date(at)
  return made.getUTCMonth() === month - 1 && made.getUTCDate() === day ? at : null
}

function offsetOf(zone: string | undefined): number | null {
  if (zone === undefined) return null
  if (/^z$/i.test(zone)) return 0
  const minutes = 60 * whole(zone.slice(1, 3)) + whole(zone.slice(3).replace(':', ''))
  return zone.startsWith('-') ? -minutes : minutes
}

const form = (kind: StampForm['kind'], separator = ' ', seconds = false): StampForm => ({
  ...{ kind, separator, seconds },
})

function read(text: string): Stamp | null {
  const at = (wall: number | null, how: StampForm, offset: number | null = null) =>
    wall === null ? null : { wall, offset, form: how }
  const period = PERIOD.exec(text)
  if (period) {
    const [, year, quarter, month] = period
    if (quarter !== undefined)
      return at(dayOf(whole(year), 3 * whole(quarter) - 2, 1), form('quarter'))
    return month === undefined
      ? at(dayOf(whole(year), 1, 1), form('year'))
      : at(dayOf(whole(year), whole(month), 1), form('month'))
  }
  const date = DATE.exec(text)
  if (date) return at(dayOf(whole(date[1]), whole(date[2]), whole(date[3])), form('date'))
  const week = WEEK.exec(text)
  if (week)
    return at(weekStart(whole(week[1]), whole(week[2]), whole(week[3] ?? '1')), form('date'))
  const time = TIME.exec(text)
  if (time) {
    const [, day, separator, hours, minutes, seconds, part, zone] = time
    const [year, month, dayOfMonth] = (day as string).split('-').map(Number) as [
      number,
      number,
      number,
    ]
    const start = dayOf(year, month, dayOfMonth)
    if (start === null || whole(hours) > 23 || whole(minutes) > 59 || whole(seconds) > 59)
      return null
    const wall =
      start +
      whole(hours) * HOUR +
      whole(minutes) * MINUTE +
      whole(seconds) * 1000 +
      Math.floor(Number(`0.${part ?? 0}`) * 1000)
    return at(wall, form('time', separator, seconds !== undefined), offsetOf(zone))
  }
  if (!WORDS.test(text)) return null
  const wall = Date.parse(`${text} UTC`)
  return Number.isNaN(wall) ? null : at(wall, form(text.includes(':') ? 'time' : 'date'))
}

/** The Monday (or a later day) of an ISO week; week 1 has January 4. */
function weekStart(year: number, week: number, day: number): number | null {
  const fourth = Date.UTC(year, 0, 4)
  const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY
  const at = monday + (7 * (week - 1) + day - 1) * DAY
  // The week belongs to the year that its Thursday is in.
  const thursday = new Date(monday + (7 * (week - 1) + 3) * DAY)
  return week >= 1 && thursday.getUTCFullYear() === year ? at : null
}

/**
 * What a text says: ISO 8601 years, months, dates, weeks (`2024-W05`) and times, with an offset from UTC or without;
 * quarters (`2024Q1`); dates with a month's English name (`Jan 1 2000`). `where` is for the error, `ERR_ARGUMENT`.
 */
export function parseStamp(given: unknown, op: string, where: string): Stamp {
  const text = given instanceof Date && !Number.isNaN(given.getTime()) ? given.toISOString() : given
  const plain = typeof text === 'number' ? String(text) : text
  const stamp = typeof plain === 'string' ? read(plain.trim()) : null
  expect(
    op,
    where,
    stamp !== null,
    'a date or a time such as 2024-01-31 or 2024-01-31 13:00',
    given,
  )
  return stamp as Stamp
}

const two = (n: number): string => String(n).padStart(2, '0')

/** As stamps of that form are written. */
export function formatStamp(
  wall: number,
  offset: number | null,
  { kind, ...how }: StampForm,
): string {
  const at = new Date(wall)
  const year = String(at.getUTCFullYear()).padStart(4, '0')
  const month = at.getUTCMonth()
  if (kind === 'year') return year
  if (kind === 'quarter') return `${year}Q${Math.floor(month / 3) + 1}`
  if (kind === 'month') return `${year}-${two(month + 1)}`
  const date = `${year}-${two(month + 1)}-${two(at.getUTCDate())}`
  if (kind === 'date') return date
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
  const seconds = how.seconds ? `:${two(at.getUTCSeconds())}` : ''
  return `${date}${how.separator}${clock}${seconds}${zoneText(offset)}`
}

function zoneText(offset: number | null): string {
  if (offset === null) return ''
  if (offset === 0) return 'Z'
  const minutes = Math.abs(offset)
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
