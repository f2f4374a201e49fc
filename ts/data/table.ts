/** Tables in files: CSV and its kin, and JSON Lines, row by row or whole. */
import {
  checkChoice,
  checkFlag,
  checkText,
  isListOf,
  isObject,
  isPath,
  optionsOf,
  whole,
} from '../check'
import type { Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { badFile } from './pieces'
import { csvRows, type Rec } from './table-csv'
import { jsonRows, type Cell } from './table-json'

/** A column by the name that it has in the file, or by its number from 1. */
export type Column = string | number

/** Columns by the names that they get in rows. Several together are a list of cells. */
export type Columns = Readonly<Record<string, Column | readonly Column[]>>

/** Options of {@link readTable}. */
export interface TableOptions<C extends Columns = Columns> {
  /** Default: all, by the names that they have in the file (by their numbers, without a header). */
  columns?: C | undefined
  /** Default: JSON Lines where the name ends with .jsonl or .ndjson (or that and .gz), else CSV. */
  format?: 'csv' | 'jsonl' | undefined
  /** Whether the first row of CSV has the columns' names. Default true. */
  header?: boolean | undefined
  /** What parts the columns of CSV. Default: found out (tab, comma, semicolon or bar). */
  separator?: string | undefined
  /**
   * Whether cells of CSV may stand in quotation marks, as of RFC 4180, and hold separators and line ends then. Default:
   * true, but where tabs part the columns: most such files have quotation marks as ordinary ones.
   */
  quotes?: boolean | undefined
}

/** A row: its cells by the names of `columns`. */
export type TableRow<C extends Columns> = {
  -readonly [K in keyof C]: C[K] extends readonly unknown[] ? string[] : string
}

const OPTIONS: Names<TableOptions> = {
  columns: true,
  format: true,
  header: true,
  separator: true,
  quotes: true,
}
export const TABLE_OPTIONS = OPTIONS

/** A row with its cells as they were found, and where it is from. */
export interface FoundRow {
  cells: Record<string, Cell | Cell[]>
  path: string
  line: number
}

/**
 * Reads tables of a CSV file (TSV and other separators, too) or of JSON Lines, gzip allowed; of several files one after
 * the other. All of it by `await`; row by row, in little memory, by `for await`:
 *
 *     const rows = await readTable('reviews.csv', { columns: { text: 'review', label: 'stars' } })
 *     for await (const { title } of readTable('news.jsonl.gz', { columns: { title: 'headline' } })) ...
 *
 * CSV needs the package csv-parse, which is not installed with rnnative; `ERR_ARGUMENT` says so. Blank lines are left
 * out. Throws `ERR_FORMAT`, with the line of the file, for a row with more or fewer cells than the first, or that
 * is no row; for a column that is not there, or there twice; `ERR_IO` and `ERR_EMPTY` as `readText`.
 */
export function readTable<const C extends Columns = Readonly<Record<string, string>>>(
  paths: string | readonly string[],
  options: TableOptions<C> = {},
): Table<TableRow<C>> {
  const all = checkPaths('read table', paths)
  checkTableOptions('read table', optionsOf('read table', options, OPTIONS))
  return new Table(() => plainRows(all, options) as AsyncGenerator<TableRow<C>>)
}

/** Rows that are read anew each time: whole by `await`, one by one by `for await`. */
export class Table<Row> implements AsyncIterable<Row>, PromiseLike<Row[]> {
  constructor(private readonly rows: () => AsyncGenerator<Row>) {}

  /** Its rows, read one after another as they are asked for. */
  [Symbol.asyncIterator](): AsyncGenerator<Row> {
    return this.rows()
  }

  then<A = Row[], B = never>(
    done?: ((rows: Row[]) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.whole().then(done, failed)
  }

  private async whole(): Promise<Row[]> {
    const all: Row[] = []
    for await (const row of this.rows()) all.push(row)
    return all
  }
}

async function* plainRows(
  paths: readonly string[],
  options: TableOptions,
): AsyncGenerator<Record<string, unknown>> {
  for await (const { cells, path, line } of tableRows(paths, options)) {
    for (const [name, cell] of Object.entries(cells))
      if (options.columns === undefined || typeof options.columns[name] !== 'object')
        if (typeof cell !== 'string')
          throw badFile(
            path,
            `line ${line}: ${name}: expected a string or a number, got ${show(cell)}`,
          )
    yield cells
  }
}

export function checkPaths(op: string, paths: string | readonly string[]): readonly string[] {
  const all = Array.isArray(paths) ? (paths as readonly string[]).slice() : [paths as string]
  expect(op, 'paths', all.length > 0 && isListOf(all, isPath), 'a path, or several', paths)
  return all
}

const isColumn = (x: unknown): boolean => typeof x === 'string' || whole(x, 1)

/** Throws `ERR_ARGUMENT` for a column that cannot be one. */
export const checkColumn = (op: string, name: string, column: unknown): void =>
  expect(
    op,
    name,
    isColumn(column) || (isListOf(column, isColumn) && (column as unknown[]).length > 0),
    'the name of a column or its number from 1, or a list of such',
    column,
  )

export function checkTableOptions(op: string, options: TableOptions): void {
  const { columns, format, header, separator, quotes } = options
  if (columns !== undefined) {
    const some = isObject(columns) && Object.keys(columns).length > 0
    expect(op, 'columns', some, 'columns by name', columns)
    for (const [name, column] of Object.entries(columns)) checkColumn(op, `columns.${name}`, column)
  }
  if (format !== undefined) checkChoice(op, 'format', format, ['csv', 'jsonl'])
  for (const [name, value] of Object.entries({ header, quotes }))
    if (value !== undefined) checkFlag(op, name, value)
  if (separator === undefined) return
  checkText(op, 'separator', separator)
  const fits = separator !== '' && !/["\r\n]/.test(separator)
  expect(op, 'separator', fits, 'a text without quotation marks and line ends', separator)
}

/** The rows of several files; their columns are those that options say. */
export async function* tableRows(
  paths: readonly string[],
  options: TableOptions,
): AsyncGenerator<FoundRow> {
  for (const path of paths) {
    const lines =
      (options.format ?? (/\.(jsonl|ndjson)(\.gz)?$/i.test(path) ? 'jsonl' : 'csv')) === 'jsonl'
    yield* lines ? rowsOfJson(path, options) : rowsOfCsv(path, options)
  }
}

async function* rowsOfJson(path: string, { columns }: TableOptions): AsyncGenerator<FoundRow> {
  let names: string[] | undefined
  for await (const { row, line } of jsonRows(path)) {
    const fail = (problem: string) => badFile(path, `line ${line}: ${problem}`)
    names ??= columns === undefined ? Object.keys(row) : undefined
    const all = columns ?? Object.fromEntries((names as string[]).map((name) => [name, name]))
    const take = (column: Column): Cell => {
      if (typeof column === 'number')
        throw new RnnativeError(
          'ERR_ARGUMENT',
          `[read] ${path}: expected columns by name, since those of JSON have no numbers; got ${column}`,
        )
      const cell = Object.hasOwn(row, column) ? row[column] : undefined
      if (cell === undefined || cell === null)
        throw fail(`${column}: expected a value, got ${cell === null ? 'null' : 'none'}`)
      return cell as Cell
    }
    const extra = names && Object.keys(row).find((name) => !names?.includes(name))
    if (extra !== undefined) throw fail(`${extra}: is none of the first row's ${names?.join(', ')}`)
    yield { cells: pick(all, take), path, line }
  }
}

async function* rowsOfCsv(path: string, options: TableOptions): AsyncGenerator<FoundRow> {
  const { header = true, separator, quotes } = options
  let first: Rec | undefined
  let columns: Columns | undefined
  let place: ((column: Column) => number) | undefined
  for await (const rec of csvRows(path, { separator, quotes })) {
    const { cells, line } = rec
    if (first === undefined) {
      first = rec
      const names = header ? cells : cells.map((_, i) => `${i + 1}`)
      place = placesIn(names, header, path)
      columns = options.columns ?? Object.fromEntries(names.map((name) => [name, name]))
      pick(columns, place)
      if (header) continue
    }
    if (cells.length !== first.cells.length) throw ragged(path, rec, first)
    const at = place as (column: Column) => number
    yield { cells: pick(columns as Columns, (column) => cells[at(column)] as string), path, line }
  }
}

function ragged(path: string, { cells, line }: Rec, first: Rec): RnnativeError {
  const hint = cells.some((cell) => cell.startsWith('"')) ? '; is it quoted (quotes: true)?' : ''
  return badFile(
    path,
    `line ${line}: expected ${first.cells.length} columns as in line ${first.line}, ` +
      `got ${cells.length}${hint}`,
  )
}

/** Where columns are in a row of a file that has these names. */
function placesIn(
  names: readonly string[],
  header: boolean,
  path: string,
): (column: Column) => number {
  const places = new Map<string, number>()
  const twice = new Set<string>()
  for (const [i, name] of names.entries())
    if (places.has(name)) twice.add(name)
    else places.set(name, i)
  return (column) => {
    if (typeof column === 'number') {
      if (column > names.length)
        throw badFile(path, `expected a column ${column}, got ${names.length} columns`)
      return column - 1
    }
    if (twice.has(column)) throw badFile(path, `two columns are called ${show(column)}`)
    const found = places.get(column)
    if (found !== undefined) return found
    const known = header ? names.map((name) => show(name)).join(', ') : 'numbers (header: false)'
    throw badFile(path, `expected a column ${show(column)}, got ${known}`)
  }
}

/** The cells of a row, by name. Names such as `__proto__` are ordinary. */
function pick<T>(columns: Columns, take: (column: Column) => T): Record<string, T | T[]> {
  const cells = Object.entries(columns).map(([name, column]): [string, T | T[]] => [
    name,
    typeof column === 'object' ? column.map(take) : take(column as Column),
  ])
  return Object.fromEntries(cells)
}
