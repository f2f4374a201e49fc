import { ModelSchema } from '../../file-schema'
import { choice, count, positive, Schema, wholeNumber } from '../../schema'
import type { Given, Made } from '../../schema'
import { checkParts, fitRows, partRows, tableRows } from './options'

const { threads, epochs } = fitRows

export const fastTextOptions = new ModelSchema(
  'fastText classifier',
  'rnnative.FastTextClassifier',
  {
    unit: choice(['space', 'char'], {
      about: 'what a word is: what is between spaces, or any character but these',
      default: 'space',
    }),
    /** Features of a vector. */
    dim: tableRows.dim,
    minCount: count({ about: 'leave words out that occur less often', default: 1 }),
    ngrams: count({ about: 'words of the longest n-grams', default: 1, most: 16 }),
    ...partRows,
    seed: wholeNumber({ about: 'of initial values and of the order of examples', default: 1 }),
  },
  checkParts,
)

/**
 * Options of {@link FastTextClassifier}.
 *
 * @interface
 */
export type FastTextOptions = Given<typeof fastTextOptions.rows>
export type FastTextSettings = Made<typeof fastTextOptions.rows>

export const fastTextFitOptions = new Schema('fit', {
  /** Passes over the examples. */
  epochs,
  lr: positive({ about: 'learning rate at the beginning; it falls to 0', default: 0.1 }),
  /** Threads that learn side by side; with more than one, no two runs are the same. */
  threads,
})

export type FastTextFitRows = Given<typeof fastTextFitOptions.rows>
