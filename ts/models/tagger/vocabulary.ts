/** What a tagger knows of words, letters, shapes and tags: plain data, which is saved with it. */
import { isListOf, isObject, whole } from '../../check'
import type { TaggedSentence } from '../../data/conll'
import { expect, RnnativeError } from '../../errors'
import {
  looseSpans,
  OUTSIDE,
  parseTag,
  TAG_SCHEMES,
  tagsOf,
  type TagScheme,
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
export function checkTag(op: string, name: string, tag: string, scheme: TagScheme): void {
  const valid = scheme === 'none' || TAG.test(tag)
  const expected = `O or a tag such as B-place (with the scheme none all are tags)`
  expect(op, name, valid, expected, tag)
}

const LEAST = { letter: 2, shape: 3 }

function tally(values: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** Most frequent first; of equals as they came. */
function ranked(counts: Map<string, number>, least: number): string[] {
  const kept = [...counts].filter(([, count]) => count >= least)
  return kept.sort(([, a], [, b]) => b - a).map(([value]) => value)
}

export function learnVocabulary(
  sentences: readonly TaggedSentence[],
  scheme: TagScheme,
  others: Iterable<string>,
): TaggerVocabulary {
  const words = function* () {
    for (const sentence of sentences) yield* sentence.words
  }
  const counts = tally(
    (function* () {
      for (const word of words()) yield wordKey(word)
    })(),
  )
  const all = ranked(counts, 1)
  const types = new Set<string>()
  for (const [i, { tags }] of sentences.entries())
    for (const [t, tag] of tags.entries()) {
      if (scheme === 'none') types.add(tag)
      else if (tag !== OUTSIDE) {
        checkTag('vocabulary', `sentences[${i}].tags[${t}]`, tag, scheme)
        types.add(parseTag(tag).type)
      }
    }
  if (types.size === 0)
    throw new RnnativeError(
      'ERR_EMPTY',
      '[vocabulary] sentences: expected tags of entities, got none',
    )
  let single = true
  for (const word of words()) single &&= [...word].length <= 1
  return {
    scheme,
    unit: single ? 'character' : 'word',
    words: [...new Set([...all, ...Array.from(others, wordKey)])],
    frequent: all.filter((word) => (counts.get(word) ?? 0) > 1).length,
    letters: ranked(
      tally(
        (function* () {
          for (const word of words()) yield* word
        })(),
      ),
      LEAST.letter,
    ),
    shapes: ranked(
      tally(
        (function* () {
          for (const word of words()) yield shapeOf(word)
        })(),
      ),
      LEAST.shape,
    ),
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

  /** Of tags of the data; `ERR_ARGUMENT` names one that is unknown. */
  encode(op: string, tags: readonly string[], name: string): Int32Array {
    for (const [t, tag] of tags.entries()) checkTag(op, `${name}[${t}]`, tag, this.scheme)
    const own =
      this.scheme === 'none' ? tags : tagsOf(looseSpans(tags, this.scheme), tags.length, 'iobes')
    return Int32Array.from(own, (tag) => {
      const id = this.ids.get(tag)
      if (id === undefined) expect(op, name, false, 'tags of the vocabulary', tag)
      return id as number
    })
  }

  decode(ids: ArrayLike<number>): string[] {
    return Array.from(ids, (id) => this.tags[id] as string)
  }

  /** Tags of the data's scheme. */
  toData(tags: readonly string[]): string[] {
    if (this.scheme === 'none') return [...tags]
    return tagsOf(looseSpans(tags, 'iobes'), tags.length, this.scheme)
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
