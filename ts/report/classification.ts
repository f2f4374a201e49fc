/** A page on a classifier: figures, classes, confusion, and what it was most wrong about. */
import { checkText, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import type { ClassificationScore } from '../metrics/classification'
import { escape, page, writeInto } from './page'

/** A text that was classified; several fields, or a list of labels, as examples have them. */
export interface ClassifiedText {
  /** What was read. */
  text: string | readonly string[]
  /** Its label. */
  actual: string | readonly string[]
  /** What it was taken for. */
  predicted: string | readonly string[]
  /** What the actual label was given, or another number by which texts are worst where it is least. */
  probability: number
  /** What each token counted; shown in place of the text. */
  attention?:
    { readonly tokens: readonly string[]; readonly weights: readonly number[] } | undefined
}

/** What a page on a classifier shows. */
export interface ClassificationReport {
  /** At the top of the page. */
  title: string
  /** As `evaluate` or `metrics.classification` gives it. */
  score: ClassificationScore & { loss?: number | undefined }
  /** Those that are told, the worst first. Default: none. */
  texts?: readonly ClassifiedText[] | undefined
}

const NAMES: Names<ClassificationReport> = { title: true, score: true, texts: true }

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

const row = (tag: 'th' | 'td', cells: readonly unknown[]): string =>
  `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`

const table = (rows: readonly string[]): string => `<table class="wide">${rows.join('\n')}</table>`

/** The darker, the more; `share` in [0, 1]. */
const shade = (share: number): string =>
  `background: rgba(8, 81, 156, ${(0.85 * Math.min(1, Math.max(0, share))).toFixed(3)})`

function confusionTable(
  labels: readonly string[],
  confusion: readonly (readonly number[])[],
): string {
  const head = row('th', ['actual \\ predicted', ...labels])
  const rows = confusion.map((counts, i) => {
    const total = counts.reduce((sum, count) => sum + count, 0)
    const cells = counts.map((count) => {
      const share = total === 0 ? 0 : count / total
      const dark = share > 0.6 ? '; color: white' : ''
      return `<td style="${shade(share)}${dark}; text-align: right">${count}</td>`
    })
    return `<tr><th>${escape(labels[i])}</th>${cells.join('')}</tr>`
  })
  return `<table>${[head, ...rows].join('\n')}</table>`
}

/** A text whose tokens are the darker the more they count. */
function heatMap({ tokens, weights }: NonNullable<ClassifiedText['attention']>): string {
  const most = weights.reduce((a, b) => Math.max(a, b), 0) || 1
  return tokens
    .map((token, i) => {
      const share = (weights[i] ?? 0) / most
      return `<span style="${shade(0.8 * share)}" title="${(weights[i] ?? 0).toFixed(4)}">${escape(token)}</span>`
    })
    .join(' ')
}

const told = (one: string | readonly string[]): string =>
  typeof one === 'string' ? one : one.join(' | ')

function textsTable(texts: readonly ClassifiedText[]): string {
  const rows = texts.map(({ text, actual, predicted, probability, attention }) => {
    const shown = attention ? heatMap(attention) : escape(told(text))
    const labels = [told(actual), told(predicted), probability.toFixed(4)]
    return `<tr>${labels.map((cell) => `<td>${escape(cell)}</td>`).join('')}<td>${shown}</td></tr>`
  })
  return table([row('th', ['actual', 'predicted', 'of the actual', 'text']), ...rows])
}

/** A page that needs no other file and runs no script. */
export function renderClassification(report: ClassificationReport): string {
  const op = 'report'
  const { title, score, texts = [] } = optionsOf(op, report, NAMES)
  checkText(op, 'title', title)
  const scored = isObject(score) && isObject(score.perClass) && Array.isArray(score.labels)
  expect(op, 'score', scored, 'what evaluate gives', score)
  expect(op, 'texts', isListOf(texts, isObject), 'a list of objects', texts)
  const figures = [
    ['examples', score.examples],
    ['accuracy', percent(score.accuracy)],
    ['macro F1', percent(score.macroF1)],
    ['weighted F1', percent(score.weightedF1)],
    ...(score.loss === undefined ? [] : [['loss (nats)', score.loss.toFixed(4)]]),
  ]
  const classes = score.labels.map((label) => {
    const own = Object.hasOwn(score.perClass, label) ? score.perClass[label] : undefined
    const { precision = 0, recall = 0, f1 = 0, support = 0 } = own ?? {}
    return row('td', [label, percent(precision), percent(recall), percent(f1), support])
  })
  const body = [
    table(figures.map((cells) => row('td', cells))),
    '<h2>Labels</h2>',
    table([row('th', ['label', 'precision', 'recall', 'F1', 'examples']), ...classes]),
    ...(score.confusion
      ? ['<h2>Confusion</h2>', confusionTable(score.labels, score.confusion)]
      : []),
    ...(texts.length > 0 ? ['<h2>Worst errors</h2>', textsTable(texts)] : []),
  ]
  return page(title, body.join('\n'))
}

/** Writes {@link renderClassification}'s page; `ERR_IO` when that fails. */
export async function writeClassification(
  path: string,
  report: ClassificationReport,
): Promise<void> {
  await writeInto(path, renderClassification(report))
}
