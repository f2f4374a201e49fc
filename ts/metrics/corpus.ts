/** What the metrics over a corpus of hypotheses and references have in common. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isListOf } from '../check'
import { expect, RnnativeError } from '../errors'

/** The references of one hypothesis: one, or several of which any may be matched. */
export type References = string | readonly string[]

/** Figures that a whole corpus has in one metric. */
export interface CorpusScore {
  /** In percent, unrounded. Of some metrics it exceeds 100. */
  score: number
  /**
   * The settings, in sacreBLEU's notation, so that figures can be compared. The version is that of
   * this implementation (`rnnative-0.1.0`), whose results are tested against sacreBLEU's.
   */
  signature: string
}

export interface Segment {
  hypothesis: string
  references: readonly string[]
}

/** Pairs hypotheses with references; `ERR_ARGUMENT` when they do not fit, `ERR_EMPTY` for none. */
export function segmentsOf(
  metric: string,
  hypotheses: readonly string[],
  references: readonly References[],
): Segment[] {
  for (const [name, given] of Object.entries({ hypotheses, references }))
    expect(metric, name, Array.isArray(given), 'a list of strings', given)
  if (hypotheses.length !== references.length)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[${metric}] references: expected ${hypotheses.length}, one entry per hypothesis, ` +
        `got ${references.length}`,
    )
  if (hypotheses.length === 0)
    throw new RnnativeError('ERR_EMPTY', `[${metric}] hypotheses: expected at least one`)
  return Array.from(hypotheses, (hypothesis, i) => {
    const given = references[i] as References
    const all = typeof given === 'string' ? [given] : given
    const list = `a string, or several, for hypothesis ${i}`
    expect(metric, 'references', Array.isArray(all), list, given)
    if (all.length === 0)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[${metric}] references: expected at least one for hypothesis ${i}`,
      )
    if (typeof hypothesis !== 'string' || !isListOf(all, (text) => typeof text === 'string'))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${metric}] hypothesis ${i} and its references: expected strings`,
      )
    return { hypothesis, references: all }
  })
}

// White space as Python's str.split knows it, which published scores rest on. JavaScript's \s lacks
// the separators from U+001C on and the next line U+0085, and has the byte-order mark besides.
const SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+'
const SPACES = new RegExp(SPACE, 'u')
const ALL_SPACES = new RegExp(`^${SPACE}$`, 'u')

/** What stands between white space. */
export const words = (text: string): string[] => text.split(SPACES).filter((word) => word !== '')

// Not by /…+$/, which begins anew at each space of a run that is not the last.
export function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && ALL_SPACES.test(text.charAt(end - 1))) --end
  return text.slice(0, end)
}

export type Counts = ReadonlyMap<string, number>

export function count(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

/** All runs of `order` items, joined by `glue`. */
export function* ngrams(items: readonly string[], order: number, glue: string): Generator<string> {
  for (let end = order; end <= items.length; ++end) yield items.slice(end - order, end).join(glue)
}

let version: string | undefined

/** `nrefs:1|…|version:rnnative-0.1.0`; `nrefs:var` when their number varies. */
export function signatureOf(
  segments: readonly Segment[],
  settings: Readonly<Record<string, string | number>>,
): string {
  const path = join(__dirname, '..', '..', 'package.json')
  version ??= (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
  const first = segments[0]?.references.length ?? 0
  const same = segments.every(({ references }) => references.length === first)
  const all = { nrefs: same ? first : 'var', ...settings, version: `rnnative-${version}` }
  return Object.entries(all)
    .map(([name, value]) => `${name}:${value}`)
    .join('|')
}
