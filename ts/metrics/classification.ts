/** How well labels were predicted: what scikit-learn computes with `zero_division=0`, and by the same names. */
import { checkStrings, isListOf, optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'

/** The label of an example, or all that it has. */
export type Labels = string | readonly string[]

/** Rates of a label. */
export interface ClassScore {
  /** Of those that were said to have the label, how many have it; 0 where none was. */
  precision: number
  /** Of those that have the label, how many were said to; 0 where none has. */
  recall: number
  /** Harmonic mean of precision and recall. */
  f1: number
  /** Examples that have the label. */
  support: number
}

/** Shares in [0, 1]. */
export interface ClassificationScore {
  /** Examples that were looked at. */
  examples: number
  /** Examples whose label, or whose labels all, are right. */
  accuracy: number
  /** Means over the labels. */
  macroPrecision: number
  /** Mean of the labels' recalls. */
  macroRecall: number
  /** Mean of the labels' F1. */
  macroF1: number
  /** Of all decisions together. */
  microPrecision: number
  /** Recall of all decisions together. */
  microRecall: number
  /** F1 of all decisions together. */
  microF1: number
  /** Means over the labels by their support. */
  weightedPrecision: number
  /** Mean of the labels' recalls, weighted by their examples. */
  weightedRecall: number
  /** Mean of the labels' F1, weighted by their examples. */
  weightedF1: number
  /** The labels, in the order of rows and columns of the confusion matrix. */
  labels: string[]
  /** By label. */
  perClass: Record<string, ClassScore>
  /** [actual][predicted], in the order of `labels`; null where examples have several labels. */
  confusion: number[][] | null
}

/** Options of {@link classification}. */
export interface ClassificationOptions {
  /** The labels that there are, in this order. Default: all that occur, sorted. */
  labels?: readonly string[] | undefined
}

const OPTIONS: Names<ClassificationOptions> = { labels: true }

/**
 * Compares predicted labels with actual ones. Where an example's label is a list, all examples may have any number of them.
 *
 *     const { accuracy, macroF1, perClass } = metrics.classification(['a', 'b'], ['a', 'a'])
 *
 * Throws `ERR_ARGUMENT` when the two do not fit together or a label is none of `labels`, `ERR_EMPTY` without any.
 */
export function classification(
  predicted: readonly Labels[],
  actual: readonly Labels[],
  options: ClassificationOptions = {},
): ClassificationScore {
  const op = 'classification'
  checkLabels(op, predicted, actual)
  const { labels = found(predicted, actual) } = optionsOf(op, options, OPTIONS)
  checkStrings(op, 'labels', labels)
  const indices = indexOf(op, labels)
  const several = [predicted, actual].some((all) => all.some((one) => typeof one !== 'string'))
  const tallies = labels.map(() => ({ both: 0, predicted: 0, actual: 0 }))
  const confusion = several ? null : labels.map(() => labels.map(() => 0))
  let right = 0
  for (const [i, given] of predicted.entries()) {
    const [own, true_] = [given, actual[i] as Labels].map((one) =>
      indicesOf(op, one, indices, i),
    ) as [Set<number>, Set<number>]
    let both = 0
    for (const label of own) {
      ++tallies[label]!.predicted
      if (true_.has(label) && ++both) ++tallies[label]!.both
    }
    for (const label of true_) ++tallies[label]!.actual
    if (both === own.size && both === true_.size) ++right
    if (confusion) ++confusion[[...true_][0] as number]![[...own][0] as number]!
  }
  const scores = tallies.map(scoreOf)
  return {
    examples: predicted.length,
    accuracy: right / predicted.length,
    ...averaged('macro', scores, () => 1),
    ...named('micro', scoreOf(tallies.reduce(sumOf, { both: 0, predicted: 0, actual: 0 }))),
    ...averaged('weighted', scores, ({ support }) => support),
    labels: [...labels],
    perClass: Object.fromEntries(scores.map((score, i) => [labels[i] as string, score])),
    confusion,
  }
}

interface Tally {
  both: number
  predicted: number
  actual: number
}

const sumOf = (a: Tally, b: Tally): Tally => ({
  both: a.both + b.both,
  predicted: a.predicted + b.predicted,
  actual: a.actual + b.actual,
})

const over = (a: number, b: number): number => (b === 0 ? 0 : a / b)

const scoreOf = ({ both, predicted, actual }: Tally): ClassScore => ({
  precision: over(both, predicted),
  recall: over(both, actual),
  f1: over(2 * both, predicted + actual),
  support: actual,
})

type Average = 'macro' | 'micro' | 'weighted'
type Averages<A extends Average> = Record<`${A}Precision` | `${A}Recall` | `${A}F1`, number>

const named = <A extends Average>(
  kind: A,
  { precision, recall, f1 }: Omit<ClassScore, 'support'>,
): Averages<A> =>
  ({
    [`${kind}Precision`]: precision,
    [`${kind}Recall`]: recall,
    [`${kind}F1`]: f1,
  }) as Averages<A>

function averaged<A extends Average>(
  kind: A,
  scores: readonly ClassScore[],
  weight: (score: ClassScore) => number,
): Averages<A> {
  const total = scores.reduce((sum, score) => sum + weight(score), 0)
  const mean = (of: (score: ClassScore) => number) =>
    over(
      scores.reduce((sum, score) => sum + weight(score) * of(score), 0),
      total,
    )
  const all = { precision: mean((s) => s.precision), recall: mean((s) => s.recall) }
  return named(kind, { ...all, f1: mean((s) => s.f1) })
}

const isLabels = (x: unknown): x is Labels =>
  typeof x === 'string' || isListOf(x, (label) => typeof label === 'string')

/** Throws unless the two fit together. */
function checkLabels(op: string, predicted: readonly Labels[], actual: readonly Labels[]): void {
  for (const [name, given] of Object.entries({ predicted, actual }))
    expect(op, name, isListOf(given, isLabels), 'a list of labels, or of lists of such', given)
  checkSame(op, predicted.length, 'actual', actual.length)
}

/** All labels that occur, sorted by their characters. */
function found(predicted: readonly Labels[], actual: readonly Labels[]): string[] {
  return [...new Set([...predicted.flat(), ...actual.flat()] as string[])].sort()
}

/** Throws unless there are as many of the one as there are of the other, and any. */
export function checkSame(op: string, examples: number, name: string, got: number): void {
  if (examples !== got)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[${op}] ${name}: expected ${examples}, one entry per prediction, got ${got}`,
    )
  if (examples === 0) throw new RnnativeError('ERR_EMPTY', `[${op}] expected at least one example`)
}

/** Places of labels, each of which occurs once. */
export function indexOf(op: string, labels: readonly string[]): ReadonlyMap<string, number> {
  const indices = new Map(labels.map((label, i) => [label, i]))
  expect(op, 'labels', indices.size === labels.length, 'each label once', labels)
  return indices
}

function indicesOf(
  op: string,
  labels: Labels,
  indices: ReadonlyMap<string, number>,
  example: number,
): Set<number> {
  const all = new Set<number>()
  for (const label of typeof labels === 'string' ? [labels] : labels) {
    const index = indices.get(label)
    expect(op, `example ${example}`, index !== undefined, 'labels that are listed', label)
    all.add(index as number)
  }
  return all
}
