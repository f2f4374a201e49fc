import { classification, type ClassificationScore } from '../../metrics/classification'
import type { ClassifierNetworkOptions } from './options'

/** How well labels are told: `accuracy`, `macroF1`, `weightedF1`, `perClass`, `confusion` and the like. */
export interface ClassifierScore extends ClassificationScore {
  /** Mean negative log-likelihood of an example's label, in nats; of several labels, of a decision. */
  loss: number
}

/** Of the numbers of labels. */
export function evaluation(
  { labels, task }: Pick<ClassifierNetworkOptions, 'labels' | 'task'>,
  actual: readonly Int32Array[],
  chosen: readonly Int32Array[],
  loss: number,
): ClassifierScore {
  const named = (all: readonly Int32Array[]) =>
    all.map((numbers) => {
      const names = Array.from(numbers, (k) => labels[k] as string)
      return task === 'multi-label' ? names : (names[0] as string)
    })
  return { loss, ...classification(named(chosen), named(actual), { labels }) }
}
