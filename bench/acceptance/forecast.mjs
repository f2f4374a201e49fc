// Forecasters on the series of ../shared/data, beside naive forecasts; settings were chosen on what comes before the
// test (see `chosen` of each), and the test is looked at once.
//
//   node bench/acceptance/forecast.mjs air milk stocks weather etth1 etth1-direct etth1-deepar [--hidden 512] [--keep DIR]
//
// Records bench/results/forecast-NAME.json. ETTh1: the standard split (12, 4 and 4 months), all 7 channels, every
// window of 96 hours; MSE and MAE of standardised values. It needs csv-parse.
import { mkdtempSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Forecaster, optim, readTable } from 'rnnative'
import { DATA, named, record } from './seq2seq.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { hidden: { type: 'string', default: '512' }, keep: { type: 'string' } },
})
const table = (name) => readTable(`${DATA}/timeseries/${name}`)
const keep = options.keep ?? mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))

/** The last `horizon` rows from one origin: the mean of three seeds' forecasts. */
async function oneOrigin(file, column, time, horizon, settings, training, chosen) {
  const rows = (await table(file)).filter((row) => row[column] !== '')
  const actual = rows.slice(-horizon).map((row) => Number(row[column]))
  const known = rows.slice(0, -horizon)
  const sum = new Float64Array(horizon)
  let seasonal
  for (const seed of [1, 2, 3]) {
    const model = new Forecaster({
      time,
      targets: [column],
      horizon,
      calendar: [],
      seed,
      ...settings,
    })
    const { lr, epochs, batch } = training
    await model.fit(known, {
      epochs,
      batch,
      optimizer: optim.adam({ lr }),
      schedule: optim.schedule.cosine(),
    })
    const [{ values }] = await model.predict(known)
    values[column].forEach((value, h) => (sum[h] += value / 3))
    seasonal = (await model.evaluate(rows, { windows: 1 })).seasonalNaive
    await model.dispose()
  }
  const mape = (100 / horizon) * actual.reduce((a, y, h) => a + Math.abs(y - sum[h]) / y, 0)
  return { settings, training, seeds: 3, chosen, mape, forecast: [...sum], seasonalNaive: seasonal }
}

const small = { lr: 5e-3, epochs: 200, batch: 16 }

async function backTest(file, settings, training, shares) {
  const model = new Forecaster({ seed: 1, ...settings })
  const checkpoint = path.join(keep, file)
  await model.fit(table(file), { ...shares, ...training, checkpoint, overwrite: true })
  const best = await Forecaster.load(checkpoint)
  const score = await best.evaluate(table(file))
  return { settings, shares, score }
}

async function etth1(settings, { lr, ...training }, part, forecasting = {}) {
  const rows = (await table('ETTh1.csv.gz')).slice(0, 14400)
  const targets = Object.keys(rows[0]).slice(1)
  const model = new Forecaster({ time: 'date', targets, horizon: 96, seed: 1, ...settings })
  const checkpoint = path.join(keep, `etth1-${settings.model}`)
  const began = performance.now()
  const run = model.fit(rows, {
    ...{ validation: 0.2, test: 0.2, validationStride: 8, checkpoint, overwrite: true },
    ...{ optimizer: optim.adam({ lr }), schedule: optim.schedule.cosine(), ...training },
  })
  for await (const { step, loss, validation, itemsPerSecond } of run)
    if (validation)
      console.log(step, loss, JSON.stringify(validation), `${itemsPerSecond} windows/s`)
  const { items, seconds } = await run
  const best = await Forecaster.load(checkpoint)
  const score = await best.evaluate(rows, { part, seed: 1, ...forecasting })
  const speed = { windowsPerSecond: items / seconds, trainingSeconds: seconds }
  return {
    settings,
    training: { lr, ...training },
    ...speed,
    wall: (performance.now() - began) / 1000,
    part,
    score,
  }
}

const runs = {
  // Mean MAPE of three seeds' mean from origins 0, 6 and 12 months before the last 36 of what is known: 5.02; other
  // losses, dropout, kinds of offset and scaling and `direct` 5.19 to 9.45.
  air: () =>
    oneOrigin(
      'AirPassengers.csv',
      '#Passengers',
      'Month',
      36,
      {
        ...{ model: 'segments', segment: 12, context: 24, hidden: 32, loss: 'mae' },
        ...{ offset: 'last', scaling: 'window' },
      },
      small,
      'validation MAPE 5.02',
    ),
  // The same from 5 origins, 0 to 24 months before: 2.44; contexts of 60 months, a seasonal offset, `direct` 2.46 to 3.27.
  milk: () =>
    oneOrigin(
      'monthly-milk.csv',
      'Pounds per cow',
      'Month',
      24,
      {
        ...{ model: 'segments', segment: 12, context: 48, hidden: 32 },
        ...{ offset: 'last', scaling: 'series' },
      },
      small,
      'validation MAPE 2.44',
    ),
  stocks: () =>
    backTest(
      'stocks.csv',
      {
        ...{ time: 'date', series: 'symbol', targets: ['price'], context: 12, horizon: 3 },
        ...{ model: 'direct', hidden: 16, scaling: 'window', loss: 'mae', dropout: 0.2 },
      },
      { epochs: 30, batch: 16, patience: 8 },
      { validation: 0.2, test: 0.25 },
    ),
  weather: () =>
    backTest(
      'seattle-weather.csv.gz',
      {
        ...{
          time: 'date',
          targets: ['temp_max', 'temp_min', 'wind'],
          covariates: ['precipitation'],
        },
        ...{ context: 28, horizon: 7, model: 'direct', hidden: 32, loss: 'mae', dropout: 0.2 },
        ...{ calendar: ['week'], offset: 'none' },
      },
      { epochs: 30, batch: 32, patience: 8 },
      { validation: 0.2, test: 0.25 },
    ),
  etth1: () =>
    etth1(
      {
        ...{ model: 'segments', context: 720, segment: 48, hidden: Number(options.hidden) },
        ...{ dropout: 0.5, loss: 'mae' },
      },
      { lr: 1e-3, epochs: 2, batch: 64, evaluateEvery: 31 },
      'test',
    ),
  'etth1-direct': () =>
    etth1(
      { model: 'direct', context: 96, hidden: 128, dropout: 0.2, calendar: [] },
      { lr: 1e-3, epochs: 8, batch: 64, patience: 3 },
      'test',
    ),
  'etth1-deepar': () =>
    etth1(
      {
        model: 'deepar',
        context: 168,
        hidden: 40,
        layers: 2,
        dropout: 0.1,
        scaling: 'series',
        offset: 'none',
        distribution: 'student-t',
      },
      { lr: 1e-3, epochs: 2, batch: 64 },
      'validation',
      { stride: 24, quantiles: [0.1, 0.5, 0.9] },
    ),
}

const chosen = positionals.map((name) => [name, named(runs, name)])
for (const [name, run] of chosen) {
  const result = await run()
  console.log(name, JSON.stringify(result, null, 1))
  record(`forecast-${name}`, result)
}
