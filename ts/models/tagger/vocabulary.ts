/** What a tagger knows of words, letters, shapes and tags: plain data, which is saved with it. */
import { isListOf, isObject, whole } from '../../check'
import type { TaggedSentence } from '../../data/conll'
import { expect, RnnativeError } from '../../errors'
import {
  findingLoose,
  OUTSIDE,
  parseTag,
  TAG_SCHEMES,
  type TagScheme,
  writingTags,
} from '../../metrics/spans'
import type { AllowedTags } from '../../nn'

/** What a {@link SequenceTagger} knows, learned from sentences. */
export interface TaggerVocabulary {
  /** Of the data. */
  scheme: TagScheme
  /** Whether sentences are of words or, as Chinese ones often, of characters. */
  unit: 'word' | 'character'
  /** In small letters, digits as 0; those after `frequent` were seen once, or are of vectors alone. */
  words: string[]
  /** The first so many words are those that were seen more than once. */
  frequent: number
  /** Letters of words, most frequent first. */
  letters: string[]
  /** Shapes of words: how they are capitalised, and whether they have digits. */
  shapes: string[]
  /** Types of entities; with the scheme `none` the tags. */
  types: string[]
}

/** Id of what is in no vocabulary; others follow. */
export const UNKNOWN = 0

export const wordKey = (word: string): string => word.toLowerCase().replace(/\p{Nd}/gu, '0')

/** Kinds of characters, each once where it repeats: `Obama` is Xx, `McDonald` XxXx, `U.S.` X.X. */
export const shapeOf = (word: string): string =>
  word
    .replace(/\p{Lu}+/gu, 'X')
    .replace(/[\p{Ll}\p{Lo}\p{Lm}]+/gu, 'x')
    .replace(/\p{Nd}+/gu, '0')
    .slice(0, 6)

/** Of the data; what conlleval and seqeval take for tags, with a type. */
const TAG = /^(?:O|[BIESM]-.+)$/s

/** Throws `ERR_ARGUMENT` for a tag that no scheme of entities has, such as a part of speech. */
function checkTag(op: string, tags: string, at: number, tag: string, scheme: TagScheme): void {
  if (scheme === 'none' || TAG.test(tag)) return
  const expected = `O or a tag such as B-place (with the scheme none all are tags)`
  expect(op, `${tags}[${at}]`, false, expected, tag)
}

const LEAST = { letter: 2, shape: 3 }

/** Words that are looked at without a pause. */
const STRETCH = 1 << 11
/** The same of letters of a word. */
const LETTERS = 1 << 16

const addTo = (counts: Map<string, number>, value: string) =>
  counts.set(value, (counts.get(value) ?? 0) + 1)

/** Most frequent first; of equals as they came. Those that are as frequent as others need no comparing. */
function* ranked(counts: Map<string, number>, least: number): Generator<undefined, string[]> {
  const byCount = new Map<number, string[]>()
  let done = 0
  for (const [value, count] of counts) {
    if (++done % STRETCH === 0) yield
    if (count < least) continue
    const alike = byCount.get(count)
    if (alike) alike.push(value)
    else byCount.set(count, [value])
  }
  const all: string[] = []
  for (const count of [...byCount.keys()].sort((a, b) => b - a))
    for (const value of byCount.get(count) as string[]) {
      if (all.push(value) % STRETCH === 0) yield
    }
  return all
}

/** Yields where there may be a pause. */
export function* learningVocabulary(
  sentences: readonly TaggedSentence[],
  scheme: TagScheme,
  others: Iterable<string>,
): Generator<undefined, TaggerVocabulary> {
  const [counts, letters, shapes] = [0, 1, 2].map(() => new Map<string, number>()) as [
    Map<string, number>,
    Map<string, number>,
    Map<string, number>,
  ]
  const [types, seen] = [new Set<string>(), new Set<string>()]
  let [single, done] = [true, 0]
  for (const [i, { words, tags }] of sentences.entries()) {
    for (const word of words) {
      if (++done % STRETCH === 0) yield
      addTo(counts, wordKey(word))
      addTo(shapes, shapeOf(word))
      let length = 0
      for (const letter of word) {
        addTo(letters, letter)
        if (++length % LETTERS === 0) yield
      }
      single &&= length <= 1
    }
    for (const [t, tag] of tags.entries()) {
      if (++done % STRETCH === 0) yield
      if (seen.has(tag)) continue
      seen.add(tag)
      if (scheme === 'none') types.add(tag)
      else if (tag !== OUTSIDE) {
        checkTag('vocabulary', `sentences[${i}].tags`, t, tag, scheme)
        types.add(parseTag(tag).type)
      }
    }
  }
  if (types.size === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      '[vocabulary] sentences: expected tags of entities, got none',
    )
  const all = yield* ranked(counts, 1)
  let frequent = 0
  for (const count of counts.values()) if (count > 1) ++frequent
  for (const word of others) {
    if (++done % STRETCH === 0) yield
    const key = wordKey(word)
    if (counts.has(key)) continue
    counts.set(key, 0)
    all.push(key)
  }
  return {
    scheme,
    unit: single ? 'character' : 'word',
    words: all,
    frequent,
    letters: yield* ranked(letters, LEAST.letter),
    shapes: yield* ranked(shapes, LEAST.shape),
    types: [...types].sort(),
  }
}

const allDiffer = (list: readonly string[]): boolean => new Set(list).size === list.length

/** Throws `ERR_ARGUMENT` unless it is one. */
export function checkVocabulary(value: unknown): asserts value is TaggerVocabulary {
  const given = isObject(value) ? value : {}
  const { scheme, unit, frequent } = given
  const lists = ['words', 'letters', 'shapes', 'types'].every((name) =>
    isListOf(given[name], (one) => typeof one === 'string'),
  )
  const valid =
    lists &&
    TAG_SCHEMES.includes(scheme as TagScheme) &&
    (unit === 'word' || unit === 'character') &&
    whole(frequent, 0) &&
    frequent <= (given['words'] as unknown[]).length &&
    ['words', 'letters', 'shapes', 'types'].every((name) => allDiffer(given[name] as string[]))
  expect('sequence tagger', 'vocabulary', valid, 'what SequenceTagger.vocabulary gives', value)
}

/** The tags that a network tells apart: those of IOBES where there are entities, whatever the data has. */
export class TagSet {
  readonly tags: string[]
  private readonly ids: ReadonlyMap<string, number>

  constructor(
    readonly scheme: TagScheme,
    types: readonly string[],
  ) {
    this.tags =
      scheme === 'none'
        ? [...types]
        : [OUTSIDE, ...types.flatMap((type) => ['B', 'I', 'E', 'S'].map((p) => `${p}-${type}`))]
    this.ids = new Map(this.tags.map((tag, i) => [tag, i]))
  }

  /** Of tags of the data; `ERR_ARGUMENT` names one that is unknown. Yields where there may be a pause. */
  *encoding(op: string, tags: readonly string[], name: string): Generator<undefined, Int32Array> {
    for (const [t, tag] of tags.entries()) {
      checkTag(op, name, t, tag, this.scheme)
      if (t % STRETCH === STRETCH - 1) yield
    }
    const own = yield* this.written(tags, this.scheme, 'iobes')
    const ids = new Int32Array(own.length)
    for (const [t, tag] of own.entries()) {
      const id = this.ids.get(tag)
      if (id === undefined) expect(op, name, false, 'tags of the vocabulary', tag)
      ids[t] = id as number
      if (t % STRETCH === STRETCH - 1) yield
    }
    return ids
  }

  private *written(
    tags: readonly string[],
    from: TagScheme,
    to: TagScheme,
  ): Generator<undefined, readonly string[]> {
    if (this.scheme === 'none') return tags
    return yield* writingTags(yield* findingLoose(tags, from), tags.length, to)
  }

  decode(ids: ArrayLike<number>): string[] {
    return Array.from(ids, (id) => this.tags[id] as string)
  }

  /** Tags of the data's scheme. Yields as {@link encoding}. */
  *showing(tags: readonly string[]): Generator<undefined, string[]> {
    return [...(yield* this.written(tags, 'iobes', this.scheme))]
  }

  /** What IOBES allows; null: all. */
  get allowed(): AllowedTags | null {
    if (this.scheme === 'none') return null
    const parsed = this.tags.map(parseTag)
    const opens = ({ prefix }: { prefix: string }) => ['B', 'I'].includes(prefix)
    const goesOn = ({ prefix }: { prefix: string }) => ['I', 'E'].includes(prefix)
    return {
      transitions: parsed.map((from) =>
        parsed.map((to) => opens(from) === goesOn(to) && (!opens(from) || from.type === to.type)),
      ),
      start: parsed.map((tag) => !goesOn(tag)),
      end: parsed.map((tag) => !opens(tag)),
    }
  }
}
