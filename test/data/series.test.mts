import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { readSeries, splitByTime, stepFrom, usualSeason } from '#dist/data/series/index.js'
import type { Series, SeriesFormat, SeriesRow, SeriesSet } from '#dist/data/series/index.js'
import { formatStamp, parseStamp } from '#dist/data/series/stamps.js'
import { calendarAt } from '#dist/data/series/calendar.js'

const format = (more: Partial<SeriesFormat> = {}): SeriesFormat => ({
  ...{ time: 't', numbers: ['y'], categories: {}, fill: false, ...more },
})
const rowsOf = (times: readonly string[]): SeriesRow[] => times.map((t, y) => ({ t, y: String(y) }))
const read = (times: readonly string[], more: Partial<SeriesFormat> = {}): Promise<SeriesSet> =>
  readSeries(rowsOf(times), format(more))
const only = ({ all }: SeriesSet): Series => all[0] as Series

async function follows(
  t: ExecutionContext,
  times: readonly string[],
  frequency: object,
  next: readonly string[],
  more: Partial<SeriesFormat> = {},
): Promise<void> {
  const set = await read(times, more)
  t.deepEqual(set.frequency, frequency as never)
  const series = only(set)
  t.is(series.length, times.length)
  t.deepEqual(
    times.map((_, i) => series.timeAt(i)),
    [...times],
  )
  t.deepEqual(
    next.map((_, i) => series.timeAt(times.length + i)),
    [...next],
  )
}

test('frequencies are found, and the first step after the last row stands right after it', async (t) => {
  await follows(t, ['2024-01-30', '2024-01-31'], { unit: 'day', every: 1 }, ['2024-02-01'])
  await follows(t, ['2024-02-15', '2024-02-22'], { unit: 'week', every: 1 }, [
    '2024-02-29',
    '2024-03-07',
  ])
  await follows(t, ['1949-01', '1949-02'], { unit: 'month', every: 1 }, ['1949-03'])
  await follows(t, ['1949-11', '1949-12'], { unit: 'month', every: 1 }, ['1950-01'])
  await follows(t, ['2023-12-31', '2024-01-31'], { unit: 'month', every: 1 }, [
    '2024-02-29',
    '2024-03-31',
  ])
  await follows(t, ['2024-01-30', '2024-02-29'], { unit: 'month', every: 1 }, ['2024-03-30'])
  await follows(t, ['2023Q3', '2023Q4'], { unit: 'quarter', every: 1 }, ['2024Q1'])
  await follows(t, ['2023-08-31', '2023-11-30'], { unit: 'quarter', every: 1 }, ['2024-02-29'])
  await follows(t, ['1999', '2000'], { unit: 'year', every: 1 }, ['2001'])
  await follows(t, ['2024-02-29', '2028-02-29'], { unit: 'year', every: 4 }, ['2032-02-29'])
  await follows(t, ['2016-07-01 22:00:00', '2016-07-01 23:00:00'], { unit: 'hour', every: 1 }, [
    '2016-07-02 00:00:00',
  ])
  await follows(t, ['2024-12-31T23:30', '2024-12-31T23:45'], { unit: 'minute', every: 15 }, [
    '2025-01-01T00:00',
  ])
})

test('clocks that are changed lose and gain no step', async (t) => {
  const hour = { unit: 'hour', every: 1 }
  const spring = ['2024-03-31T00:00+01:00', '2024-03-31T01:00+01:00', '2024-03-31T03:00+02:00']
  await follows(t, spring, hour, ['2024-03-31T04:00+02:00'])
  const told = ['2024-03-31 00:00', '2024-03-31 01:00']
  await follows(t, told, hour, ['2024-03-31 03:00'], { timeZone: 'Europe/Berlin' })
  const autumn = ['2024-10-27 01:00', '2024-10-27 02:00', '2024-10-27 02:00', '2024-10-27 03:00']
  await follows(t, autumn, hour, ['2024-10-27 04:00'], { timeZone: 'Europe/Berlin' })
  await follows(t, autumn.slice(0, 2), hour, ['2024-10-27 02:00', '2024-10-27 03:00'], {
    timeZone: 'Europe/Berlin',
  })
  const days = ['2024-03-30T00:00+01:00', '2024-03-31T00:00+01:00', '2024-04-01T00:00+02:00']
  await follows(t, days, { unit: 'day', every: 1 }, ['2024-04-02T00:00+02:00'])
  await t.throwsAsync(read(told, { timeZone: 'Mars/Base' }), { message: /timeZone/ })
})

test('a gap, a duplicate and an unsorted date are refused by line, or filled', async (t) => {
  const gap = ['2024-01-01', '2024-01-02', '2024-01-04', '2024-01-05']
  await t.throwsAsync(read(gap), {
    code: 'ERR_FORMAT',
    message:
      '[series] line 4: expected the next day after 2024-01-02, got 2024-01-04: 1 missing, which may be filled',
  })
  const twice = ['2024-01-01', '2024-01-02', '2024-01-02', '2024-01-03']
  await t.throwsAsync(read(twice), {
    message: /line 4: expected each time once, got 2024-01-02 again/,
  })
  const back = ['2024-01-01', '2024-01-03', '2024-01-02']
  await t.throwsAsync(read(back), { message: /line 4: expected times in order/ })
  const filled = async (times: string[]) => [
    ...(only(await read(times, { fill: true })).values[0] ?? []),
  ]
  t.deepEqual(await filled(gap), [0, 1, NaN, 2, 3])
  t.deepEqual(await filled(twice), [0, 2, 3])
  t.deepEqual(await filled(back), [0, 2, 1])
  const odd = ['2024-01-01 00:00', '2024-01-01 01:00', '2024-01-01 02:00', '2024-01-01 02:30']
  await t.throwsAsync(read(odd, { fill: true }), {
    message: /line 5: expected a time that is a whole number of steps/,
  })
})

test('long form: rows of several series, in turns', async (t) => {
  const rows = [
    { t: '2024-01', s: 'a', y: '1', kind: 'x' },
    { t: '2024-03', s: 'b', y: '', kind: 'y' },
    { t: '2024-02', s: 'a', y: '2', kind: 'x' },
    { t: '2024-04', s: 'b', y: '4', kind: 'y' },
  ]
  const long = format({ series: 's', categories: { kind: ['x', 'y'] } })
  const { all } = await readSeries(rows, long)
  t.deepEqual(
    all.map(({ key }) => key),
    ['a', 'b'],
  )
  t.deepEqual(
    all.map(({ categories }) => categories),
    [[0], [1]],
  )
  t.deepEqual(
    all.map(({ values }) => [...(values[0] ?? [])]),
    [
      [1, 2],
      [NaN, 4],
    ],
  )
  t.is(all[1]?.timeAt(2), '2024-05')
  const changes = rows.map((row, i) => (i === 2 ? { ...row, kind: 'y' } : row))
  await t.throwsAsync(readSeries(changes, long), { message: /line 4: kind: expected the same/ })
})

test('what is wrong in a row is told by line and column', async (t) => {
  const fails = (rows: SeriesRow[], message: RegExp) =>
    t.throwsAsync(readSeries(rows, format()), { message })
  await fails([{ t: '2024-01-01', y: 'many' }], /line 2: y: expected a number, got "many"/)
  await fails([{ t: '2024-02-30', y: 1 }], /line 2: t: expected a date or a time/)
  await fails([{ date: '2024-02-01', y: 1 }], /there is no column t; /)
  await fails([{ t: '2024-02-01', why: 1 }], /no column y/)
  await fails([], /expected at least one/)
  await fails([{ t: '2024-02-01', y: 1 }], /frequency: expected one/)
})

test('stamps are read and written the same', (t) => {
  for (const text of [
    '2024',
    '2024Q3',
    '2024-05',
    '2024-05-06',
    '2024-05-06 07:08',
    '2024-05-06T07:08:09Z',
    '2024-05-06T07:08+05:30',
  ]) {
    const { wall, offset, form } = parseStamp(text, 'test', 'time')
    t.is(formatStamp(wall, offset, form), text)
  }
  const day = (text: string) => {
    const { wall, offset, form } = parseStamp(text, 'test', 'time')
    return formatStamp(wall, offset, form)
  }
  t.is(day('Jan 1 2000'), '2000-01-01')
  t.is(day('1 March 2000'), '2000-03-01')
  t.is(day('2024-W01'), '2024-01-01')
  t.is(day('2020-W53-7'), '2021-01-03')
  for (const wrong of [
    '',
    '2021-W53',
    '2024-13',
    '2024-02-30',
    '24:00',
    'Foo 1 2000',
    '2024-01-01 25:00',
    {},
  ])
    t.throws(() => parseStamp(wrong, 'test', 'time'), { code: 'ERR_ARGUMENT' })
})

test('steps in order are at the times that they are found by', async (t) => {
  t.plan(1)
  const property = fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 20_000 }),
      fc.constantFrom('hour', 'day', 'week', 'month', 'quarter', 'year', '2 months'),
      async (start, unit) => {
        const first = new Date(start * 86_400_000).toISOString().slice(0, 16)
        const every = unit === '2 months' ? 2 : 1
        const frequency = { unit: (unit === '2 months' ? 'month' : unit) as 'hour', every }
        const one = only(await read([first], { frequency }))
        const times = Array.from({ length: 40 }, (_, i) => one.timeAt(i))
        const again = only(await read(times, { frequency }))
        return times.every((time, i) => again.timeAt(i) === time) && again.length === 40
      },
    ),
    { numRuns: 60 },
  )
  await t.notThrowsAsync(property)
})

test('splits are at the same moments in all series', async (t) => {
  const rows = ['a', 'b'].flatMap((s, which) =>
    Array.from({ length: 10 }, (_, i) => ({
      s,
      t: `2024-01-${String(i + 1 + 5 * which).padStart(2, '0')}`,
      y: i,
    })),
  )
  const set = await readSeries(rows, format({ series: 's' }))
  const { validation, test } = splitByTime(set, { validation: 0.2, test: 0.2 }) // of 15 days
  t.deepEqual(
    set.all.map((one) => stepFrom(one, validation)),
    [9, 4],
  )
  t.deepEqual(
    set.all.map((one) => stepFrom(one, test)),
    [10, 7],
  )
  t.deepEqual(
    set.all.map((one) => one.timeAt(stepFrom(one, test))),
    ['2024-01-11', '2024-01-13'],
  )
  t.throws(() => splitByTime(set, { validation: 0.5, test: 0.5 }), { code: 'ERR_ARGUMENT' })
})

test('a calendar goes round', (t) => {
  const near = (a: readonly number[], b: readonly number[]) =>
    t.true(
      a.every((x, i) => Math.abs(x - (b[i] as number)) < 1e-12),
      `${a} ${b}`,
    )
  near(calendarAt('hour', Date.UTC(2024, 0, 1, 6)), [1, 0])
  near(calendarAt('hour', Date.UTC(1950, 0, 1, 18)), [-1, 0])
  near(calendarAt('month', Date.UTC(2024, 6, 9)), [0, -1])
  near(calendarAt('weekday', Date.UTC(2024, 0, 1)), [0, 1])
  near(calendarAt('quarter', Date.UTC(2024, 4, 1)), [1, 0])
  t.is(usualSeason({ unit: 'minute', every: 15 }), 96)
})
