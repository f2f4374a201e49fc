import { expect } from '../../errors'
import type { TextSet } from './examples'
import type { ClassifierTaskName, ClassWeights } from './options'

/** The weight of each label in the loss; null where all are 1. `ERR_ARGUMENT` for what is no label. */
export function weightsOf(
  given: ClassWeights | undefined,
  labels: readonly string[],
  set: TextSet,
  task: ClassifierTaskName,
): number[] | null {
  if (given === undefined) return null
  if (given !== 'balanced') {
    for (const name of Object.keys(given))
      expect('fit', `classWeights.${name}`, labels.includes(name), `one of the labels`, name)
    const weights = labels.map((label) =>
      Object.hasOwn(given, label) ? (given[label] as number) : 1,
    )
    expect(
      'fit',
      'classWeights',
      weights.some((weight) => weight > 0),
      'one above 0',
      weights,
    )
    return weights
  }
  const { length } = set
  // A label that does not occur weighs nothing, whatever its weight.
  return set.counts(labels.length).map((count) => {
    if (count === 0) return 1
    return task === 'multi-label' ? (length - count) / count : length / (labels.length * count)
  })
}
