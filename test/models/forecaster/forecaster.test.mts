import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Forecaster, optim, type ForecasterOptions } from 'rnnative'
import {
  dayOf,
  drawing,
  fitOptions,
  makeModel,
  makeRows,
  MODELS,
  weightsOf,
  type Row,
} from './support.mjs'

const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rnnative-'))
const rows = makeRows(120)

/** Numbers in [0, 1), always the same. */
function drawn(count: number): number[] {
  let state = 7
  return Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return (state >> 8) / 2 ** 23
  })
}

for (const model of MODELS)
  test(`${model}: learns a week, resumes bit for bit, and is the same when it is loaded`, async (t) => {
    const options = { model, dropout: 0.1 }
    const limits = { ...fitOptions(), epochs: 4 }
    await using whole = makeModel(options)
    const losses: number[] = []
    for await (const { loss, validation } of whole.fit(rows, limits)) {
      losses.push(loss)
      if (validation) t.true(Number.isFinite(validation.loss))
    }
    t.true((losses.at(-1) as number) < (losses[0] as number))

    const checkpoint = temporaryDirectory()
    await using first = makeModel(options)
    const begun = await first.fit(rows, { ...limits, checkpoint, maxSteps: 6 })
    t.is(begun.step, 6)
    await using second = makeModel({ ...options, seed: 9 })
    await second.fit(rows, { ...limits, checkpoint, resume: true })
    t.deepEqual(await weightsOf(second), await weightsOf(whole))

    const directory = temporaryDirectory()
    await whole.save(directory)
    await using loaded = await Forecaster.load(directory)
    t.deepEqual(loaded.options, whole.options)
    const ask = drawing(model, { seed: 5, samples: 4 })
    t.deepEqual(await loaded.predict(rows, ask), await whole.predict(rows, ask))
    t.deepEqual(await loaded.evaluate(rows, ask), await whole.evaluate(rows, ask))
  })

for (const model of MODELS)
  test(`${model}: nothing of what comes after the split is in what was fitted or forecast before it`, async (t) => {
    const end = 120 - Math.round(120 * 0.3) // of 120 days 20% validate and 10% test
    const changed = rows.map((row, i): Row => (i < end ? row : { ...row, y: 1e6 - i, z: -1e5 }))
    const known = { known: ['event'], model }
    const made = async (data: Row[]) => {
      await using forecaster = makeModel(known)
      await forecaster.fit(data, { ...fitOptions(), validation: 0.2 })
      const until = data.map((row, i): Row => (i < end ? row : { ...row, y: '', z: '' }))
      const ask = drawing(model, { seed: 1, samples: 3 })
      return {
        weights: await weightsOf(forecaster),
        forecast: await forecaster.predict(until, ask),
      }
    }
    t.deepEqual(await made(changed), await made(rows))
  })

test('y(t) = t: the forecast at n is for n + 1', async (t) => {
  const line = Array.from({ length: 60 }, (_, i) => ({ date: dayOf(i), y: i }))
  for (const model of ['direct', 'segments'] as const) {
    await using forecaster = makeModel({
      ...{ model, targets: ['y'], context: 6, horizon: 3, calendar: [], hidden: 8 },
    })
    await forecaster.fit(line, { epochs: 60, batch: 16, optimizer: optim.adam({ lr: 0.02 }) })
    for (const n of [20, 40]) {
      const [made] = await forecaster.predict(line.slice(0, n))
      t.deepEqual(made?.times, [dayOf(n), dayOf(n + 1), dayOf(n + 2)])
      made?.values['y']?.forEach((value, h) => t.true(Math.abs(value - (n + h)) < 0.3, `${value}`))
    }
  }
})

test('a model that copies a season gives exactly the season; scales are inverted', async (t) => {
  for (const scaling of ['series', 'window', 'none'] as const) {
    await using forecaster = makeModel({ offset: 'season', season: 7, scaling, targets: ['y'] })
    await forecaster.fit(rows, { maxSteps: 1 })
    for (const [, parameter] of forecaster.network.namedParameters()) parameter.fill(0)
    const [made] = await forecaster.predict(rows)
    made?.values['y']?.forEach((value, h) =>
      t.true(Math.abs(value - (rows[113 + h]?.['y'] as number)) < 1e-3),
    )
    const { seasonalNaive, mae, mase, windows } = await forecaster.evaluate(rows, { windows: 3 })
    t.is(windows, 3)
    t.true(Math.abs(mae - seasonalNaive.mae) < 1e-3)
    t.true(mase > 0)
  }
})

test('what is missing changes neither state nor loss', async (t) => {
  const holes = (i: number) => i % 13 === 5 || (i > 40 && i < 50)
  const make = (junk: string) =>
    rows
      .filter((_, i) => junk !== 'none' || !holes(i))
      .map((row): Row => (holes(rows.indexOf(row)) ? { ...row, y: junk, z: junk } : row))
  const weights = async (model: ForecasterOptions['model'], junk: string) => {
    await using forecaster = makeModel({ model, fill: true })
    const run = await forecaster.fit(make(junk), { ...fitOptions(), validation: 0, test: 0 })
    t.true(Number.isFinite(run.loss))
    return weightsOf(forecaster)
  }
  for (const model of MODELS) {
    const wanted = await weights(model, 'NA')
    t.deepEqual(await weights(model, ''), wanted)
    t.deepEqual(await weights(model, 'none'), wanted) // rows left out
  }
})

test('a state is not changed by a step that was not observed', async (t) => {
  await using forecaster = makeModel({ calendar: [], offset: 'none' })
  await forecaster.fit(rows, { maxSteps: 3 })
  const some = rows.slice(0, 20)
  const gone = some.map((row, i): Row => (i === 12 ? { ...row, y: '', z: '' } : row))
  // As if the day had never been, with one more before it.
  const short = makeModel({ calendar: [], offset: 'none', context: 13 })
  await using same = short
  await same.fit(rows, { maxSteps: 1 })
  same.network.loadStateDict(forecaster.network.stateDict())
  const without = some.filter((_, i) => i !== 12).map((row, i): Row => ({ ...row, date: dayOf(i) }))
  const [a] = await forecaster.predict(gone)
  const [b] = await same.predict(without)
  t.deepEqual(a?.values, b?.values)
})

test('covariates, categories and a calendar take part', async (t) => {
  const long = ['n', 's'].flatMap((place) =>
    makeRows(80).map((row): Row => ({ ...row, place, kind: place === 'n' ? 'up' : 'down' })),
  )
  for (const model of MODELS) {
    const options: Partial<ForecasterOptions> = {
      ...{ model, series: 'place', targets: ['y'], known: ['event'] },
      ...{ covariates: model === 'deepar' ? [] : ['z'], categories: { kind: ['up', 'down'] } },
      calendar: ['weekday'],
    }
    await using forecaster = makeModel(options)
    await forecaster.fit(long, { ...fitOptions(), epochs: 1 })
    const ahead = long.filter(({ date }) => (date as string) < dayOf(80))
    const cut = ahead.map((row): Row =>
      (row['date'] as string) < dayOf(70) ? row : { ...row, y: '' },
    )
    const made = await forecaster.predict(cut, drawing(model, { seed: 1 }))
    t.deepEqual(
      made.map(({ series }) => series),
      ['n', 's'],
    )
    t.is(made[0]?.times[0], dayOf(70))
    const events = cut.map((row): Row => ({ ...row, event: 1 - (row['event'] as number) }))
    t.notDeepEqual(await forecaster.predict(events, drawing(model, { seed: 1 })), made)
    await t.throwsAsync(forecaster.predict(long), {
      message: /event: expected what is known ahead/,
    })
    const score = await forecaster.evaluate(long, {
      stride: 2,
      ...drawing(model, { samples: 3, seed: 1 }),
    })
    t.deepEqual(Object.keys(score.targets), ['y'])
  }
})

test('what only a model that draws heeds, others refuse by name', async (t) => {
  await using forecaster = makeModel({ model: 'direct' })
  await forecaster.fit(rows, { ...fitOptions(), epochs: 1 })
  for (const [name, value] of Object.entries({ samples: 5, seed: 1 }))
    for (const method of ['predict', 'evaluate'] as const)
      await t.throwsAsync(forecaster[method](rows, { [name]: value }), {
        code: 'ERR_ARGUMENT',
        message: `[${method}] ${name}: expected none of direct, which draws none, got ${value}`,
      })
})

test('quantiles are in order and within what was learned', async (t) => {
  await using forecaster = makeModel({ loss: 'quantile', quantiles: [0.1, 0.5, 0.9] })
  await forecaster.fit(rows, fitOptions())
  const [made] = await forecaster.predict(rows, { quantiles: [0.1, 0.3, 0.9] })
  const { y } = made?.quantiles as Record<string, Record<string, number[]>>
  y?.['0.1']?.forEach((low, h) => {
    t.true(
      low <= (y['0.3']?.[h] as number) && (y['0.3']?.[h] as number) <= (y['0.9']?.[h] as number),
    )
  })
  const { quantiles = [] } = await forecaster.evaluate(rows, { quantiles: [0.1, 0.9] })
  t.true((quantiles[0]?.coverage as number) <= (quantiles[1]?.coverage as number))
  await t.throwsAsync(forecaster.predict(rows, { quantiles: [0.05] }), {
    message: /from 0.1 to 0.9/,
  })
  await using plain = makeModel()
  await plain.fit(rows, { maxSteps: 1 })
  await t.throwsAsync(plain.predict(rows, { quantiles: [0.5] }), {
    message: /none without the loss quantile/,
  })
})

for (const distribution of ['gaussian', 'student-t', 'negative-binomial'] as const)
  test(`deepar draws paths of a ${distribution} that cover what was`, async (t) => {
    const noise = drawn(120)
    const counts = rows.map((row, i) => ({
      ...row,
      y: Math.round(6 + 3 * Math.sin(i / 3) + 5 * (noise[i] as number)),
    }))
    await using forecaster = makeModel({
      model: 'deepar',
      distribution,
      targets: ['y'],
      hidden: 16,
    })
    await forecaster.fit(counts, { epochs: 30, batch: 16, optimizer: optim.adam({ lr: 0.01 }) })
    const [made] = await forecaster.predict(counts, {
      seed: 2,
      samples: 200,
      paths: true,
      quantiles: [0.05, 0.95],
    })
    const paths = made?.paths?.['y'] as number[][]
    t.is(paths.length, 200)
    const whole = paths
      .flat()
      .every((value) => Number.isInteger(Math.round(value * 1e6) / 1e6) && value >= 0)
    t.is(whole, distribution === 'negative-binomial')
    const score = await forecaster.evaluate(counts, {
      part: 'all',
      stride: 5,
      seed: 1,
      quantiles: [0.1, 0.9],
    })
    const [low, high] = score.quantiles ?? []
    const covered = (high?.coverage as number) - (low?.coverage as number)
    t.true(covered > 0.6 && covered <= 1, `${covered}`)
    t.true(score.mae < score.naive.mae)
  })

test('every option that makes no sense is named', async (t) => {
  const wrong: [Partial<ForecasterOptions>, RegExp][] = [
    [{ context: 0 }, /context/],
    [{ targets: [] }, /targets/],
    [{ targets: ['y', 'y'] }, /targets/],
    [{ known: ['y'] }, /columns: expected each in one place, got "y"/],
    [{ model: 'segments', segment: 4 }, /segment/],
    [{ model: 'deepar', covariates: ['c'] }, /covariates/],
    [{ model: 'deepar', loss: 'mae' }, /loss/],
    [{ model: 'seq2seq', recurrentDropout: 0.1 }, /recurrentDropout/],
    [{ model: 'deepar', distribution: 'negative-binomial', scaling: 'series' }, /scaling/],
    [{ loss: 'quantile', quantiles: [0.5, 0.1] }, /quantiles/],
    [{ calendar: ['moon' as never] }, /calendar/],
    [{ frequency: 'fortnight' }, /frequency/],
    [{ cell: 'rnn', coupled: true }, /coupled/],
  ]
  for (const [options, message] of wrong)
    t.throws(() => makeModel(options), { code: 'ERR_ARGUMENT', message })
  await using forecaster = makeModel()
  await t.throwsAsync(forecaster.predict(rows), { code: 'ERR_UNINITIALIZED' })
  await t.throwsAsync(forecaster.evaluate(rows), { code: 'ERR_UNINITIALIZED' })
  const few = rows.slice(0, 10)
  await t.throwsAsync(Promise.resolve(forecaster.fit(few)), { code: 'ERR_EMPTY' })
  const fit = (options: object) => Promise.resolve(forecaster.fit(rows, options))
  await t.throwsAsync(fit({ stride: 0 }), { message: /stride/ })
  await t.throwsAsync(fit({ validation: 1 }), { message: /validation/ })
  await t.throwsAsync(fit({ shuffle: true }), { message: /shuffle/ })
  await t.throwsAsync(fit({ patience: 1 }), { message: /patience/ })
  await forecaster.fit(rows, { maxSteps: 1 })
  await t.throwsAsync(forecaster.evaluate(rows, { windows: 99 }), {
    code: 'ERR_EMPTY',
    message: /at most 15/,
  })
  await t.throwsAsync(forecaster.predict('rows' as never), { code: 'ERR_ARGUMENT' })
  const weekly = rows.map((row, i) => ({ ...row, date: dayOf(7 * i) }))
  await t.throwsAsync(forecaster.predict(weekly), {
    message: /frequency: expected day, as learned, got week/,
  })
})
