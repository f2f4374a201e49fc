import { ModelSchema } from '../../file-schema'
import { atLeastZero, choice, count, positive, Schema, wholeNumber } from '../../schema'
import type { Given, Made } from '../../schema'
import { drawn, fitRows, lossRow, negativeRow, tableRows } from './options'

export const docOptions = new ModelSchema('doc2vec', 'rnnative.Doc2Vec', {
  algorithm: choice(['dbow', 'dm'], {
    about: "what predicts a document's words: its vector alone, or with those of the words near",
    default: 'dbow',
  }),
  ...tableRows,
  window: count({
    about: 'words before and after that are near',
    ...{ default: 5, most: 2 ** 30 },
    only: ['the algorithm dm', ({ algorithm }: { algorithm: unknown }) => algorithm === 'dm'],
  }),
  loss: lossRow,
  negative: negativeRow,
  sample: atLeastZero({
    about: 'share of the text above which a word is left out at times; 0: never',
    default: 1e-3,
  }),
  power: atLeastZero({
    about: 'negatives are drawn by their counts to this power',
    default: 0.75,
    only: drawn,
  }),
  seed: wholeNumber({ about: 'of initial values and all that is drawn', default: 1 }),
})

/**
 * Options of {@link Doc2Vec}.
 *
 * @interface
 */
export type Doc2VecOptions = Given<typeof docOptions.rows>
export type Doc2VecSettings = Made<typeof docOptions.rows>

export const docFitOptions = new Schema('fit', {
  ...fitRows,
  epochs: count({ about: 'passes over the documents', default: 10 }),
})

export const inferOptions = new Schema('infer', {
  epochs: count({ about: 'passes over each document', default: 20 }),
  lr: positive({ about: 'learning rate at the beginning', default: 0.025 }),
  seed: wholeNumber({ about: 'of what is drawn', default: 1 }),
})

export type InferRows = Given<typeof inferOptions.rows>
