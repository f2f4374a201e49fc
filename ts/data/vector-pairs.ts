/** Sequences of vectors and their targets in JSON Lines: `{"source": [[..], ..], "target": ".."}`. */
import { isListOf, isObject, isPath } from '../check'
import { expect, show } from '../errors'
import type { Pair } from './pairs'
import { badFile } from './pieces'
import { jsonRows } from './table-json'
import { vectorsOf, type VectorSequence } from './vectors'

const isVector = (x: unknown): boolean => isListOf(x, (one) => typeof one === 'number')

/** What a row has as its source; `fail` makes the error of one that is none. */
export function sourceIn(row: unknown, fail: (problem: string) => Error): VectorSequence {
  const given = isObject(row) ? row['source'] : row
  if (!isListOf(given, isVector))
    throw fail(`source: expected a list of vectors, got ${show(given)}`)
  return given as number[][]
}

/**
 * Reads sequences of vectors, gzip allowed, and their targets, each a text or a list of several. `ERR_FORMAT` with the line of
 * one that is wrong or has vectors of another size than the first.
 */
export async function readVectorPairs(path: string): Promise<Pair<VectorSequence>[]> {
  expect('read vector pairs', 'path', isPath(path), 'a path', path)
  const pairs: Pair<VectorSequence>[] = []
  let size: number | undefined
  for await (const { row, line } of jsonRows(path)) {
    const fail = (problem: string) => badFile(path, `line ${line}: ${problem}`)
    const source = sourceIn(row, fail) as number[][]
    size ??= source[0]?.length
    if (size !== undefined)
      try {
        vectorsOf('read', 'source', source, size)
      } catch (error) {
        throw fail((error as Error).message.replace('[read] ', ''))
      }
    const target: unknown = row['target']
    const isText = (x: unknown) => typeof x === 'string'
    if (!isText(target) && !(isListOf(target, isText) && (target as string[]).length > 0))
      throw fail(`target: expected a text or several, got ${show(target)}`)
    pairs.push([source, target as string | string[]])
  }
  return pairs
}
