/** Options of the classical baselines. */
import { isListOf, whole } from '../../check'
import { ModelSchema } from '../../file-schema'
import {
  atLeastZero,
  choice,
  count,
  custom,
  flag,
  positive,
  probability,
  wholeNumber,
} from '../../schema'
import type { Given, Made } from '../../schema'

export const ANALYZERS = ['word', 'char', 'space'] as const

/** Longest n-gram. */
const LONGEST = 16

const isOrders = (x: unknown): boolean =>
  isListOf(x, (n) => whole(n, 1) && n <= LONGEST) &&
  (x as number[]).length > 0 &&
  new Set(x as number[]).size === (x as number[]).length

/** What of a text counts, and how much. */
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
  sublinear: flag({ about: 'count 1 + ln n for n occurrences', default: false }),
  minDocuments: count({ about: 'texts that an n-gram must be in', default: 1 }),
  maxDocuments: probability({
    about: 'largest share of the texts that an n-gram may be in',
    default: 1,
  }),
}

export const tfIdfOptions = new ModelSchema('TfIdf', 'rnnative.tf-idf', {
  ...termRows,
  weighting: choice(['counts', 'binary', 'tf-idf'], {
    about: termRows.weighting.about,
    default: 'tf-idf',
  }),
})

export const naiveBayesOptions = new ModelSchema('NaiveBayes', 'rnnative.naive-bayes', {
  ...termRows,
  variant: choice(['multinomial', 'complement', 'bernoulli'], {
    about:
      'what is counted: n-grams, those of the other classes (Rennie 2003), texts with an n-gram',
    default: 'multinomial',
  }),
  alpha: positive({ about: 'added to each count', default: 1 }),
})

export const maxEntOptions = new ModelSchema('MaxEnt', 'rnnative.max-ent', {
  ...termRows,
  weighting: choice(['counts', 'binary', 'tf-idf'], {
    about: termRows.weighting.about,
    default: 'tf-idf',
  }),
  l2: atLeastZero({
    about: 'strength of the L2 penalty, beside the sum of the losses of all texts; 1 / C',
    default: 1,
  }),
  l1: atLeastZero({ about: 'strength of the L1 penalty, which leaves most weights 0', default: 0 }),
  solver: choice(['lbfgs', 'adam'], {
    about: 'all texts at a time (with l1: OWL-QN, Andrew & Gao 2007), or Adam over batches of them',
    default: 'lbfgs',
  }),
  iterations: count({
    about: 'most passes over the texts',
    default: ({ solver }: { solver: string }): number => (solver === 'adam' ? 20 : 200),
    defaultText: '200, of adam 20',
    most: 1_000_000,
  }),
  rate: positive({ about: "Adam's learning rate", default: 0.01 }),
  seed: wholeNumber({ about: "of the order of Adam's batches", default: 0 }),
})

export type TermOptions = Given<typeof termRows>
export type TermSettings = Made<typeof termRows>
export type TfIdfOptions = Given<typeof tfIdfOptions.rows>
export type NaiveBayesOptions = Given<typeof naiveBayesOptions.rows>
export type MaxEntOptions = Given<typeof maxEntOptions.rows>
