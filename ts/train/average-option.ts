/** The option of any `fit` that averages weights. */
import { isObject } from '../check'
import { readNamed } from '../named'
import { create, type AverageSpec } from '../optim/average'
import { custom } from '../schema'

/** Checked in full where it is given as what `optim.average` makes, too: it may come from a file. */
function isAverage(value: unknown): boolean {
  if (!isObject(value) || typeof value['name'] !== 'string') return false
  create(value as { name: string })
  return true
}

/**
 * Such as `optim.average.ema()`: validations and checkpoints are of an average of weights, and so is the model when
 * the run has ended; training goes on with the weights themselves.
 */
export const average = custom<AverageSpec>()(
  {
    expected: 'one such as optim.average.ema() gives',
    valid: isAverage,
    argument: '<average>',
    read: (text) => create(readNamed(text)),
  },
  {
    about:
      'validate and save an average of weights: ema, swa, asgd or nt-asgd, with options as in ' +
      'ema:decay=0.999,after=100, swa:every=1,after=3 (passes) or nt-asgd:patience=5',
    defaultText: 'none',
  },
)
