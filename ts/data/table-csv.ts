/** Records of files whose columns a separator parts, by csv-parse, an optional package: only who reads such has it. */
import { pipeline, type Transform } from 'node:stream'
import { RnnativeError } from '../errors'
import { needed } from '../packages'
import { badFile, countOf, piecesOf, type Piece } from './pieces'

/** A row as it stands in the file: its cells, and the line on which it begins. */
export interface Rec {
  cells: readonly string[]
  line: number
}

export interface CsvOptions {
  /** Undefined: found out. */
  separator: string | undefined
  /** Undefined: unless tabs part the columns. */
  quotes: boolean | undefined
}

/** What is used of csv-parse, whose types an installation without it lacks. */
type Parse = (options: object) => Transform & AsyncIterable<Parsed>
interface Parsed {
  record: string[]
  /** `bytes`: of the file up to the record's end. */
  info: { bytes: number }
}

const load = (path: string): Parse =>
  needed(
    `[read] ${path}: CSV and TSV need`,
    'csv-parse',
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    () => (require('csv-parse') as { parse: Parse }).parse,
  )

/** Bytes of the largest row: a quotation mark that is never closed takes in what is left of the file. */
const LARGEST = 2 ** 26

/** The rows of a file, blank lines left out. Errors as of {@link piecesOf}; `ERR_FORMAT` with the line of a bad row. */
export async function* csvRows(path: string, options: CsvOptions): AsyncGenerator<Rec> {
  const parse = load(path)
  const pieces = piecesOf(path)
  const first = await pieces.next()
  if (first.done) return
  const { separator = findSeparator(first.value.bytes, path) } = options
  const { quotes = separator !== '\t' } = options
  const parser = parse({
    ...{ delimiter: separator, quote: quotes ? '"' : null, record_delimiter: ['\r\n', '\n'] },
    ...{ relax_column_count: true, skip_empty_lines: true, info: true, max_record_size: LARGEST },
  })
  const lines = new LinesByByte()
  pipeline(lines.watching(first.value, pieces), parser, () => undefined)
  let end = 0
  try {
    for await (const { record, info } of parser) {
      yield { cells: record, line: lines.at(end) }
      end = info.bytes
    }
  } catch (error) {
    // Rows before the bad one may be lost with it.
    const { code = '', bytes = 0 } = error as { code?: string; bytes?: number }
    if (error instanceof RnnativeError || !/CSV|QUOTE/.test(code)) throw error
    throw badFile(path, `line ${lines.at(Math.max(end, bytes))}: ${reasonOf(code)}`, error)
  } finally {
    await pieces.return(undefined) // else the file stays open where nobody reads on
  }
}

function reasonOf(code: string): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quotation mark that is not closed'
  if (code === 'CSV_MAX_RECORD_SIZE') return `a row of more than ${LARGEST} bytes`
  return 'a quotation mark within a field: double it, or say that they are ordinary (quotes: false)'
}

const [LINE_FEED, RETURN] = [10, 13]

/** Which line a byte is on: csv-parse counts some line ends twice. */
class LinesByByte {
  private pieces: (Piece & { begin: number })[] = []
  private end = 0

  /** The bytes of pieces, remembered until what comes after them is asked for. */
  async *watching(first: Piece, rest: AsyncIterable<Piece>): AsyncGenerator<Buffer> {
    yield this.took(first)
    for await (const piece of rest) yield this.took(piece)
  }

  private took(piece: Piece): Buffer {
    this.pieces.push({ ...piece, begin: this.end })
    this.end += piece.bytes.length
    return piece.bytes
  }

  /** The line of the first byte from `at` on that is none of a line end. Never asked for an earlier one again. */
  at(at: number): number {
    for (let piece; (piece = this.pieces[0]); this.pieces.shift()) {
      const { bytes, begin } = piece
      let own = Math.max(0, at - begin)
      while (bytes[own] === LINE_FEED || bytes[own] === RETURN) ++own
      if (own >= bytes.length && this.pieces.length > 1) continue
      // What was counted is let go, so that no byte is counted twice.
      piece.line += countOf(bytes.subarray(0, own), LINE_FEED)
      piece.bytes = bytes.subarray(own)
      piece.begin += own
      return piece.line
    }
    return 1
  }
}

const SEPARATORS = ['\t', ',', ';', '|']
/** Rows that are looked at. */
const LOOKED_AT = 32

/** The separator that the most of the first rows have as often as the very first one. */
function findSeparator(bytes: Buffer, path: string): string {
  if (/\.(tsv|tab)(\.gz)?$/i.test(path)) return '\t'
  const text = bytes.toString('utf8')
  let [best, most] = [',', 0]
  for (const separator of SEPARATORS) {
    const [first = 0, ...others] = separatorsOf(text, separator)
    if (first === 0) continue
    const share = (1 + others.filter((count) => count === first).length) / (1 + others.length)
    if (share > most) [best, most] = [separator, share]
  }
  return best
}

/** How many separators each of the first rows has, but for those within quotation marks. */
function separatorsOf(text: string, separator: string): number[] {
  const counts: number[] = []
  let [count, quoted] = [0, false]
  for (const character of text) {
    if (character === '"' && separator !== '\t') quoted = !quoted
    else if (quoted) continue
    else if (character === separator) ++count
    else if (character === '\n') {
      if (counts.push(count) === LOOKED_AT) return counts
      count = 0
    }
  }
  return count > 0 || counts.length === 0 ? [...counts, count] : counts
}
