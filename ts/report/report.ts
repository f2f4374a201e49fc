import { checkText, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { drawAttention, type AttentionMap } from './attention'
import { drawCurves, type Curves } from './chart'
import { escape, page, writeInto } from './page'

/** What {@link writeReport} shows. */
export interface Report {
  /** At the top of the page. */
  title: string
  /** Losses. */
  curves: Curves
  /** Figures to show at the top, as they should read. */
  results: Readonly<Record<string, string | number>>
  /** What the run was made with, by name. */
  settings: Readonly<Record<string, string | number | boolean>>
  /** What the model writes after `prompt`. */
  sample?: { prompt: string; text: string } | undefined
  /** What the model makes of inputs it has not learned from. */
  examples?:
    readonly { source: string; output: string; references: readonly string[] }[] | undefined
  /** What it looked at while it wrote. */
  attention?: readonly AttentionMap[] | undefined
}

const NAMES: Names<Report> = {
  ...{ title: true, curves: true, results: true, settings: true, sample: true, examples: true },
  attention: true,
}

const table = (rows: Readonly<Record<string, unknown>>): string =>
  `<table>${Object.entries(rows)
    .map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`)
    .join('\n')}</table>`

function examplesTable(examples: NonNullable<Report['examples']>): string {
  const row = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`
  const rows = examples.map(({ source, output, references }) =>
    row('td', [source, output, references.join(' | ')]),
  )
  return `<table class="wide">${[row('th', ['source', 'output', 'reference']), ...rows].join('\n')}</table>`
}

/** A page that needs no other file and runs no script. */
export async function renderReport(report: Report): Promise<string> {
  const op = 'report'
  const {
    title,
    curves,
    results,
    settings,
    sample,
    examples = [],
    ...more
  } = optionsOf(op, report, NAMES)
  const { attention = [] } = more
  checkText(op, 'title', title)
  for (const [name, given] of Object.entries({ results, settings }))
    expect(op, name, isObject(given), 'an object', given)
  expect(op, 'sample', sample === undefined || isObject(sample), 'an object', sample)
  for (const [name, given] of Object.entries({ examples, attention }))
    expect(op, name, isListOf(given, isObject), 'a list of objects', given)
  for (const { references } of examples)
    expect(op, 'examples', Array.isArray(references), 'references that are lists', references)
  const section = (heading: string, ...content: string[]) =>
    content.length > 0 ? [`<h2>${heading}</h2>`, ...content] : []
  const body = [
    table(results),
    ...section('Loss', await drawCurves(curves)),
    ...(sample
      ? section('Sample', `<pre><b>${escape(sample.prompt)}</b>${escape(sample.text)}</pre>`)
      : []),
    ...(examples.length > 0 ? section('Examples', examplesTable(examples)) : []),
    ...section('Attention', ...(await Promise.all(attention.map(drawAttention)))),
    ...section('Settings', table(settings)),
  ]
  return page(title, body.join('\n'))
}

/** Writes {@link renderReport}'s page; `ERR_IO` when that fails. */
export async function writeReport(path: string, report: Report): Promise<void> {
  await writeInto(path, await renderReport(report))
}
