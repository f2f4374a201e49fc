/** Options that penalise parameters, in any `fit`. */
import { isObject } from '../check'
import { custom } from '../schema'

/**
 * A weight for all parameters, or weights by pattern, of which the first that matches a name counts: `weight_hh`,
 * or `weight_hh_l0[f]` for a single gate.
 */
export type ParameterWeights = number | Readonly<Record<string, number>>

const isWeight = (x: unknown): boolean => typeof x === 'number' && x >= 0 && x < Infinity

const isWeights = (value: unknown): boolean =>
  isWeight(value) ||
  (isObject(value) &&
    Object.keys(value).length > 0 &&
    Object.entries(value).every(([pattern, weight]) => pattern !== '' && isWeight(weight)))

/** As a command line has it: `1e-6`, or `weight_hh=1e-5,bias=0`. */
function read(text: string): unknown {
  const words = text.split(',').map((word): [string, number] => {
    const at = word.lastIndexOf('=')
    const value = word.slice(at + 1).trim()
    return [word.slice(0, Math.max(0, at)).trim(), value === '' ? NaN : Number(value)]
  })
  return words.length === 1 && words[0]?.[0] === '' ? words[0][1] : Object.fromEntries(words)
}

const weights = (about: string) =>
  custom<ParameterWeights>()(
    {
      expected: "a number of at least 0, or such numbers by a part of the parameters' names",
      valid: isWeights,
      argument: '<weights>',
      read,
    },
    { about, defaultText: 'none' },
  )

export const penaltyOptions = {
  /** Adds the sum of absolute values, times the weight, to the loss that is made small. */
  l1: weights(
    "weight of the parameters' absolute values in the loss: 1e-6, or weight_hh=1e-5,bias=0",
  ),
  /** The same of squares. The weight decay of an optimizer is twice this weight. */
  l2: weights("weight of the parameters' squares in the loss, as --l1"),
}
