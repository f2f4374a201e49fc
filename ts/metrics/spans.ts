/** Entities as tags tell them: `B-PER`, `I-PER`, `O`. */
import { checkChoice, checkStrings, checkWhole, isListOf, isObject, whole } from '../check'
import { expect } from '../errors'
import { atOnce } from '../pauses'

/**
 * How tags tell entities. `bio`: B begins, I goes on (IOB2). `iob1`: I, and B only where two entities of a type touch.
 * `iobes`: also E ends and S is alone; `bmes` has M for I. `none`: tags of words, such as parts of speech; each
 * is an "entity" of one word.
 */
export const TAG_SCHEMES = ['bio', 'iob1', 'iobes', 'bmes', 'none'] as const
/** How tags say where entities begin and end; `none`: each tag is a type of its own. */
export type TagScheme = (typeof TAG_SCHEMES)[number]

/** An entity of the words from `begin` to before `end`. */
export interface Span {
  /** What it is, such as PER. */
  type: string
  /** Its first word. */
  begin: number
  /** The word after its last one. */
  end: number
}

export const OUTSIDE = 'O'

function checkTags(op: string, tags: unknown, scheme: unknown): void {
  checkStrings(op, 'tags', tags)
  checkChoice(op, 'scheme', scheme, TAG_SCHEMES)
}

export interface ParsedTag {
  prefix: string
  type: string
}

/** Tags that are read without a pause. */
const STRETCH = 1 << 12

/** Reads tags, of which there are few kinds. */
function tagReader(): (tag: string) => ParsedTag {
  const known = new Map<string, ParsedTag>()
  return (tag) => {
    const found = known.get(tag) ?? parseTag(tag)
    known.set(tag, found)
    return found
  }
}

const NOTHING: ParsedTag = { prefix: OUTSIDE, type: '' }

/** `B-creative-work` is a B of `creative-work`. Without a hyphen there is no type. */
export function parseTag(tag: string): ParsedTag {
  const at = tag.indexOf('-')
  return at < 0 ? { prefix: tag, type: '' } : { prefix: tag.slice(0, at), type: tag.slice(at + 1) }
}

type Types = 'any' | 'same' | 'other'
/** The prefix before, the prefix after, and how their types must be. `*` is any prefix. */
type Pattern = readonly [string, string, Types]

interface Patterns {
  start: readonly Pattern[]
  inside: readonly Pattern[]
  end: readonly Pattern[]
}

const closed = (inner: string): Patterns => ({
  start: [
    ['*', 'B', 'any'],
    ['*', 'S', 'any'],
  ],
  inside: [
    ['B', inner, 'same'],
    ['B', 'E', 'same'],
    [inner, inner, 'same'],
    [inner, 'E', 'same'],
  ],
  end: [
    ['S', '*', 'any'],
    ['E', '*', 'any'],
  ],
})

const INSIDE: readonly Pattern[] = [
  ['B', 'I', 'same'],
  ['I', 'I', 'same'],
]

/** Those of seqeval's strict mode. */
const STRICT: Readonly<Record<Exclude<TagScheme, 'none'>, Patterns>> = {
  bio: {
    start: [['*', 'B', 'any']],
    inside: INSIDE,
    end: [
      ['I', 'O', 'any'],
      ['I', 'I', 'other'],
      ['I', 'B', 'any'],
      ['B', 'O', 'any'],
      ['B', 'I', 'other'],
      ['B', 'B', 'any'],
    ],
  },
  iob1: {
    start: [
      ['O', 'I', 'any'],
      ['I', 'I', 'other'],
      ['B', 'I', 'any'],
      ['I', 'B', 'same'],
      ['B', 'B', 'same'],
    ],
    inside: INSIDE,
    end: [
      ['I', 'I', 'other'],
      ['I', 'O', 'any'],
      ['I', 'B', 'any'],
      ['B', 'O', 'any'],
      ['B', 'I', 'other'],
      ['B', 'B', 'same'],
    ],
  },
  iobes: closed('I'),
  bmes: closed('M'),
}

function matches(patterns: readonly Pattern[], before: ParsedTag, tag: ParsedTag): boolean {
  const same = before.type === tag.type
  return patterns.some(
    ([first, second, types]) =>
      (first === '*' || first === before.prefix) &&
      (second === '*' || second === tag.prefix) &&
      (types === 'any' || same === (types === 'same')),
  )
}

/** Whole entities alone, as the scheme writes them: what is not is none. */
export const strictSpans = (tags: readonly string[], scheme: TagScheme): Span[] =>
  atOnce(findingStrict(tags, scheme))

/** @internal The same; yields where there may be a pause. */
export function* findingStrict(
  tags: readonly string[],
  scheme: TagScheme,
): Generator<undefined, Span[]> {
  checkTags('strictSpans', tags, scheme)
  if (scheme === 'none') return yield* eachTag(tags)
  const { start, inside, end } = STRICT[scheme]
  const parse = tagReader()
  const at = (i: number): ParsedTag => {
    const tag = tags[i]
    return tag === undefined ? NOTHING : parse(tag)
  }
  const spans: Span[] = []
  for (let i = 0; i <= tags.length;) {
    if (i % STRETCH === STRETCH - 1) yield
    if (!matches(start, at(i - 1), at(i))) {
      ++i
      continue
    }
    let stop = i + 1
    while (stop <= tags.length && matches(inside, at(stop - 1), at(stop)))
      if (++stop % STRETCH === 0) yield
    if (matches(end, at(stop - 1), at(stop))) spans.push({ type: at(i).type, begin: i, end: stop })
    i = stop
  }
  return spans
}

/** As conlleval reads any tags: an entity begins wherever the one before cannot go on. */
export const looseSpans = (tags: readonly string[], scheme: TagScheme): Span[] =>
  atOnce(findingLoose(tags, scheme))

/** @internal The same; yields where there may be a pause. */
export function* findingLoose(
  tags: readonly string[],
  scheme: TagScheme,
): Generator<undefined, Span[]> {
  checkTags('looseSpans', tags, scheme)
  if (scheme === 'none') return yield* eachTag(tags)
  const parse = tagReader()
  const spans: Span[] = []
  let before = NOTHING
  let open: Span | null = null
  for (let i = 0; i <= tags.length; ++i) {
    if (i % STRETCH === STRETCH - 1) yield
    const now = parse(tags[i] ?? OUTSIDE)
    const out = now.prefix === OUTSIDE
    const other = before.type !== now.type
    const ended = ['E', 'S'].includes(before.prefix)
    if (open && (ended || other || out || ['B', 'S'].includes(now.prefix))) {
      spans.push({ ...open, end: i })
      open = null
    }
    if (!out && open === null) open = { type: now.type, begin: i, end: i }
    before = now
  }
  return spans
}

function* eachTag(tags: readonly string[]): Generator<undefined, Span[]> {
  const spans: Span[] = []
  for (const [begin, type] of tags.entries()) {
    if (begin % STRETCH === STRETCH - 1) yield
    spans.push({ type, begin, end: begin + 1 })
  }
  return spans
}

/** The tags of a scheme that tell these entities of so many words; they must not overlap. */
export const tagsOf = (spans: readonly Span[], length: number, scheme: TagScheme): string[] =>
  atOnce(writingTags(spans, length, scheme))

/** @internal The same; yields where there may be a pause. */
export function* writingTags(
  spans: readonly Span[],
  length: number,
  scheme: TagScheme,
): Generator<undefined, string[]> {
  checkWhole('tagsOf', 'length', length, 0, 2 ** 24)
  checkChoice('tagsOf', 'scheme', scheme, TAG_SCHEMES)
  const isSpan = (x: unknown): boolean =>
    isObject(x) &&
    typeof x['type'] === 'string' &&
    whole(x['begin'], 0) &&
    whole(x['end'], x['begin']) &&
    x['end'] <= length
  const words = `entities { type, begin, end } within ${length} words`
  expect('tagsOf', 'spans', isListOf(spans, isSpan), words, spans)
  const tags = new Array<string>(length).fill(OUTSIDE)
  const inner = scheme === 'bmes' ? 'M' : 'I'
  const isClosed = scheme === 'iobes' || scheme === 'bmes'
  let before: Span | null = null
  let done = 0
  for (const span of spans) {
    const { type, begin, end } = span
    if ((done += 1 + end - begin) > STRETCH) {
      done = 0
      yield
    }
    if (scheme === 'none') tags[begin] = type
    else
      for (let i = begin; i < end; ++i) {
        const [first, last] = [i === begin, i === end - 1]
        const touches = before !== null && before.end === begin && before.type === type
        let prefix = first && (scheme !== 'iob1' || touches) ? 'B' : inner
        if (isClosed && last) prefix = first ? 'S' : 'E'
        tags[i] = `${prefix}-${type}`
      }
    before = span
  }
  return tags
}
