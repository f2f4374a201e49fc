/** Pairs out of lines. */
import { RnnativeError } from '../errors'
import { Pauses } from '../pauses'
import { readLines } from '../text'
import type { Pair } from './pairs'

/**
 * Pairs the lines of two files, gzip allowed. A target line may hold several references, separated by
 * tabs. Throws `ERR_FORMAT` when the files differ in their number of lines or a reference of several is
 * empty, and as `readText`.
 */
export async function readPairs(sourcePath: string, targetPath: string): Promise<Pair[]> {
  const [sources, targets] = await Promise.all([readLines(sourcePath), readLines(targetPath)])
  return pairLines(sources, targets, { source: sourcePath, target: targetPath })
}

/** Pairs that are made without a pause. */
const STRETCH = 1 << 12

/** Pairs lines; `names`: where they are from. `ERR_FORMAT` as of {@link readPairs}. */
export async function pairLines(
  sources: readonly string[],
  targets: readonly string[],
  names: { source: string; target: string },
): Promise<Pair[]> {
  const fail = (problem: string) =>
    new RnnativeError('ERR_FORMAT', `[read] ${names.target}: ${problem}`)
  if (sources.length !== targets.length)
    throw fail(`expected ${sources.length} lines as in ${names.source}, got ${targets.length}`)
  const pairs: Pair[] = []
  const pauses = new Pauses()
  for (const [i, source] of sources.entries()) {
    const references = (targets[i] as string).split('\t')
    const [only] = references
    // An empty text would be as good a target as the others.
    if (references.length > 1 && references.includes(''))
      throw fail(`line ${i + 1}: a tab with nothing before or after it, where tabs part references`)
    pairs.push([source, references.length === 1 ? (only as string) : references])
    if (pairs.length % STRETCH === 0 && pauses.due) await pauses.pause()
  }
  return pairs
}
