/** How well examples are ranked by their scores or probabilities: curves, the areas under them, log loss. */
import { checkStrings, isListOf } from '../check'
import { expect } from '../errors'
import { isNumberArray } from '../kinds'
import { checkSame, indexOf } from './classification'

/** Corners of a curve from its beginning on. */
export interface Curve {
  /** Of each point: false positive rate, or recall. */
  x: number[]
  /** Of each point: true positive rate, or precision. */
  y: number[]
  /** Examples of at least this score are taken for positive. */
  thresholds: number[]
}

/** Scores of examples, the higher the likelier positive. */
export type Scores = ArrayLike<number>

interface Step {
  threshold: number
  /** Positive and negative examples of at least the threshold. */
  hits: number
  alarms: number
}

/** What the highest scores take in, one after the other; those that are equal come together. */
function stepsOf(op: string, scores: Scores, positive: readonly boolean[]): Step[] {
  checkNumbers(op, 'scores', scores)
  const flags = isListOf(positive, (x) => typeof x === 'boolean')
  expect(op, 'positive', flags, 'a list of true and false', positive)
  checkSame(op, scores.length, 'positive', positive.length)
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i)
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number))
  const steps: Step[] = []
  let [hits, alarms] = [0, 0]
  for (const [at, example] of order.entries()) {
    if (positive[example]) ++hits
    else ++alarms
    const threshold = scores[example] as number
    const next = order[at + 1]
    if (next === undefined || scores[next] !== threshold) steps.push({ threshold, hits, alarms })
  }
  return steps
}

function checkNumbers(op: string, name: string, scores: Scores): void {
  const valid =
    isNumberArray(scores) || isListOf(scores, (x) => typeof x === 'number')
      ? !Array.prototype.some.call(scores, Number.isNaN)
      : false
  expect(op, name, valid, 'a list of numbers', scores)
}

/** The receiver operating characteristic: true positives over false positives, as shares of each. */
export function rocCurve(scores: Scores, positive: readonly boolean[]): Curve {
  const steps = stepsOf('roc curve', scores, positive)
  const { hits, alarms } = steps.at(-1) as Step
  return {
    x: [0, ...steps.map((step) => step.alarms / alarms)],
    y: [0, ...steps.map((step) => step.hits / hits)],
    thresholds: [Infinity, ...steps.map(({ threshold }) => threshold)],
  }
}

/** Precision (y) over recall (x), from the highest scores to all. */
export function prCurve(scores: Scores, positive: readonly boolean[]): Curve {
  const steps = stepsOf('pr curve', scores, positive)
  const { hits } = steps.at(-1) as Step
  return {
    x: [0, ...steps.map((step) => step.hits / hits)],
    y: [1, ...steps.map((step) => step.hits / (step.hits + step.alarms))],
    thresholds: [Infinity, ...steps.map(({ threshold }) => threshold)],
  }
}

/**
 * The area under the ROC curve: how likely a positive example has a higher score than a negative one. NaN where all are
 * positive, or none is.
 */
export function rocArea(scores: Scores, positive: readonly boolean[]): number {
  const { x, y } = rocCurve(scores, positive)
  let area = 0
  for (let i = 1; i < x.length; ++i)
    area += ((x[i] as number) - (x[i - 1] as number)) * ((y[i] as number) + (y[i - 1] as number))
  return area / 2
}

/** The area under the precision-recall curve by steps (average precision). NaN where no example is positive. */
export function prArea(scores: Scores, positive: readonly boolean[]): number {
  const { x, y } = prCurve(scores, positive)
  let area = 0
  for (let i = 1; i < x.length; ++i)
    area += ((x[i] as number) - (x[i - 1] as number)) * (y[i] as number)
  return area
}

/** How a classifier's probabilities rank examples, each label against the rest. */
export interface RankingScore {
  /** Means over the labels that some examples have and some have not; NaN where there are none. */
  rocArea: number
  /** Area under the precision-recall curve (average precision), mean over the labels. */
  prArea: number
  /** The areas by label. */
  perClass: Record<string, { rocArea: number; prArea: number }>
}

/**
 * The areas of each label against the rest. `probabilities`: of an example, in the order of `labels`.
 *
 *     const { rocArea } = metrics.ranking([[0.9, 0.1], [0.3, 0.7]], ['no', 'yes'], ['no', 'yes'])
 */
export function ranking(
  probabilities: readonly Scores[],
  actual: readonly string[],
  labels: readonly string[],
): RankingScore {
  checkProbabilities('ranking', probabilities, actual, labels)
  const areas = labels.map((label, i) => {
    const scores = Float64Array.from(probabilities, (row) => row[i] as number)
    const positive = actual.map((own) => own === label)
    return { rocArea: rocArea(scores, positive), prArea: prArea(scores, positive) }
  })
  const known = areas.filter(({ rocArea }) => !Number.isNaN(rocArea))
  const mean = (name: 'rocArea' | 'prArea') =>
    known.reduce((sum, area) => sum + area[name], 0) / known.length
  return {
    rocArea: mean('rocArea'),
    prArea: mean('prArea'),
    perClass: Object.fromEntries(areas.map((area, i) => [labels[i] as string, area])),
  }
}

/** The least probability that is reckoned with: of one that is 0 the logarithm is not finite. */
const LEAST = Number.EPSILON

/** The mean of -log p, in nats, of the actual labels' probabilities. */
export function logLoss(
  probabilities: readonly Scores[],
  actual: readonly string[],
  labels: readonly string[],
): number {
  const indices = checkProbabilities('log loss', probabilities, actual, labels)
  let sum = 0
  for (const [i, row] of probabilities.entries()) {
    const own = row[indices.get(actual[i] as string) as number] as number
    sum -= Math.log(Math.min(1 - LEAST, Math.max(LEAST, own)))
  }
  return sum / probabilities.length
}

function checkProbabilities(
  op: string,
  probabilities: readonly Scores[],
  actual: readonly string[],
  labels: readonly string[],
): ReadonlyMap<string, number> {
  checkStrings(op, 'labels', labels)
  checkStrings(op, 'actual', actual)
  const rows = isListOf(
    probabilities,
    (row) => isListOf(row, Number.isFinite) || isNumberArray(row),
  )
  expect(op, 'probabilities', rows, 'a list of lists of numbers', probabilities)
  checkSame(op, probabilities.length, 'actual', actual.length)
  const indices = indexOf(op, labels)
  for (const [i, row] of probabilities.entries()) {
    const fits = row.length === labels.length
    expect(op, `probabilities of example ${i}`, fits, `${labels.length} numbers`, row.length)
    checkNumbers(op, `probabilities of example ${i}`, row)
    const own = actual[i] as string
    expect(op, `example ${i}`, indices.has(own), 'a label that is listed', own)
  }
  return indices
}
