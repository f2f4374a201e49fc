/** What a forecaster must not take, and what a failed fit must not change. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Forecaster, RnnativeError } from 'rnnative'

const temporary = () => mkdtempSync(join(tmpdir(), 'rnnative-'))
const rowsOf = (level: number) =>
  Array.from({ length: 40 }, (_, i) => ({
    date: new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10),
    sales: level + (i % 7),
  }))
const make = () =>
  new Forecaster({ time: 'date', targets: ['sales'], context: 7, horizon: 2, hidden: 4, seed: 1 })

test('a number that 32 bits do not hold is refused by its line', async (t) => {
  await using forecaster = make()
  for (const sales of [1e300, '-1e39']) {
    const rows: object[] = rowsOf(5)
    rows[3] = { ...rows[3], sales }
    await t.throwsAsync(
      async () => await forecaster.fit(rows as Record<string, unknown>[], { maxSteps: 1 }),
      {
        instanceOf: RnnativeError,
        code: 'ERR_FORMAT',
        message: /^\[series\] line 5: sales: expected a number that 32 bits hold, got /,
      },
    )
  }
})

test('a fit that does not begin leaves the model as it was, scales included', async (t) => {
  const checkpoint = temporary()
  await using forecaster = make()
  await forecaster.fit(rowsOf(5), { maxSteps: 1, checkpoint })
  const before = await forecaster.predict(rowsOf(5))
  await t.throwsAsync(async () => await forecaster.fit(rowsOf(1000), { checkpoint }), {
    message: /holds a run/,
  })
  await t.throwsAsync(
    async () => await forecaster.fit(rowsOf(1000), { checkpoint, resume: true, maxSteps: 2 }),
    { message: /\[resume\] scales: expected the same/ },
  )
  t.deepEqual(await forecaster.predict(rowsOf(5)), before)
})

test('a part that is too short to validate with is named', async (t) => {
  await using forecaster = make()
  await t.throwsAsync(
    async () => await forecaster.fit(rowsOf(5), { validation: 0.03, maxSteps: 1 }),
    { code: 'ERR_EMPTY', message: /^\[fit\] validation: expected a series with a window/ },
  )
})

test('what a fit found out is held against the model that it is of', async (t) => {
  const directory = join(temporary(), 'model')
  await using forecaster = make()
  await forecaster.fit(rowsOf(5), { maxSteps: 1 })
  await forecaster.save(directory)
  const path = join(directory, 'fitted.json')
  const saved = JSON.parse(readFileSync(path, 'utf8')) as { others: object }
  const wrong = [
    { ...saved, others: { ...saved.others, columns: [] } },
    { ...saved, others: { ...saved.others, seasonal: [] } },
    { ...saved, scales: { '': { columns: [], seasonal: [] } } },
    { ...saved, frequency: 'fortnight' },
    { ...saved, season: 0 },
  ]
  for (const one of wrong) {
    writeFileSync(path, JSON.stringify(one))
    await t.throwsAsync(Forecaster.load(directory), { code: 'ERR_FORMAT', message: /fitted\.json/ })
  }
  t.throws(() => new Forecaster({ time: 'date', targets: ['sales'], context: 1e9, horizon: 2 }), {
    message: /context: expected a whole number from 1 to 1048576, got 1000000000/,
  })
})
