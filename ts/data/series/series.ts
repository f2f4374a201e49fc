/** Time series out of a table's rows, in wide form (a column each) or long form (a column says which one). */
import { isObject } from '../../check'
import { expect, RnnativeError, show } from '../../errors'
import { inStretches, Pauses } from '../../pauses'
import { nearest } from '../../nearest'
import { elapses, frequencyText, Grid, inferFrequency, type Frequency } from './frequency'
import { formatStamp, instantOf, MINUTE, parseStamp, type StampForm } from './stamps'
import { Zone } from './zone'

/** A row of a table, by column. */
export type SeriesRow = Readonly<Record<string, unknown>>
export type SeriesRows = Iterable<SeriesRow> | AsyncIterable<SeriesRow>

export interface SeriesFormat {
  /** The column of time stamps. */
  time: string
  /** The column that says which series a row belongs to; undefined: there is one. */
  series?: string | undefined
  /** Columns of numbers. */
  numbers: readonly string[]
  /** What stays the same in a series, and all that it may be. */
  categories: Readonly<Record<string, readonly string[]>>
  /** Sorts rows, takes the last of several at a time, and steps without a row as missing; else each is refused. */
  fill: boolean
  /** That of the clocks, where stamps tell no offset. */
  timeZone?: string | undefined
  /** As most steps are apart, unless given. */
  frequency?: Frequency | undefined
}

/** One series, from its first row on. */
export interface Series {
  readonly key: string
  readonly length: number
  /** By column of numbers; NaN is missing. */
  readonly values: readonly Float64Array[]
  /** By category, which of its values. */
  readonly categories: readonly number[]
  /** What clocks show at a step, which may be past the end. */
  wallAt(step: number): number
  /** The same, written as the series has it. */
  timeAt(step: number): string
}

export interface SeriesSet {
  readonly frequency: Frequency
  readonly all: readonly Series[]
}

/** Rows of one series as they come. */
interface Rows {
  walls: number[]
  offsets: (number | null)[]
  instants: number[]
  lines: number[]
  numbers: number[][]
  categories: number[]
  form: StampForm
}

const OP = 'series'
/** Rows between two moments at which there may be a pause. */
const STRETCH = 1024
/** Beyond it networks read infinity, and so do the squares of what is scaled. */
const MOST = 2 ** 127

const MISSING = /^(?:|na|n\/a|nan|null|none|\?|-)$/i

/** Of a table whose first line has the names. */
const lineOf = (row: number): number => row + 2

const refuse = (line: number, message: string): RnnativeError =>
  new RnnativeError('ERR_FORMAT', `[${OP}] line ${line}: ${message}`)

function numberOf(given: unknown, column: string, line: number): number {
  if (given === null || given === undefined || Number.isNaN(given)) return NaN
  if (typeof given === 'string' && MISSING.test(given.trim())) return NaN
  const value = typeof given === 'string' || typeof given === 'number' ? Number(given) : NaN
  if (!Number.isFinite(value))
    throw refuse(line, `${column}: expected a number, got ${show(given)}`)
  if (Math.abs(value) > MOST)
    throw refuse(line, `${column}: expected a number that 32 bits hold, got ${show(given)}`)
  return value
}

/** What tells series or categories apart. */
function nameOf(given: unknown, column: string, line: number): string {
  const simple = typeof given !== 'symbol' && (given === null || typeof given !== 'object')
  if (!simple) throw refuse(line, `${column}: expected a string, got ${show(given)}`)
  return String(given as string)
}

function checkColumns(row: SeriesRow, wanted: readonly string[]): void {
  for (const name of wanted) {
    if (name in row) continue
    const known = Object.keys(row)
    const meant = nearest(name, known)
    const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`
    throw new RnnativeError('ERR_FORMAT', `[${OP}] there is no column ${name}; ${hint}`)
  }
}

/** Reads all rows; `ERR_FORMAT` tells the line of what makes no sense, `ERR_EMPTY`. */
export async function readSeries(rows: SeriesRows, format: SeriesFormat): Promise<SeriesSet> {
  const groups = await group(rows, format)
  if (groups.size === 0)
    throw new RnnativeError('ERR_EMPTY', `[${OP}] rows: expected at least one, got none`)
  const tidy = [...groups].map(([key, of]) => ({ key, of: inOrder(of, format.fill) }))
  const frequency =
    format.frequency ??
    inferFrequency(
      tidy.map(({ of }) => of.walls),
      tidy.map(({ of }) => of.instants),
    )
  const zone = format.timeZone === undefined ? null : new Zone(format.timeZone)
  const all: Series[] = []
  const pauses = new Pauses()
  for (const { key, of } of tidy) {
    all.push(await inStretches(placing(key, of, frequency, format.fill, zone), pauses))
    if (pauses.due) await pauses.pause()
  }
  return { frequency, all }
}

async function group(rows: SeriesRows, format: SeriesFormat): Promise<Map<string, Rows>> {
  const { time, series, numbers, categories } = format
  const zone = format.timeZone === undefined ? null : new Zone(format.timeZone)
  const names = Object.keys(categories)
  const groups = new Map<string, Rows>()
  const pauses = new Pauses()
  let line = lineOf(0)
  for await (const row of rows) {
    expect(OP, `line ${line}`, isObject(row), 'an object of columns', row)
    if (groups.size === 0)
      checkColumns(row, [time, ...(series === undefined ? [] : [series]), ...numbers, ...names])
    const key = series === undefined ? '' : nameOf(row[series], series, line)
    const { wall, offset: told, form } = parseStamp(row[time], OP, `line ${line}: ${time}`)
    let of = groups.get(key)
    if (of === undefined) {
      of = {
        walls: [],
        offsets: [],
        instants: [],
        lines: [],
        numbers: numbers.map(() => []),
        categories: [],
        form,
      }
      groups.set(key, of)
      of.categories = names.map((name) => categoryOf(row, name, categories, line))
    } else
      names.forEach((name, i) => {
        if (categoryOf(row, name, categories, line) !== (of as Rows).categories[i])
          throw refuse(
            line,
            `${name}: expected the same in all rows of a series, got ${show(row[name])}`,
          )
      })
    const offset = told ?? zone?.offsetOf(wall, of.instants.at(-1) ?? -Infinity) ?? null
    of.walls.push(wall)
    of.offsets.push(told)
    of.instants.push(instantOf({ wall, offset, form }))
    of.lines.push(line)
    numbers.forEach((column, i) =>
      (of as Rows).numbers[i]?.push(numberOf(row[column], column, line)),
    )
    ++line
    if (pauses.due) await pauses.pause()
  }
  return groups
}

function categoryOf(
  row: SeriesRow,
  name: string,
  categories: SeriesFormat['categories'],
  line: number,
): number {
  const known = categories[name] as readonly string[]
  const at = known.indexOf(nameOf(row[name], name, line))
  if (at < 0)
    throw refuse(
      line,
      `${name}: expected one of ${known.slice(0, 12).join(', ')}, got ${show(row[name])}`,
    )
  return at
}

/** In the order of time, each time once. */
function inOrder(of: Rows, fill: boolean): Rows {
  const { instants, lines } = of
  let straight = true
  for (let i = 1; i < instants.length; ++i) {
    const [before, at] = [instants[i - 1] as number, instants[i] as number]
    if (at > before) continue
    straight = false
    if (fill) break
    const text = formatStamp(of.walls[i] as number, of.offsets[i] as null, of.form)
    throw refuse(
      lines[i] as number,
      at === before
        ? `expected each time once, got ${text} again, which is to be told apart by a column or filled`
        : `expected times in order, got ${text} after a later one, which is to be sorted or filled`,
    )
  }
  if (straight) return of
  const order = instants
    .map((_, i) => i)
    .sort((a, b) => (instants[a] as number) - (instants[b] as number) || a - b)
  const kept = order.filter((i, at) => instants[order[at + 1] ?? -1] !== instants[i])
  const pick = <T>(list: readonly T[]): T[] => kept.map((i) => list[i] as T)
  return {
    ...of,
    ...{ walls: pick(of.walls), offsets: pick(of.offsets), instants: pick(instants) },
    ...{ lines: pick(lines), numbers: of.numbers.map(pick) },
  }
}

/** Puts rows at their steps. Yields where there may be a pause. */
function* placing(
  key: string,
  of: Rows,
  frequency: Frequency,
  fill: boolean,
  zone: Zone | null,
): Generator<undefined, Series> {
  const times = elapses(frequency) ? of.instants : of.walls
  const grid = Grid.through(frequency, times)
  const every = frequencyText(frequency)
  const steps: number[] = []
  for (const [i, time] of times.entries()) {
    if (i % STRETCH === STRETCH - 1) yield
    const step = grid.stepAt(time)
    if (step !== null && (fill || step === i)) {
      steps.push(step)
      continue
    }
    const line = of.lines[i] as number
    const [before, at] = [i - 1, i].map((j) =>
      formatStamp(of.walls[j] as number, of.offsets[j] as null, of.form),
    )
    throw refuse(
      line,
      step === null
        ? `expected a time that is a whole number of steps (${every}) after the first, got ${at}`
        : `expected the next ${every} after ${before}, got ${at}: ${step - i} missing, which may be filled`,
    )
  }
  const length = (steps.at(-1) as number) + 1
  const values = of.numbers.map((column) => {
    const all = new Float64Array(length).fill(NaN)
    steps.forEach((step, i) => (all[step] = column[i] as number))
    return all
  })
  const told = of.offsets.at(-1) ?? null
  // Rows may tell different offsets: clocks were changed.
  const offsets = new Map(
    told === null ? [] : steps.map((step, i) => [step, of.offsets[i] ?? told]),
  )
  const clock = clockOf(grid, zone, (step) => offsets.get(step) ?? told)
  return {
    ...{ key, length, values, categories: of.categories },
    wallAt: (step) => clock(step).wall,
    timeAt: (step) => {
      const { wall, offset } = clock(step)
      return formatStamp(wall, told === null ? null : offset, of.form)
    },
  }
}

/** What clocks show at a step. Without a zone their offset stays what it was last told to be. */
function clockOf(grid: Grid, zone: Zone | null, toldAt: (step: number) => number | null) {
  return (step: number): { wall: number; offset: number | null } => {
    const time = grid.timeAt(step)
    const told = toldAt(step)
    if (!elapses(grid.frequency))
      return { wall: time, offset: zone ? zone.offsetOf(time, -Infinity) : told }
    const offset = zone ? zone.offsetAt(time) : told
    return { wall: time + (offset ?? 0) * MINUTE, offset }
  }
}
