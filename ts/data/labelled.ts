/** Texts with their labels, as classifiers learn them: out of tables, checked, and parted. */
import { checkText, isListOf, isObject, optionsOf, type Names } from '../check'
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
  type Column,
  type TableOptions,
} from './table'

/** A text, or several fields of one, with its label, or with any number of them. */
export interface Labelled {
  /** The text, or its fields. */
  text: string | readonly string[]
  /** Its label; several of a multi-label model's examples. */
  label: string | readonly string[]
}

/** Options of {@link readLabelled}: which columns hold what. */
export interface LabelledOptions extends Omit<TableOptions, 'columns'> {
  /** The column of the text; several are its fields. Default `text`. */
  text?: Column | readonly Column[] | undefined
  /** The column of the label. Default `label`. */
  label?: Column | undefined
  /** What parts several labels in a cell. Every example has a list of labels then, which may be empty. */
  labelSeparator?: string | undefined
}

const { columns: _, ...ofTables } = TABLE_OPTIONS
const OPTIONS: Names<LabelledOptions> = {
  ...ofTables,
  text: true,
  label: true,
  labelSeparator: true,
}

/**
 * Reads labelled texts of tables: see {@link readTable}. In JSON Lines a label may be a list of labels.
 *
 *     const examples = await readLabelled('reviews.csv', { text: ['title', 'body'], label: 'stars' })
 */
export function readLabelled(
  paths: string | readonly string[],
  options: LabelledOptions = {},
): Table<Labelled> {
  const op = 'read labelled'
  const all = checkPaths(op, paths)
  const {
    text = 'text',
    label = 'label',
    labelSeparator,
    ...table
  } = optionsOf(op, options, OPTIONS)
  checkTableOptions(op, table)
  checkColumn(op, 'text', text)
  expect(op, 'label', typeof label !== 'object', 'one column', label)
  checkColumn(op, 'label', label)
  if (labelSeparator !== undefined) {
    checkText(op, 'labelSeparator', labelSeparator)
    expect(op, 'labelSeparator', labelSeparator !== '', 'at least a character', labelSeparator)
  }
  return new Table(() => labelledRows(all, { ...table, columns: { text, label } }, labelSeparator))
}

const isStrings = (x: unknown): x is string[] => isListOf(x, (entry) => typeof entry === 'string')

async function* labelledRows(
  paths: readonly string[],
  options: TableOptions,
  separator: string | undefined,
): AsyncGenerator<Labelled> {
  for await (const { cells, path, line } of tableRows(paths, options)) {
    const { text, label } = cells
    const fields = typeof options.columns?.['text'] === 'object'
    if (fields ? !isStrings(text) : typeof text !== 'string')
      throw badFile(path, `line ${line}: text: expected a string, got ${show(text)}`)
    if (typeof label !== 'string' && !isStrings(label))
      throw badFile(path, `line ${line}: label: expected a string or strings, got ${show(label)}`)
    if (separator === undefined && typeof label === 'string' && label.trim() === '')
      throw badFile(path, `line ${line}: label: expected one, got an empty cell`)
    yield {
      text: text as string | string[],
      label:
        separator !== undefined && typeof label === 'string' ? parted(label, separator) : label,
    }
  }
}

const parted = (cell: string, separator: string): string[] => [
  ...new Set(
    cell
      .split(separator)
      .map((label) => label.trim())
      .filter(Boolean),
  ),
]

/** Throws `ERR_ARGUMENT` for an example that is none. */
export function checkLabelled(
  op: string,
  example: unknown,
  index: number,
): asserts example is Labelled {
  const { text, label } = isObject(example) ? example : {}
  const valid = (x: unknown) => typeof x === 'string' || isStrings(x)
  const texts =
    valid(text) && (text as string | string[]).length >= (typeof text === 'string' ? 0 : 1)
  if (texts && valid(label)) return
  throw new RnnativeError(
    'ERR_ARGUMENT',
    `[${op}] example ${index}: expected { text, label }, each a string or strings, got ` +
      (isObject(example) ? `{ text: ${show(text)}, label: ${show(label)} }` : show(example)),
  )
}

/** All examples, checked; `ERR_EMPTY` for none. */
export async function gatherLabelled(
  op: string,
  examples: Iterable<Labelled> | AsyncIterable<Labelled>,
): Promise<Labelled[]> {
  const check = (one: unknown, index: number) => checkLabelled(op, one, index)
  const all = await gather(op, 'examples', examples, '{ text, label }', check)
  if (all.length === 0)
    throw new RnnativeError('ERR_EMPTY', `[${op}] examples: expected at least one`)
  return all
}
