import { ModelSchema } from '../../file-schema'
import { isListOf, whole } from '../../check'
import { count, custom, type Given, type Made } from '../../schema'
import { numberOf } from '../../named'

/** N-grams of more words are hardly ever seen twice. */
const MOST_ORDER = 7

/** Non-decreasing, so that what a kept n-gram is made of is kept, too. */
const isThresholds = (value: unknown): boolean =>
  isListOf(value, (x) => whole(x, 0)) &&
  (value as number[]).every((x, i, all) => (i === 0 ? x === 0 : x >= (all[i - 1] as number)))

export const ngramOptions = new ModelSchema('n-gram model', 'rnnative.NgramModel', {
  order: count({ about: 'words of the longest n-grams', default: 5, most: MOST_ORDER }),
  /** As lmplz's --prune, but that the last value holds for all longer ones. */
  prune: custom<readonly number[]>()(
    {
      expected: 'numbers by length of the n-grams that begin with 0 and do not fall',
      valid: isThresholds,
      argument: '<n,...>',
      read: (text) => text.split(',').map(numberOf),
    },
    {
      about:
        'leave n-grams out that occur so often at most: 0,0,1 those of three words and more that occur once',
      default: [],
      defaultText: 'none',
    },
  ),
})

export type NgramOptions = Given<typeof ngramOptions.rows>
export type NgramNetworkOptions = Made<typeof ngramOptions.rows>
