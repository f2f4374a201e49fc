/** What classifiers other than networks say of texts, and how well: in the words of `TextClassifier`. */
import { isListOf } from '../../check'
import { expect } from '../../errors'
import { classification, type ClassificationScore } from '../../metrics'
import type { Labelled } from '../../data/labelled'

/** What a text is taken for. */
export interface BaselinePrediction {
  /** The likeliest label. */
  label: string
  /** The likeliest labels first. They sum to 1, unless but the `top` ones are told. */
  probabilities: { label: string; probability: number }[]
  /** The terms of the text that weighed most, for the label (above 0) or against it, by what they add to its score. */
  terms: { term: string; weight: number }[]
}

export interface BaselineScore extends ClassificationScore {
  /** Mean negative log-likelihood of an example's label, in nats. */
  loss: number
}

/** Probabilities by label's number, the likeliest first. */
export function ranked(
  labels: readonly string[],
  probabilities: Float64Array,
  top: number | undefined,
): { label: string; probability: number }[] {
  const order = Array.from(probabilities.keys())
  order.sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number))
  return order
    .slice(0, top)
    .map((k) => ({ label: labels[k] as string, probability: probabilities[k] as number }))
}

/** Scores as probabilities, in place; the natural logarithm of what they were divided by. */
export function softmax(scores: Float64Array): number {
  let most = -Infinity
  for (const score of scores) most = Math.max(most, score)
  let sum = 0
  for (let k = 0; k < scores.length; ++k) sum += scores[k] = Math.exp((scores[k] as number) - most)
  for (let k = 0; k < scores.length; ++k) scores[k]! /= sum
  return most + Math.log(sum)
}

/** Scores as logarithms of probabilities, in place. */
export function logSoftmax(scores: Float64Array): void {
  const norm = softmax(scores.slice())
  for (let k = 0; k < scores.length; ++k) scores[k]! -= norm
}

/** Label numbers of examples; `ERR_ARGUMENT` for one of several labels, or with none that is known. */
export function numbersOf(
  op: string,
  examples: readonly Labelled[],
  labels: readonly string[],
): Int32Array {
  const numbers = new Map(labels.map((label, k) => [label, k]))
  return Int32Array.from(examples, ({ label }, i) => {
    const number = typeof label === 'string' ? numbers.get(label) : undefined
    const expected = Array.isArray(label) ? 'one' : `one of ${labels.join(', ')}`
    expect(op, `example ${i}: label`, number !== undefined, expected, label)
    return number as number
  })
}

/** The score of logarithms of probabilities, a row for each example. */
export function scored(
  labels: readonly string[],
  logs: readonly Float64Array[],
  actual: Int32Array,
): BaselineScore {
  const nameOf = (k: number) => labels[k] as string
  let nats = 0
  const predicted = logs.map((row, i) => {
    nats -= row[actual[i] as number] as number
    let best = 0
    for (let k = 1; k < row.length; ++k) if ((row[k] as number) > (row[best] as number)) best = k
    return nameOf(best)
  })
  return {
    loss: nats / logs.length,
    ...classification(predicted, Array.from(actual, nameOf), { labels }),
  }
}

export function checkTexts(op: string, texts: readonly (string | readonly string[])[]): void {
  const isText = (x: unknown) =>
    typeof x === 'string' ||
    (isListOf(x, (field) => typeof field === 'string') && (x as []).length > 0)
  expect(
    op,
    'texts',
    isListOf(texts, isText),
    'a list of texts, or of lists of their fields',
    texts,
  )
}
