import { checkChoice, isListOf, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { atOnce } from '../pauses'
import { findingLoose, findingStrict, TAG_SCHEMES, type Span, type TagScheme } from './spans'

/** Words and entities that are counted without a pause. */
const STRETCH = 1 << 12

export const ENTITY_MODES = ['strict', 'conlleval'] as const

/** How tags are read. */
export interface EntityOptions {
  /** Of the tags. Default 'bio'. */
  scheme?: TagScheme | undefined
  /**
   * `strict`: entities count as far as the scheme has them whole (seqeval's strict mode); `conlleval`: as that
   * script reads any tags. Default 'strict'.
   */
  mode?: (typeof ENTITY_MODES)[number] | undefined
}

const NAMES: Names<EntityOptions> = { scheme: true, mode: true }

/** Rates of entities found whole: borders and type. */
export interface EntityRates {
  /** Shares, from 0 to 1; 0 where there is nothing to divide by. */
  precision: number
  /** The share of true entities that were found. */
  recall: number
  /** Harmonic mean of precision and recall. */
  f1: number
  /** Entities that there are. */
  support: number
}

/** Rates of all entities, and of each type. */
export interface EntityScore extends EntityRates {
  /** The share of words whose tags are right. */
  accuracy: number
  /** By type. */
  perType: Record<string, EntityRates>
}

/** Entities found, right and there. */
class Counts {
  found = 0
  right = 0
  there = 0

  rates(): EntityRates {
    const [precision, recall] = [over(this.right, this.found), over(this.right, this.there)]
    const f1 = over(2 * this.right, this.found + this.there)
    return { precision, recall, f1, support: this.there }
  }
}

const over = (a: number, b: number): number => (b === 0 ? 0 : a / b)

/** What scores are of. */
interface Counted {
  all: Counts
  types: ReadonlyMap<string, Counts>
  right: number
  words: number
}

/**
 * How well tags of sentences tell their entities: those that agree in type, begin and end. With the scheme `none`
 * each word's tag counts as one. Throws `ERR_ARGUMENT` where the two do not have the same numbers of words.
 */
export function entityScore(
  predicted: readonly (readonly string[])[],
  expected: readonly (readonly string[])[],
  options: EntityOptions = {},
): EntityScore {
  return atOnce(scoringEntities(predicted, expected, options))
}

/** @internal The same; yields where there may be a pause. */
export function* scoringEntities(
  predicted: readonly (readonly string[])[],
  expected: readonly (readonly string[])[],
  options: EntityOptions,
): Generator<undefined, EntityScore> {
  const { all, types, right, words } = yield* countEntities(predicted, expected, options)
  const named = [...types].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    ...all.rates(),
    accuracy: over(right, words),
    perType: Object.fromEntries(named.map(([type, counts]) => [type, counts.rates()])),
  }
}

/** @internal F1 as a sum and a count, which those of other sentences add to. Yields as {@link scoringEntities}. */
export function* totallingEntities(
  predicted: readonly (readonly string[])[],
  expected: readonly (readonly string[])[],
  options: EntityOptions,
): Generator<undefined, { sum: number; count: number }> {
  const { all } = yield* countEntities(predicted, expected, options)
  return { sum: 2 * all.right, count: all.found + all.there }
}

function* countEntities(
  predicted: readonly (readonly string[])[],
  expected: readonly (readonly string[])[],
  options: EntityOptions,
): Generator<undefined, Counted> {
  const { scheme = 'bio', mode = 'strict' } = optionsOf('entityScore', options, NAMES)
  checkChoice('entityScore', 'scheme', scheme, TAG_SCHEMES)
  checkChoice('entityScore', 'mode', mode, ENTITY_MODES)
  const lists = (value: unknown): boolean =>
    isListOf(value, (tags) => isListOf(tags, (tag) => typeof tag === 'string'))
  for (const [name, value] of Object.entries({ predicted, expected }))
    expect('entityScore', name, lists(value), 'lists of tags', value)
  const sentences = `${expected.length} sentences`
  const alike = predicted.length === expected.length
  expect('entityScore', 'predicted', alike, sentences, predicted.length)
  const spansOf = mode === 'strict' ? findingStrict : findingLoose
  const [all, types] = [new Counts(), new Map<string, Counts>()]
  const countsOf = (type: string): Counts => {
    const found = types.get(type) ?? new Counts()
    types.set(type, found)
    return found
  }
  let [right, words, done] = [0, 0, 0]
  const isDue = () => ++done % STRETCH === 0
  for (const [i, tags] of expected.entries()) {
    const given = predicted[i] as readonly string[]
    const whole = given.length === tags.length
    expect('entityScore', `predicted[${i}]`, whole, `${tags.length} tags`, given.length)
    words += tags.length
    for (const [at, tag] of tags.entries()) {
      right += Number(tag === given[at])
      if (isDue()) yield
    }
    // Entities of a sentence do not overlap: each has its own begin.
    const there = new Map<number, Span>()
    for (const span of yield* spansOf(tags, scheme)) {
      there.set(span.begin, span)
      for (const counts of [all, countsOf(span.type)]) ++counts.there
      if (isDue()) yield
    }
    for (const { type, begin, end } of yield* spansOf(given, scheme)) {
      if (isDue()) yield
      const same = there.get(begin)
      const hit = Number(same?.end === end && same.type === type)
      for (const counts of [all, countsOf(type)]) {
        ++counts.found
        counts.right += hit
      }
    }
  }
  return { all, types, right, words }
}
