import { randomWords, streamKey } from '../../tensor/random'
import type { Made } from '../../schema'
import { Baseline, type Learning, type Weights } from './classifier'
import { minimise } from './lbfgs'
import { maxEntOptions, type MaxEntOptions } from './options'
import type { TermSettings } from '../parts/term-options'
import { softmax } from '../parts/prediction'
import type { Sparse } from '../parts/sparse'

/** Largest slope, of the mean loss, that counts as none. */
const TOLERANCE = 1e-4
/** Texts of one of Adam's batches. */
const BATCH = 64
/** Rows that are dealt with without a pause. */
const STRETCH = 512

/**
 * Maximum entropy, also called logistic regression, over n-grams: the convex classifier that a network must beat. By
 * L-BFGS or Adam, with L2 and L1 penalties.
 *
 *     const model = new MaxEnt({ analyzer: 'char', ngrams: [1, 2, 3], sublinear: true, l2: 0.1 })
 */
export class MaxEnt extends Baseline {
  /** All options, every choice made. */
  readonly options: Readonly<Made<typeof maxEntOptions.rows>>
  protected readonly settings: TermSettings

  constructor(options: MaxEntOptions = {}) {
    super()
    this.options = maxEntOptions.resolve(options)
    this.settings = this.options
  }

  /** Loads what `save` wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<MaxEnt> {
    return Baseline.loadAs(directory, (config, path) => {
      return new MaxEnt(maxEntOptions.parse(config, path))
    })
  }

  protected config(): object {
    return maxEntOptions.toJSON(this.options)
  }

  /** Finds the weights, pausing at every yield. */
  protected *learn(learning: Learning): Generator<unknown, Weights & { iterations: number }> {
    const { rows, labels, actual } = learning
    const { solver, iterations, l1 } = this.options
    if (labels === 1)
      return { weight: new Float32Array(rows.columns), bias: new Float64Array(1), iterations: 0 }
    const likelihood = new Likelihood(learning, this.options.l2)
    const { size, biases } = likelihood
    const x = new Float64Array(size)
    let passes = iterations
    if (solver === 'adam') yield* this.adam(likelihood, x)
    else
      passes = yield* minimise(
        {
          size,
          evaluate: (at, gradient) => likelihood.all(at, gradient),
          l1: l1 > 0 ? (i) => (i < biases ? l1 : 0) : undefined,
        },
        x,
        { iterations, tolerance: TOLERANCE * actual.length },
      )
    return { ...likelihood.weights(x), iterations: passes }
  }

  /** Kingma & Ba 2015, over batches in random order; the L1 penalty brings weights nearer to 0 after each. */
  private *adam(likelihood: Likelihood, x: Float64Array): Generator<void, void> {
    const { iterations, rate, l1, seed } = this.options
    const [first, second] = [new Float64Array(x.length), new Float64Array(x.length)]
    const gradient = new Float64Array(x.length)
    const count = likelihood.rows
    const key = streamKey(seed, 'max-ent')
    const shrink = (rate * l1) / count
    let step = 0
    for (let pass = 0; pass < iterations; ++pass) {
      const lots = randomWords({ key, step: pass, sampleBase: 0 }, count)
      const order = Uint32Array.from(lots.keys()).sort((a, b) => lots[a]! - lots[b]!)
      for (let begin = 0; begin < count; begin += BATCH) {
        const batch = order.subarray(begin, begin + BATCH)
        likelihood.batch(batch, x, gradient)
        ++step
        const scale = (rate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step)
        for (let i = 0; i < x.length; ++i) {
          const g = gradient[i] as number
          const m = (first[i] = 0.9 * (first[i] as number) + 0.1 * g)
          const v = (second[i] = 0.999 * (second[i] as number) + 0.001 * g * g)
          x[i]! -= (scale * m) / (Math.sqrt(v) + 1e-8)
        }
        if (shrink > 0) for (let i = 0; i < likelihood.biases; ++i) x[i] = shrunk(x[i]!, shrink)
        yield
      }
    }
  }
}

const shrunk = (x: number, by: number): number => Math.sign(x) * Math.max(0, Math.abs(x) - by)

/**
 * The negative log-likelihood of all texts, with half the squares of the weights times `l2`. Weights are [terms, columns],
 * then as many biases. Of two labels one column does: that of the second, the first one's is 0.
 */
class Likelihood {
  readonly columns: number
  /** Where the biases begin. */
  readonly biases: number
  readonly size: number
  private readonly scores: Float64Array
  private readonly sparse: Sparse
  private readonly actual: Int32Array

  constructor(
    private readonly learning: Learning,
    private readonly l2: number,
  ) {
    const { rows, labels, actual } = learning
    this.sparse = rows
    this.actual = actual
    this.columns = labels === 2 ? 1 : labels
    this.biases = rows.columns * this.columns
    this.size = this.biases + this.columns
    this.scores = new Float64Array(this.columns)
  }

  get rows(): number {
    return this.sparse.rows
  }

  *all(x: Float64Array, gradient: Float64Array): Generator<void, number> {
    let loss = this.penalise(x, gradient, this.l2)
    for (let row = 0; row < this.rows; ++row) {
      loss += this.row(row, x, gradient, 1)
      if (row % STRETCH === 0) yield
    }
    return loss
  }

  /** The gradient of the mean loss of a few. */
  batch(rows: Uint32Array, x: Float64Array, gradient: Float64Array): void {
    this.penalise(x, gradient, this.l2 / this.rows)
    for (const row of rows) this.row(row, x, gradient, 1 / rows.length)
  }

  private penalise(x: Float64Array, gradient: Float64Array, l2: number): number {
    gradient.fill(0)
    if (l2 === 0) return 0
    let squares = 0
    for (let i = 0; i < this.biases; ++i) {
      squares += (x[i] as number) ** 2
      gradient[i] = l2 * (x[i] as number)
    }
    return (l2 / 2) * squares
  }

  /** The loss of a row; adds `scale` times its gradient. */
  private row(row: number, x: Float64Array, gradient: Float64Array, scale: number): number {
    const { scores, columns, biases } = this
    const { begins, indices, values } = this.sparse
    const [begin, end] = [begins[row] as number, begins[row + 1] as number]
    const own = this.actual[row] as number
    if (columns === 1) {
      let score = x[biases] as number
      for (let at = begin; at < end; ++at)
        score += (values[at] as number) * (x[indices[at] as number] as number)
      const margin = own === 1 ? score : -score
      const wrong = 1 / (1 + Math.exp(margin))
      const slope = scale * (own === 1 ? -wrong : wrong)
      for (let at = begin; at < end; ++at)
        gradient[indices[at] as number]! += slope * (values[at] as number)
      gradient[biases]! += slope
      return margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin
    }
    for (let k = 0; k < columns; ++k) scores[k] = x[biases + k] as number
    for (let at = begin; at < end; ++at) {
      const from = (indices[at] as number) * columns
      const value = values[at] as number
      for (let k = 0; k < columns; ++k) scores[k]! += value * (x[from + k] as number)
    }
    const score = scores[own] as number
    const loss = softmax(scores) - score
    scores[own]! -= 1
    for (let at = begin; at < end; ++at) {
      const from = (indices[at] as number) * columns
      const value = scale * (values[at] as number)
      for (let k = 0; k < columns; ++k) gradient[from + k]! += value * (scores[k] as number)
    }
    for (let k = 0; k < columns; ++k) gradient[biases + k]! += scale * (scores[k] as number)
    return loss
  }

  /** What was found as weights of all labels; of two, half of the one column each way. */
  weights(x: Float64Array): Weights {
    const { biases, learning } = this
    if (learning.labels > 2)
      return { weight: Float32Array.from(x.subarray(0, biases)), bias: x.slice(biases) }
    const weight = new Float32Array(2 * biases)
    for (let i = 0; i < biases; ++i) {
      weight[2 * i] = -(x[i] as number) / 2
      weight[2 * i + 1] = (x[i] as number) / 2
    }
    const bias = x[biases] as number
    return { weight, bias: Float64Array.of(-bias / 2, bias / 2) }
  }
}
