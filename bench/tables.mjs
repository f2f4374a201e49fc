// Writes the tables of README.md and docs/ from what is recorded in bench/results, between `<!-- bench:NAME -->` and
// `<!-- /bench:NAME -->`:
//
//   node bench/tables.mjs [--check]
//
// --check writes nothing, and fails where a table is not what the records say.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { layerTables, recordedOn, sectionTables, table } from './measure/markdown.mjs'
import { isForeign, readRecord } from './measure/reading.mjs'
import { SUITES } from './suites.mjs'

const ROOT = path.resolve(import.meta.dirname, '..')
const RESULTS = path.join(ROOT, 'bench/results')

/** The recorded run of a suite, or null. */
export function recorded(suite, folder = RESULTS) {
  const file = path.join(folder, `${suite.record}.json`)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
}

const records = () =>
  SUITES.map((suite) => ({ suite, record: recorded(suite) })).filter(
    ({ record }) => record !== null,
  )

const times = (ratio) => `${ratio.toFixed(2)}×`
/** The range of some ratios; bold where ours is ahead in all. */
function range(ratios) {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(times)
  const text = least === most ? least : `${least} to ${most}`
  return Math.min(...ratios) >= 1 ? `**${text}**` : text
}

/** The ratio to the fastest foreign rival, for every row that has one. */
function againstFastest(rows) {
  const best = new Map()
  for (const { row, rival, ratio } of rows)
    if (isForeign(rival) && Number.isFinite(ratio))
      best.set(row, Math.min(best.get(row) ?? Infinity, ratio))
  return [...best.values()]
}

const number = (value) => {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
const quantity = (value, unit) =>
  value === null || value === undefined ? '' : `${number(value)} ${unit}`

/** Lines of README.md: what, which rows of which suite, beside whom. */
const LINES = [
  ['LSTM layers of eleven sizes, f32, 2 threads: inference', 'layers', /lstm\/infer\/f32\/.*\/2$/, 'the faster of PyTorch and onnxruntime'],
  ['the same, training', 'layers', /lstm\/train\/f32\/.*\/2$/, 'PyTorch'],
  ['GRU layers of the same sizes: inference', 'layers', /gru\/infer\/f32\/.*\/2$/, 'the faster of PyTorch and onnxruntime'],
  ['the same, training', 'layers', /gru\/train\/f32\/.*\/2$/, 'PyTorch'],
  ['all of these in bf16', 'layers', /\/bf16\/.*\/2$/, "PyTorch's bf16"],
  ['whole training steps of language models, f32', 'steps', /^steps\/[^ ]*$/, 'PyTorch'],
  ['ragged batches, both directions', 'steps', /^ragged\/[^ ]*$/, "PyTorch's packed or padded sequences"],
  ['a stream of characters from an LSTM 2×512', 'steps', /^generation\/[^ ]*$/, 'the faster of PyTorch and onnxruntime-node'],
  ['additive attention, forward and backward', 'attention', /K?k?30$/, 'the fastest of several forms in PyTorch'],
  ['training steps of a BiGRU encoder-decoder with attention', 'decoder', /./, 'the fastest of several forms in PyTorch'],
  ['translating 1,000 sentences, beam 5', 'decoding', /./, 'a vectorised beam search in PyTorch'],
  ['a conditional random field, forward and backward', 'crf', /./, 'PyTorch'],
  ['text classifiers and a tagger, over raw texts', 'texts', /./, "PyTorch's steps over batches laid out already"],
  ['a forecaster of segments, training', 'forecaster', /./, 'PyTorch'],
  ['a character model, 30 s of training', 'char-lm', /./, 'PyTorch'],
  ['LSTM and GRU layers in int8', 'int8', /./, "the faster of PyTorch's and onnxruntime's dynamic quantisation"],
  ['two ranks of one thread', 'ranks', /./, "PyTorch's DDP"],
] // prettier-ignore

function speedTable() {
  const lines = LINES.flatMap(([what, name, pattern, whom]) => {
    const suite = SUITES.find((one) => one.name === name)
    const record = recorded(suite)
    const rows = record ? readRecord(suite, record).filter(({ row }) => pattern.test(row)) : []
    const ratios = againstFastest(rows)
    if (ratios.length === 0) return []
    return [[what, range(ratios), whom, `\`npm run bench -- --only ${name}\``]]
  })
  return table(['what', 'times as fast', 'as', 'command'], lines)
}

/** Every row of a suite, ours beside theirs. */
function suiteTable({ suite, record }) {
  const lines = readRecord(suite, record).map((row) => {
    const { rival, unit, ours, theirs, ratio, noise, unavailable } = row
    if (unavailable)
      return [row.row, rival ?? '', quantity(ours, unit), `n/a (${unavailable})`, '', '']
    const ahead = ratio === null ? '' : ratio < 1 ? `**${times(ratio)}**` : times(ratio)
    const spread = noise === null || noise === undefined ? '' : `${(100 * noise).toFixed(1)}%`
    return [row.row, rival ?? '', quantity(ours, unit), quantity(theirs, unit), ahead, spread]
  })
  const heads = ['', 'beside', 'ours', 'theirs', 'times as good', 'noise']
  return [`### ${suite.name}`, recordedOn(record), table(heads, lines)].join('\n\n')
}

/** Suites with tables of a form of their own. */
const DETAILED = ['layers', 'steps', 'training-memory']

/** Startup times by what was started. */
function simpleTable(name) {
  const suite = SUITES.find((one) => one.name === name)
  const record = recorded(suite)
  return record === null ? '' : suiteTable({ suite, record })
}

const figures = (name, make) => {
  const record = recorded(SUITES.find((one) => one.name === name))
  return record === null ? '' : `${recordedOn(record)}\n\n${make(record)}`
}

/** What stands between the markers, by name. */
export const TABLES = {
  speed: speedTable,
  layers: () => figures('layers', layerTables),
  steps: () => figures('steps', sectionTables),
  'training-memory': () => figures('training-memory', sectionTables),
  startup: () => simpleTable('startup'),
  others: () =>
    records()
      .filter(({ suite }) => ![...DETAILED, 'startup'].includes(suite.name))
      .map(suiteTable)
      .join('\n\n'),
}

const pages = () => [
  'README.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
]

/** A page with its tables as the records say. */
export function withTables(text, page) {
  const opened = text.match(/^<!-- bench:[\w-]+ -->$/gm)?.length ?? 0
  let written = 0
  const made = text.replace(/^<!-- bench:([\w-]+) -->\n[^]*?^<!-- \/bench:\1 -->$/gm, (_, name) => {
    if (TABLES[name] === undefined)
      throw new Error(`${page}: no table ${name}: ${Object.keys(TABLES).join(', ')}`)
    ++written
    return `<!-- bench:${name} -->\n${TABLES[name]()}\n<!-- /bench:${name} -->`
  })
  if (written !== opened) throw new Error(`${page}: a <!-- bench:… --> has no <!-- /bench:… -->`)
  return made
}

/** Writes the tables, or with `check` only tells which pages differ. */
export function writeTables({ check = false } = {}) {
  const different = []
  for (const page of pages()) {
    const file = path.join(ROOT, page)
    const text = readFileSync(file, 'utf8')
    const made = withTables(text, page)
    if (made === text) continue
    different.push(page)
    if (!check) writeFileSync(file, made)
  }
  return different
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const check = process.argv.includes('--check')
  const different = writeTables({ check })
  for (const page of different)
    console.log(
      check
        ? `${page}: its tables are not what bench/results say: node bench/tables.mjs`
        : `${page} written`,
    )
  if (check && different.length > 0) process.exitCode = 1
}
