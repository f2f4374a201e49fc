/** Rows of JSON Lines: an object on each line. */
import { isListOf, isObject } from '../check'
import { show } from '../errors'
import { badFile, piecesOf } from './pieces'

/** Several strings in one cell, such as the labels of an example, are what JSON alone has. */
export type Cell = string | string[]

export interface JsonRow {
  /** Numbers and booleans as their text; null is let stand. */
  row: Record<string, Cell | null>
  line: number
}

const isPlainValue = (x: unknown): x is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof x)

/** The rows of a file; `ERR_FORMAT` with the line of one that is none. Blank lines are left out. */
export async function* jsonRows(path: string): AsyncGenerator<JsonRow> {
  for await (const { bytes, line: first } of piecesOf(path)) {
    let line = first - 1
    for (const text of bytes.toString('utf8').split('\n')) {
      ++line
      if (text.trim() === '') continue
      yield { row: parse(text, path, line), line }
    }
  }
}

function parse(text: string, path: string, line: number): JsonRow['row'] {
  let row: unknown
  try {
    row = JSON.parse(text)
  } catch (error) {
    throw badFile(path, `line ${line}: not valid JSON: ${(error as Error).message}`, error)
  }
  if (!isObject(row)) throw badFile(path, `line ${line}: expected an object, got ${show(row)}`)
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === 'string' || value === null) continue
    if (isPlainValue(value)) row[name] = String(value)
    else if (isListOf(value, isPlainValue)) row[name] = (value as unknown[]).map(String)
    else continue // what nobody asks for may be anything
  }
  return row as JsonRow['row']
}
