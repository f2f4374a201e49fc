// Charts of the recorded runs, one page that needs no other file:
//
//   node bench/report.mjs [--from DIR] [--out FILE]     default: bench/results, bench/report.html
//
// Needs vega and vega-lite.
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { writeFigures } from '#dist/report/page.js'
import { drawSvg } from '#dist/report/vega.js'
import { recordedOn } from './measure/markdown.mjs'
import { isForeign, readRecord } from './measure/reading.mjs'
import { SUITES } from './suites.mjs'
import { recorded } from './tables.mjs'

const HERE = import.meta.dirname
/** A chart of this many rows can still be read. */
const MOST_ROWS = 44

const chunks = (all, size) =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  )

/** How many times as good ours is, by row and rival, on a scale of doublings with a line at 1. */
function ratioChart(rows) {
  const values = rows.map(({ row, rival, ratio, ratioNoise }) => ({
    ...{ row, rival, ratio },
    ...{ low: ratio / (1 + (ratioNoise ?? 0)), high: ratio * (1 + (ratioNoise ?? 0)) },
  }))
  const y = { field: 'row', type: 'nominal', sort: null, title: null, axis: { labelLimit: 420 } }
  const scale = { type: 'log', base: 2, nice: false }
  const x = { field: 'ratio', type: 'quantitative', title: 'times as good as the rival', scale }
  const color = { field: 'rival', type: 'nominal', title: null }
  return {
    ...{ width: 520, height: { step: 16 }, data: { values } },
    layer: [
      { mark: { type: 'rule', color: '#999', strokeDash: [4, 3] }, encoding: { x: { datum: 1, type: 'quantitative', scale } } },
      { mark: 'rule', encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' }, color } },
      { mark: { type: 'point', filled: true, size: 45, opacity: 1 }, encoding: { y, x, color } },
    ],
  } // prettier-ignore
}

/** Figures of rows that are held against nobody. */
function plainChart(rows) {
  const values = rows.map(({ row, ours, unit }) => ({ row, ours, unit }))
  return {
    ...{ width: 520, height: { step: 16 }, data: { values } },
    mark: 'bar',
    encoding: {
      y: { field: 'row', type: 'nominal', sort: null, title: null, axis: { labelLimit: 420 } },
      x: { field: 'ours', type: 'quantitative', title: values[0].unit, scale: { type: 'log' } },
    },
  }
}

function chartsOf(suite, record) {
  const rows = readRecord(suite, record).filter((row) => !row.unavailable)
  const compared = rows.filter(({ ratio }) => Number.isFinite(ratio))
  const rivals = [...new Set(compared.map(({ rival }) => rival))]
  const others = rows.filter(({ ratio, ours }) => !Number.isFinite(ratio) && ours > 0)
  const units = [...new Set(others.map(({ unit }) => unit))]
  const about =
    rivals.length > 0 ? ` Beside ${rivals.filter(isForeign).join(', ') || rivals.join(', ')}.` : ''
  const ids = chunks([...new Set(compared.map(({ row }) => row))], MOST_ROWS)
  return [
    ...ids.map((chosen, i) => ({
      specification: ratioChart(compared.filter(({ row }) => chosen.includes(row))),
      caption: `${suite.name}${ids.length > 1 ? `, ${i + 1} of ${ids.length}` : ''}. ${recordedOn(record)}${about}`,
    })),
    ...units.map((unit) => ({
      specification: plainChart(others.filter((row) => row.unit === unit)),
      caption: `${suite.name}, ${unit}. ${recordedOn(record)}`,
    })),
  ]
}

/** Draws what is recorded in a folder. */
export async function writeReport(
  from = path.join(HERE, 'results'),
  file = path.join(HERE, 'report.html'),
) {
  const figures = []
  for (const suite of SUITES) {
    const record = recorded(suite, from)
    if (record === null) continue
    for (const { specification, caption } of chartsOf(suite, record))
      figures.push({ svg: await drawSvg(specification), caption })
  }
  await writeFigures(file, 'rnnative: what was measured', figures)
  console.log(`${figures.length} charts in ${path.relative(process.cwd(), file)}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { from: { type: 'string' }, out: { type: 'string' } } })
  await writeReport(
    values.from && path.resolve(values.from),
    values.out && path.resolve(values.out),
  )
}
