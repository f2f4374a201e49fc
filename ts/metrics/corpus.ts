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

/** Work that may pause now and then: what a metric is, at once or in stretches. */
export type Measuring<T> = Generator<void, T>

/** Segments, words, n-grams or cells of a table that are dealt with without a pause. */
export const STRETCH = 1 << 12

/** Pairs hypotheses with references; `ERR_ARGUMENT` when they do not fit, `ERR_EMPTY` for none. */
export function* segmentsOf(
  metric: string,
  hypotheses: readonly string[],
  references: readonly References[],
): Measuring<Segment[]> {
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
  const segments: Segment[] = []
  for (let i = 0; i < hypotheses.length; ++i) {
    const hypothesis = hypotheses[i]
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
    if (segments.push({ hypothesis, references: all }) % STRETCH === 0) yield
  }
  return segments
}

// White space as Python's str.split knows it, which published scores rest on. JavaScript's \s lacks
// the separators from U+001C on and the next line U+0085, and has the byte-order mark besides.
const SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+'
const SPACES = new RegExp(SPACE, 'u')
const ALL_SPACES = new RegExp(`^${SPACE}$`, 'u')

/** UTF-16 units that are split without a pause. */
const PART = 1 << 16
/** Where a text may be cut: before white space, but not where mteval-v13a joins two lines. */
const CUT = /[\t\r ]|(?<=[^-])\n/g

/** A text in parts that end before white space. */
export function* partsOf(text: string): Generator<string, void> {
  for (let begin = 0, end: number; begin < text.length; begin = end) {
    CUT.lastIndex = begin + PART
    end = text.length - begin > PART ? (CUT.exec(text)?.index ?? text.length) : text.length
    yield text.slice(begin, end)
  }
}

const split = (text: string): string[] => text.split(SPACES).filter((word) => word !== '')

/** What stands between white space, after `change` of each part. */
export function* words(text: string, change = (part: string) => part): Measuring<string[]> {
  if (text.length <= PART) return split(change(text))
  const all: string[] = []
  for (const part of partsOf(text)) {
    for (const word of split(change(part))) all.push(word)
    yield
  }
  return all
}

// Not by /…+$/, which begins anew at each space of a run that is not the last.
export function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && ALL_SPACES.test(text.charAt(end - 1))) --end
  return text.slice(0, end)
}

/** Entries of a map: one of a million stops the event loop each time that it grows. */
const MOST = 1 << 17

/** How often each item occurs. */
export class Counts {
  private readonly maps = [new Map<string, number>()]
  total = 0

  static *of(items: Iterable<string>): Measuring<Counts> {
    const counts = new Counts()
    for (const item of items) {
      counts.add(item)
      if (counts.total % STRETCH === 0) yield
    }
    return counts
  }

  private add(item: string): void {
    ++this.total
    for (const map of this.maps) {
      const count = map.get(item)
      if (count !== undefined) {
        map.set(item, count + 1)
        return
      }
    }
    const last = this.maps.at(-1) as Map<string, number>
    if (last.size < MOST) last.set(item, 1)
    else this.maps.push(new Map([[item, 1]]))
  }

  get(item: string): number {
    for (const map of this.maps) {
      const count = map.get(item)
      if (count !== undefined) return count
    }
    return 0
  }

  *[Symbol.iterator](): Generator<[string, number], void> {
    for (const map of this.maps) yield* map
  }
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
