/** Options of the classical baselines. */
import { ModelSchema } from '../../file-schema'
import { atLeastZero, choice, count, positive, wholeNumber } from '../../schema'
import type { Given, Only } from '../../schema'
import { termRows } from '../parts/term-options'

export const tfIdfOptions = new ModelSchema('TfIdf', 'rnnative.tf-idf', {
  ...termRows,
  /** What a term counts in a text. */
  weighting: choice(['counts', 'binary', 'tf-idf'], {
    about: termRows.weighting.about,
    default: 'tf-idf',
  }),
})

export const naiveBayesOptions = new ModelSchema('NaiveBayes', 'rnnative.naive-bayes', {
  ...termRows,
  // Bernoulli's asks whether an n-gram is there, and nothing else.
  /** What a term counts in a text; `binary` of the Bernoulli variant. */
  weighting: {
    ...termRows.weighting,
    only: [
      'another variant than bernoulli',
      ({ variant, weighting }: { variant: unknown; weighting: unknown }) =>
        variant !== 'bernoulli' || weighting === 'binary',
    ] satisfies Only,
  },
  variant: choice(['multinomial', 'complement', 'bernoulli'], {
    about:
      'what is counted: n-grams, those of the other classes (Rennie 2003), texts with an n-gram',
    default: 'multinomial',
  }),
  alpha: positive({ about: 'added to each count', default: 1 }),
})

const byAdam: Only = ['the solver adam', ({ solver }: { solver: unknown }) => solver === 'adam']

export const maxEntOptions = new ModelSchema('MaxEnt', 'rnnative.max-ent', {
  ...termRows,
  /** What a term counts in a text. */
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
  rate: positive({ about: "Adam's learning rate", default: 0.01, only: byAdam }),
  seed: wholeNumber({ about: "of the order of Adam's batches", default: 0, only: byAdam }),
})

/**
 * Options of {@link TfIdf}.
 *
 * @interface
 */
export type TfIdfOptions = Given<typeof tfIdfOptions.rows>
/**
 * Options of {@link NaiveBayes}.
 *
 * @interface
 */
export type NaiveBayesOptions = Given<typeof naiveBayesOptions.rows>
/**
 * Options of {@link MaxEnt}.
 *
 * @interface
 */
export type MaxEntOptions = Given<typeof maxEntOptions.rows>
