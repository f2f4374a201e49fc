/** What of a text counts, and how much: options of all that is made of n-grams. */
import { isListOf, whole } from '../../check'
import { choice, count, custom, flag, probability, type Given, type Made } from '../../schema'

export const ANALYZERS = ['word', 'char', 'space'] as const

/** Longest n-gram. */
const LONGEST = 16

const isOrders = (x: unknown): boolean =>
  isListOf(x, (n) => whole(n, 1) && n <= LONGEST) &&
  (x as number[]).length > 0 &&
  new Set(x as number[]).size === (x as number[]).length

export const termRows = {
  analyzer: choice(ANALYZERS, {
    about:
      'what n-grams are of: words (of Chinese and its kin, characters), characters, what spaces part',
    default: 'word',
  }),
  ngrams: custom<readonly number[]>()(
    {
      expected: `different whole numbers from 1 to ${LONGEST}`,
      valid: isOrders,
      argument: '<n,n>',
      read: (words) => words.split(',').map(Number),
    },
    { about: 'lengths of n-grams, by commas', default: [1, 2] },
  ),
  lowercase: flag({ about: 'take capitals for small letters', default: true, flag: null }),
  weighting: choice(['counts', 'binary', 'tf-idf'], {
    about: 'what an n-gram counts in a text: how often it is there, whether, or that by its rarity',
    default: 'counts',
  }),
  sublinear: flag({
    about: 'count 1 + ln n for n occurrences',
    default: false,
    only: [
      'a weighting by counts',
      ({ weighting, variant }: { weighting: unknown; variant?: unknown }) =>
        weighting !== 'binary' && variant !== 'bernoulli',
    ],
  }),
  minDocuments: count({ about: 'texts that an n-gram must be in', default: 1 }),
  maxDocuments: probability({
    about: 'largest share of the texts that an n-gram may be in',
    default: 1,
  }),
}

export type TermOptions = Given<typeof termRows>
export type TermSettings = Made<typeof termRows>
