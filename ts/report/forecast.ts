import { checkStrings, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { drawSvg } from './vega'

/** What was, and what is said to come. */
export interface ForecastDrawing {
  /** What the numbers are. */
  name?: string | undefined
  /** What was observed; null: nothing. */
  history: { times: readonly string[]; values: readonly (number | null)[] }
  /** Of the forecast's steps. */
  times: readonly string[]
  /** The forecast. */
  values: readonly number[]
  /** Lowest and highest of what is likely, the widest first. */
  bands?: readonly { label: string; low: readonly number[]; high: readonly number[] }[] | undefined
}

const NAMES: Names<ForecastDrawing> = {
  ...{ name: true, history: true, times: true, values: true, bands: true },
}

const isNumbers = (x: unknown): boolean =>
  isListOf(x, (value) => value === null || typeof value === 'number')

function check({ history, times, values, bands = [] }: ForecastDrawing): void {
  expect('forecast', 'history', isObject(history), '{ times, values }', history)
  checkStrings('forecast', 'history.times', history.times)
  checkStrings('forecast', 'times', times)
  expect('forecast', 'bands', isListOf(bands, isObject), 'a list of { label, low, high }', bands)
  const lists: [string, readonly unknown[], number][] = [
    ['history.values', history.values, history.times.length],
    ['values', values, times.length],
    ...bands.flatMap(({ low, high }): [string, readonly unknown[], number][] => [
      ['bands: low', low, times.length],
      ['bands: high', high, times.length],
    ]),
  ]
  for (const [name, list, length] of lists) {
    expect('forecast', name, isNumbers(list), 'a list of numbers', list)
    if (list.length !== length)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[forecast] ${name}: expected ${length} numbers, as times, got ${list.length}`,
      )
  }
}

/** History, forecast and bands over time, as an SVG element. */
export function drawForecast(drawing: ForecastDrawing): Promise<string> {
  check(optionsOf('forecast', drawing, NAMES))
  const { name = 'value', history, times, values, bands = [] } = drawing
  const past = history.times.length
  const at = (list: readonly (number | null)[], first: number, line: string) =>
    list.map((value, i) => ({ step: first + i, value, line }))
  const all = [...history.times, ...times]
  const x = {
    field: 'step',
    type: 'quantitative',
    title: null,
    scale: { domain: [0, Math.max(1, all.length - 1)], nice: false },
    axis: { labelExpr: 'times[datum.value]', tickMinStep: 1, grid: false, labelOverlap: true },
  }
  const y = { type: 'quantitative', title: name, scale: { zero: false } }
  const band = ({ label, low, high }: NonNullable<ForecastDrawing['bands']>[number]) => ({
    data: { values: low.map((from, i) => ({ step: past + i, from, to: high[i], band: label })) },
    mark: { type: 'area', opacity: 0.2, color: '#1f77b4' },
    encoding: { x, y: { ...y, field: 'from' }, y2: { field: 'to' } },
  })
  return drawSvg({
    ...{ width: 640, height: 320 },
    params: [{ name: 'times', value: all }],
    layer: [
      ...bands.map(band),
      {
        data: {
          values: [...at(history.values, 0, 'history'), ...at(values, past, 'forecast')],
        },
        mark: { type: 'line' },
        encoding: {
          x,
          y: { ...y, field: 'value' },
          color: {
            ...{ field: 'line', type: 'nominal', title: null },
            scale: { domain: ['history', 'forecast'], range: ['#222222', '#1f77b4'] },
          },
        },
      },
    ],
  })
}
