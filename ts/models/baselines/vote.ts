import { isListOf, isObject, optionsOf, type Names } from '../../check'
import { expect } from '../../errors'
import { inStretches } from '../../pauses'
import { gatherLabelled, type Labelled } from '../../data/labelled'
import { minimise } from './lbfgs'
import {
  logSoftmax,
  numbersOf,
  ranked,
  scored,
  softmax,
  type BaselineScore,
} from '../parts/prediction'
import type { Text } from '../parts/vectorizer'

/** What can vote: anything that gives a probability for each label. */
export interface Voter {
  /** Probabilities of labels, for each text. */
  predict(
    texts: readonly string[],
  ): Promise<readonly { probabilities: readonly { label: string; probability: number }[] }[]>
}

/** Options of {@link Vote}. */
export interface VoteOptions {
  /** What each voter's logarithms of probabilities are multiplied by. Default: one over their number; `fit` chooses. */
  weights?: readonly number[] | undefined
}

const NAMES: Names<VoteOptions> = { weights: true }

/** Least probability that is reckoned with: no voter can rule a label out. */
const LEAST = 1e-9
/** Texts that are dealt with without a pause. */
const STRETCH = 1 << 10
/** How strongly weights are held at equal shares, in texts' losses. */
const HOLD = 1

/**
 * Joins classifiers of any kind. Probabilities are multiplied, each to the power of its voter's weight (a log-linear pool), so
 * that weights also mend voters that are too sure. `fit` chooses weights that make the validation data likeliest.
 *
 *     const vote = new Vote([naiveBayes, maxEnt, textClassifier])
 *     await vote.fit(validation)
 *     const [{ label }] = await vote.predict(['a text'])
 *
 * The voters stay the caller's; they must know the same labels.
 */
export class Vote {
  /** Who votes. */
  readonly voters: readonly Voter[]
  private given: Float64Array

  constructor(voters: readonly Voter[], options: VoteOptions = {}) {
    const { weights } = optionsOf('Vote', options, NAMES)
    const can = (x: unknown) => typeof (x as Partial<Voter> | null)?.predict === 'function'
    expect(
      'Vote',
      'voters',
      isListOf(voters, can) && voters.length > 0,
      'a list of classifiers',
      voters,
    )
    this.voters = voters.slice()
    const count = voters.length
    const fits = (x: unknown) =>
      isListOf(x, (w) => Number.isFinite(w) && (w as number) >= 0) && (x as []).length === count
    if (weights !== undefined)
      expect('Vote', 'weights', fits(weights), `${count} numbers of at least 0`, weights)
    this.given = Float64Array.from(weights ?? voters.map(() => 1 / count))
  }

  /** What each voter's logarithms of probabilities are multiplied by. */
  get weights(): readonly number[] {
    return Array.from(this.given)
  }

  /** Chooses weights, none below 0, by examples that no voter has learned. */
  async fit(examples: Iterable<Labelled> | AsyncIterable<Labelled>): Promise<void> {
    const all = await gatherLabelled('fit', examples)
    const { labels, logs } = await this.ask(
      'fit',
      all.map(({ text }) => text),
    )
    const actual = numbersOf('fit', all, labels)
    const share = 1 / this.voters.length
    // Squares of numbers, so that no weight is below 0.
    const roots = new Float64Array(this.voters.length).fill(Math.sqrt(share))
    const evaluate = function* (x: Float64Array, gradient: Float64Array) {
      let loss = 0
      gradient.fill(0)
      for (const [m, root] of x.entries()) {
        loss += HOLD * (root * root - share) ** 2
        gradient[m] = 4 * HOLD * (root * root - share) * root
      }
      for (const [i, own] of logs.entries()) {
        const scores = pool(
          own,
          x.map((root) => root * root),
        )
        const label = actual[i] as number
        loss -= scores[label] as number
        loss += softmax(scores)
        if (i % STRETCH === 0) yield
        for (const [m, row] of own.entries()) {
          let slope = -(row[label] as number)
          for (const [k, p] of scores.entries()) slope += p * (row[k] as number)
          gradient[m]! += 2 * (x[m] as number) * slope
        }
      }
      return loss
    }
    const problem = { size: roots.length, evaluate }
    await inStretches(minimise(problem, roots, { iterations: 100, tolerance: 1e-6 * all.length }))
    this.given = roots.map((root) => root * root)
  }

  /** What the voters together take each text for. */
  async predict(
    texts: readonly Text[],
  ): Promise<{ label: string; probabilities: { label: string; probability: number }[] }[]> {
    const { labels, logs } = await this.ask('predict', texts)
    return logs.map((own) => {
      const scores = pool(own, this.given)
      softmax(scores)
      const probabilities = ranked(labels, scores, undefined)
      return { label: (probabilities[0] as { label: string }).label, probabilities }
    })
  }

  /** How good that is, on examples with labels. */
  async evaluate(examples: Iterable<Labelled> | AsyncIterable<Labelled>): Promise<BaselineScore> {
    const all = await gatherLabelled('evaluate', examples)
    const { labels, logs } = await this.ask(
      'evaluate',
      all.map(({ text }) => text),
    )
    const rows = logs.map((own) => {
      const scores = pool(own, this.given)
      logSoftmax(scores)
      return scores
    })
    return scored(labels, rows, numbersOf('evaluate', all, labels))
  }

  /** By text, by voter: the logarithms of the labels' probabilities. */
  private async ask(
    op: string,
    texts: readonly Text[],
  ): Promise<{ labels: string[]; logs: Float64Array[][] }> {
    expect(op, 'texts', Array.isArray(texts), 'a list of texts', texts)
    let labels: string[] = []
    const logs: Float64Array[][] = texts.map(() => [])
    for (const [m, voter] of this.voters.entries()) {
      const made = await voter.predict(texts as readonly string[])
      for (const [i, prediction] of made.entries()) {
        const told = new Map(
          isObject(prediction)
            ? prediction.probabilities.map((one) => [one.label, one.probability])
            : [],
        )
        if (m === 0 && i === 0) labels = [...told.keys()].sort()
        const same = told.size === labels.length && labels.every((label) => told.has(label))
        expect(op, `voter ${m}`, same, `the labels ${labels.join(', ')}`, [...told.keys()])
        logs[i]?.push(
          Float64Array.from(labels, (label) =>
            Math.log(Math.max(LEAST, told.get(label) as number)),
          ),
        )
      }
    }
    return { labels, logs }
  }
}

function pool(logs: readonly Float64Array[], weights: Float64Array): Float64Array {
  const scores = new Float64Array((logs[0] as Float64Array).length)
  for (const [m, row] of logs.entries())
    for (const [k, log] of row.entries()) scores[k]! += (weights[m] as number) * log
  return scores
}
