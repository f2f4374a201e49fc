/** Documents with their summaries, in tables. */
import { isListOf, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { gather } from './gather'
import { badFile } from './pieces'
import {
  checkColumn,
  checkPaths,
  checkTableOptions,
  Table,
  TABLE_OPTIONS,
  tableRows,
} from './table'
import type { Column, TableOptions } from './table'

/** A document, as a text or as its sentences, and a summary of it, or several of which any is good. */
export interface Summarized {
  /** The document, or its sentences. */
  text: string | readonly string[]
  /** Its summary, or the sentences of it. */
  summary: string | readonly string[]
}

/** Options of {@link readSummaries}: which columns hold what. */
export interface SummariesOptions extends Omit<TableOptions, 'columns'> {
  /** The column of the document. Default `text`. */
  text?: Column | undefined
  /** The column of the summary. Default `summary`. */
  summary?: Column | undefined
}

const { columns: _, ...ofTables } = TABLE_OPTIONS
const OPTIONS: Names<SummariesOptions> = { ...ofTables, text: true, summary: true }

/**
 * Reads documents and summaries of tables: see {@link readTable}. In JSON Lines a document may be a list of its sentences,
 * and there may be a list of summaries.
 *
 *     const examples = await readSummaries('train.jsonl.gz', { text: 'source', summary: 'target' })
 */
export function readSummaries(
  paths: string | readonly string[],
  options: SummariesOptions = {},
): Table<Summarized> {
  const op = 'read summaries'
  const all = checkPaths(op, paths)
  const { text = 'text', summary = 'summary', ...table } = optionsOf(op, options, OPTIONS)
  checkTableOptions(op, table)
  for (const [name, column] of Object.entries({ text, summary })) {
    expect(op, name, typeof column !== 'object', 'one column', column)
    checkColumn(op, name, column)
  }
  return new Table(async function* () {
    for await (const { cells, path, line } of tableRows(all, {
      ...table,
      columns: { text, summary },
    })) {
      const { text, summary } = cells
      if (!isSummarized({ text, summary }))
        throw badFile(
          path,
          `line ${line}: expected strings, got ${show(text)} and ${show(summary)}`,
        )
      yield { text, summary } as Summarized
    }
  })
}

const isTexts = (x: unknown): boolean =>
  typeof x === 'string' || isListOf(x, (one) => typeof one === 'string')

/** Whether a row has a document and a summary, or several. */
export const isSummarized = ({ text, summary }: Record<string, unknown>): boolean =>
  isTexts(text) && isTexts(summary) && (typeof summary === 'string' || (summary as []).length > 0)

/** All examples, checked; `ERR_EMPTY` for none. */
export async function gatherSummaries(
  op: string,
  examples: Iterable<Summarized> | AsyncIterable<Summarized>,
): Promise<Summarized[]> {
  const expected = '{ text, summary }, each a string or strings'
  const check = (one: unknown, index: number) =>
    expect(op, `example ${index}`, isObject(one) && isSummarized(one), expected, one)
  const all = await gather(op, 'examples', examples, '{ text, summary }', check)
  if (all.length > 0) return all
  throw new RnnativeError('ERR_EMPTY', `[${op}] examples: expected at least one`)
}
