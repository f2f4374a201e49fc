/** Commands of forecasters. The models are loaded when a command runs. */
import type { Command } from 'commander'
import type { Forecaster, ForecasterScore, SeriesForecast } from '../../models'
import { forecasterFitOptions, forecasterOptions, levels } from '../../models/forecaster/options'
import { PARTS } from '../../models/forecaster/parts-names'
import { choice, count, custom, fraction, wholeNumber, type Made } from '../../schema'
import {
  addFlags,
  json,
  model,
  neededFile,
  picture,
  refuseFlags,
  takeFlags,
  type Flags,
} from '../arguments'
import { addTrain } from './train'

const data = neededFile('a table with a row for each time: CSV, TSV or JSON Lines, gzip allowed')

const dataFlags = {
  data,
  categories: custom<readonly string[]>()(
    {
      expected: 'column names',
      valid: () => true,
      argument: '<columns>',
      read: (words) => words.split(','),
    },
    { about: 'columns that stay the same in a series' },
  ),
  validShare: fraction({
    about: 'share of time, before that of the test, to validate with',
    default: 0,
  }),
  testShare: fraction({
    about: 'share of time, the last, that is left for eval',
    default: 0,
  }),
}

const forecasting = {
  model,
  data,
  quantiles: custom<readonly number[]>()(levels, {
    about: 'levels of quantiles, of deepar and the loss quantile',
    defaultText: '0.1,0.5,0.9 of deepar, those that were learned',
  }),
  samples: count({ about: 'paths that deepar draws', default: 100 }),
  seed: wholeNumber({ about: 'of those paths', default: 1 }),
  json,
}

const evaluateFlags = {
  ...forecasting,
  part: choice(PARTS, {
    about: 'where targets are, as fit cut time',
    defaultText: 'the test, if there is one',
  }),
  stride: count({ about: 'steps between windows', defaultText: '1, with --windows the horizon' }),
  windows: count({ about: 'back-testing: the last so many windows of each series' }),
}

const predictFlags = {
  ...forecasting,
  plot: picture('draw history, forecast and bands (needs Vega)'),
  history: wholeNumber({ about: 'steps before it that are drawn', defaultText: '4 horizons' }),
}

/** All values of columns, in order. */
async function categoriesOf(
  file: string,
  names: readonly string[],
): Promise<Record<string, readonly string[]>> {
  if (names.length === 0) return {}
  const { readTable } = await import('../../data/tables.js')
  const found = new Map(names.map((name) => [name, new Set<string>()]))
  const columns = Object.fromEntries(names.map((name) => [name, name]))
  for await (const row of readTable(file, { columns }))
    for (const [name, values] of found) values.add(row[name] as string)
  return Object.fromEntries(Array.from(found, ([name, values]) => [name, [...values].sort()]))
}

export function addForecast(program: Command): void {
  const forecast = program.command('forecast').description('time series and what comes next')
  addTrain(forecast, {
    about: 'learn series; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: forecasterOptions,
    fit: forecasterFitOptions,
    validation: '--valid-share',
    validates: ({ validShare }) => validShare > 0,
    async begin({ data: file, categories = [], validShare, testShare }, options, fit) {
      const { Forecaster } = await import('../../models/index.js')
      const { readTable } = await import('../../data/tables.js')
      const all = { ...options, categories: await categoriesOf(file, categories) }
      const model = new Forecaster(all as ConstructorParameters<typeof Forecaster>[0])
      const shares = { validation: validShare, test: testShare }
      return { model, run: model.fit(readTable(file), { ...fit, ...shares }) }
    },
  })
  addFlags(
    forecast
      .command('eval')
      .description('forecast what is known already and compare, beside naive forecasts'),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
  addFlags(
    forecast.command('predict').description('what comes after the last row of each series'),
    predictFlags,
  ).action((flags: Flags) => predict(takeFlags(predictFlags, flags)))
}

async function load(flags: Made<typeof forecasting>): Promise<Forecaster> {
  const { Forecaster } = await import('../../models/index.js')
  const forecaster = await Forecaster.load(flags.model)
  if (forecaster.options.model !== 'deepar')
    refuseFlags(forecasting, flags, ['samples', 'seed'], 'only of deepar, which draws')
  return forecaster
}

/** What is asked of a model that draws; of others nothing. */
const drawing = ({ options }: Forecaster, { samples, seed }: Made<typeof forecasting>) =>
  options.model === 'deepar' ? { samples, seed } : {}

/** Levels that a model can tell, unless others are asked for. */
function levelsOf(
  { options }: Forecaster,
  asked: readonly number[] | undefined,
): readonly number[] {
  if (asked !== undefined) return asked
  if (options.model === 'deepar') return [0.1, 0.5, 0.9]
  return options.loss === 'quantile' ? options.quantiles : []
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { readTable } = await import('../../data/tables.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const { data: file, json, quantiles, part, stride, windows } = flags
  await using forecaster = await load(flags)
  const score = await forecaster.evaluate(readTable(file), {
    ...drawing(forecaster, flags),
    ...{ part, stride, windows },
    quantiles: levelsOf(forecaster, quantiles),
  })
  if (json) return printJson(score)
  printTable(tableOf(score))
}

function tableOf(score: ForecasterScore): Record<string, string | number> {
  const shown = (x: number): string => String(Number(x.toPrecision(5)))
  const errors = ['mse', 'mae', 'rmse', 'mape', 'smape', 'mase'] as const
  const baselines = {
    naive: score.naive,
    'seasonal naive': score.seasonalNaive,
    drift: score.drift,
  }
  return {
    ...Object.fromEntries(errors.map((name) => [name, shown(score[name])])),
    'scaled mse': shown(score.scaled.mse),
    'scaled mae': shown(score.scaled.mae),
    windows: score.windows,
    ...Object.fromEntries(
      Object.entries(baselines).map(([name, { mae, mape, mase }]) => [
        name,
        `mae ${shown(mae)}, mape ${shown(mape)}, mase ${shown(mase)}`,
      ]),
    ),
    ...Object.fromEntries(
      (score.quantiles ?? []).map(({ level, loss, coverage }) => [
        `quantile ${level}`,
        `loss ${shown(loss)}, coverage ${shown(coverage)}`,
      ]),
    ),
  }
}

async function predict(flags: Made<typeof predictFlags>): Promise<void> {
  const { readTable } = await import('../../data/tables.js')
  const { printJson } = await import('../../watch/output.js')
  const { data: file, json, plot, quantiles, history } = flags
  if (plot === undefined) refuseFlags(predictFlags, flags, ['history'], 'only together with --plot')
  else {
    await (await import('../../report/vega.js')).loadDrawing()
    await (await import('../../io/files.js')).tryFile(plot)
  }
  await using forecaster = await load(flags)
  const drawn = history ?? 4 * forecaster.options.horizon
  const forecasts = await forecaster.predict(readTable(file), {
    ...drawing(forecaster, flags),
    quantiles: levelsOf(forecaster, quantiles),
    history: plot === undefined ? 0 : drawn,
  })
  if (plot !== undefined) await draw(plot, forecasts)
  const shown = forecasts.map(({ history: _, ...one }) => one)
  if (json) for (const one of shown) printJson(one)
  else process.stdout.write(csvOf(shown))
}

/** A figure for each series and target. */
async function draw(path: string, forecasts: readonly SeriesForecast[]): Promise<void> {
  const { drawForecast, writeFigures } = await import('../../report/index.js')
  const figures: { svg: string; caption?: string }[] = []
  for (const { series, times, values, quantiles = {}, history } of forecasts)
    for (const [target, own] of Object.entries(values)) {
      const levels = Object.entries(quantiles[target] ?? {}).sort(
        ([a], [b]) => Number(a) - Number(b),
      )
      const bands = levels.slice(0, Math.floor(levels.length / 2)).map(([low, lower], i) => {
        const [high, upper] = levels[levels.length - 1 - i] as [string, number[]]
        return { label: `${low} to ${high}`, low: lower, high: upper }
      })
      const before = { times: history?.times ?? [], values: history?.values[target] ?? [] }
      const svg = await drawForecast({ name: target, history: before, times, values: own, bands })
      figures.push({ svg, ...(series !== null && { caption: series }) })
    }
  await writeFigures(path, 'Forecast', figures)
}

const cell = (text: string): string =>
  /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

/** A line for each step of each series. */
function csvOf(forecasts: readonly Omit<SeriesForecast, 'history'>[]): string {
  const [first] = forecasts
  if (first === undefined) return ''
  const targets = Object.keys(first.values)
  const columns = targets.flatMap((target) => [
    { name: target, of: ({ values }: Omit<SeriesForecast, 'history'>) => values[target] },
    ...Object.keys(first.quantiles?.[target] ?? {}).map((level) => ({
      name: `${target} ${level}`,
      of: ({ quantiles }: Omit<SeriesForecast, 'history'>) => quantiles?.[target]?.[level],
    })),
  ])
  const named = first.series === null ? ['time'] : ['series', 'time']
  const lines = [[...named, ...columns.map(({ name }) => name)]]
  for (const one of forecasts)
    one.times.forEach((time, h) => {
      const where = one.series === null ? [time] : [one.series, time]
      lines.push([...where, ...columns.map(({ of }) => String(of(one)?.[h]))])
    })
  return lines.map((line) => `${line.map(cell).join(',')}\n`).join('')
}
