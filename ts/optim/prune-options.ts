/** What pruning may be told; loads without the addon. */
import { isPattern, PATTERN_FORMS, type Pattern } from '../patterns'
import { choice, count, custom, flag, fraction, Schema, wholeNumber } from '../schema'
import type { Given, Made } from '../schema'

export const PRUNE_SCOPES = ['matrix', 'global'] as const

/** Every matrix that is multiplied by; a table of embeddings is read by rows. */
const USUAL = /^(?!.*embedding)/

export const pruneOptions = {
  /** Share of the weights (with `blocks`, of the blocks) that are zero in the end. */
  sparsity: fraction({ about: 'share of weights that are made zero in the end', flag: 'prune' }),
  /** The same when pruning begins. */
  initial: fraction({ about: 'share that is made zero at once when pruning begins', default: 0 }),
  /** Steps made when it begins. Goes with `to`: without both it spans the middle half of the run. */
  from: wholeNumber({
    about: 'steps made when pruning begins',
    defaultText: '0 with --prune-to, else a quarter of the run',
  }),
  /** Steps made when the last weights are pruned. */
  to: wholeNumber({
    about: 'steps made when the last weights are pruned',
    defaultText: 'three quarters of the run',
  }),
  /** Steps between two times that weights are pruned. */
  every: count({ about: 'steps between two times that weights are pruned', default: 100 }),
  /** Which matrices; what is no matrix is never pruned. Default: all but embeddings. */
  parameters: custom<Pattern>()(
    { expected: PATTERN_FORMS, valid: isPattern, argument: '<pattern>', read: (text) => text },
    {
      about: 'which matrices, by a part of their names',
      default: USUAL,
      defaultText: 'all but embeddings',
    },
  ),
  /** Whether each matrix has the share, or all together. */
  scope: choice(PRUNE_SCOPES, {
    about: 'whether each matrix has the share, or all together',
    default: 'matrix',
  }),
  /** Prunes whole blocks, by the mean magnitude of their weights. */
  blocks: flag({ about: 'prune whole blocks, not single weights', default: false }),
}

/**
 * Options of {@link prune}.
 *
 * @interface
 */
export type PruneOptions = Given<typeof pruneOptions>
/**
 * The same with every choice made.
 *
 * @interface
 */
export type PruneSettings = Made<typeof pruneOptions> & { readonly sparsity: number }

export const pruneSchema = new Schema('prune', pruneOptions, (made, refuse) => {
  const { sparsity, initial, from, to } = made
  refuse('sparsity', sparsity !== undefined, pruneOptions.sparsity.expected, sparsity)
  const least = (sparsity ?? 0) >= initial
  refuse('initial', least, `at most the sparsity, ${sparsity}`, initial)
  refuse('from', from === undefined || to !== undefined, 'none without to', from)
  refuse('to', to === undefined || to >= (from ?? 0), `at least from, ${from ?? 0}`, to)
})
