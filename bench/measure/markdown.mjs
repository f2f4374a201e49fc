// Recorded rows of bench/peers.mjs as tables, so that no figure of them is typed by hand.
import { formatRatio, formatSize, formatSpeed, formatTime } from './format.mjs'

const unique = (values) => [...new Set(values)]
export const table = (heads, rows) =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`

const sizes = ({ layers, steps, batch, input, hidden }) =>
  [layers, steps, batch, input, hidden].join(' ')
const kindOf = ({ cell, mode }) => `${cell.toUpperCase()} ${mode}`

/** The ratio to the fastest rival, in bold where that one is faster. */
function fastestRival({ ratio = {} }) {
  const rivals = Object.entries(ratio).filter(([name]) => !name.startsWith('ours'))
  if (rivals.length === 0) return ''
  const [name, least] = rivals.reduce((a, b) => (b[1] < a[1] ? b : a))
  return `${least < 1 ? `**${formatRatio(least)}**` : formatRatio(least)} ${name}`
}

/** Shapes down, cells and modes across. */
function grid(rows, cell) {
  const kinds = unique(rows.map(kindOf))
  const lines = unique(rows.map(sizes)).map((name) => [
    name,
    ...kinds.map((kind) => {
      const row = rows.find((row) => sizes(row) === name && kindOf(row) === kind)
      return row ? cell(row) : ''
    }),
  ])
  return table(['layers T B I H', ...kinds], lines)
}

function summaryCell({ results: { ours } }) {
  if (ours.unavailable) return `n/a (${ours.unavailable})`
  return `${ours.percent.toFixed(0)}%, ${fastestRival(ours)}`
}

function detailTable(rows) {
  const names = unique(rows.flatMap(({ results }) => Object.keys(results)))
  const lines = rows.map((row) => {
    const cells = names.map((name) => {
      const result = row.results[name]
      if (!result) return ''
      if (result.unavailable) return 'n/a'
      const ratio = row.results.ours.ratio?.[name]
      return [formatTime(result.milliseconds), `${result.percent.toFixed(0)}%`, formatRatio(ratio)]
        .filter(Boolean)
        .join(', ')
    })
    return [kindOf(row), sizes(row), ...cells, row.peak.toFixed(0)]
  })
  return table(['', 'layers T B I H', ...names, 'peak, GFLOP/s'], lines)
}

function layerSections(rows) {
  const parts = []
  for (const precision of unique(rows.map((row) => row.precision)))
    for (const threads of unique(rows.map((row) => row.threads)).reverse()) {
      const chosen = rows.filter((row) => row.precision === precision && row.threads === threads)
      if (chosen.length === 0) continue
      parts.push(
        `### ${precision}, ${plural(threads, 'thread')}`,
        'Part of the fp32 peak that ours reaches, and how many times as long the fastest rival takes:',
        grid(chosen, summaryCell),
        `<details><summary>Milliseconds of everyone</summary>\n\n${detailTable(chosen)}\n\n</details>`,
      )
    }
  return parts
}

function scalingSection(rows) {
  const single = new Map(rows.filter((row) => row.threads === 1).map((row) => [row.id, row]))
  const pairs = rows.filter(
    ({ threads, precision, id }) =>
      threads === 2 && precision === 'f32' && single.has(id.replace(/2$/, '1')),
  )
  if (pairs.length === 0) return []
  const speedUp = ({ id, results }) => {
    const one = single.get(id.replace(/2$/, '1')).results.ours
    return formatRatio(one.milliseconds / results.ours.milliseconds)
  }
  return ['### From one thread to two, ours in f32', grid(pairs, speedUp)]
}

/** Entrants across; each with its speed, how many times as long as ours it takes, and ours against rivals. */
function entrantTable(rows, format) {
  const names = unique(rows.flatMap(({ results }) => Object.keys(results)))
  const lines = rows.map(({ id, results }) => {
    const cells = names.map((name) => {
      const result = results[name]
      if (!result) return ''
      if (result.unavailable) return `n/a (${result.unavailable})`
      const ratio = formatRatio(results.ours?.ratio?.[name])
      const rival = name.startsWith('ours') ? fastestRival(result) : ''
      return [format(result), ratio && `${ratio} ours' time`, rival].filter(Boolean).join(', ')
    })
    return [id.split('/').slice(1).join(' '), ...cells]
  })
  return table(['', ...names], lines)
}

const SECTIONS = [
  ['steps', 'Whole training steps, tokens/s', formatSpeed],
  ['generation', 'Generation, tokens/s', formatSpeed],
  ['ragged', 'Ragged batches, real tokens/s', formatSpeed],
  ['memory', 'Growth of peak memory while training', formatSize],
]

/** Where and with what a record was made, as a sentence. */
export function recordedOn({ date, cpu, cores, versions = {}, machine = {} }) {
  if (date === undefined) return 'Recorded without a date.'
  const { isa = machine.isa, node = machine.node, ...others } = versions
  const programs = Object.entries({ ...others, node }).filter(
    ([, version]) => version !== undefined,
  )
  const count = cores ?? machine.cores
  const where = `${count ? `${plural(count, 'core')} of ` : ''}${cpu ?? machine.cpu}${isa ? ` (${isa})` : ''}`
  const names = programs.map(([name, version]) => `${name} ${version}`)
  return `Recorded ${date.slice(0, 10)} on ${where}${names.length > 0 ? `: ${names.join(', ')}` : ''}.`
}

/** Tables of layers: by precision and threads, and from one thread to two. */
export const layerTables = ({ rows }) =>
  [...layerSections(rows), ...scalingSection(rows)].join('\n\n')

/** A table of each other kind of row that there is. */
export const sectionTables = ({ rows }) =>
  SECTIONS.flatMap(([section, title, format]) => {
    const chosen = rows.filter((row) => row.section === section)
    if (chosen.length === 0) return []
    return [`### ${title} (last number: threads)`, entrantTable(chosen, format)]
  }).join('\n\n')
