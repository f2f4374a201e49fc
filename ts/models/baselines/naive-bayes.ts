import { naiveBayesOptions, type NaiveBayesOptions } from './options'
import type { TermSettings } from '../parts/term-options'
import { Baseline, type Learning, type Weights } from './classifier'
import type { Made } from '../../schema'

/** Terms that are dealt with without a pause. */
const STRETCH = 1 << 14

/**
 * Naive Bayes over n-grams (Manning, Raghavan & Schütze 2008, chapter 13): multinomial, complement (Rennie 2003) or
 * Bernoulli. Learns in one pass, and is hard to beat on short texts.
 *
 *     const model = new NaiveBayes({ ngrams: [1, 2], alpha: 0.5 })
 *     await model.fit([{ text: 'a joy', label: 'good' }, { text: 'a bore', label: 'bad' }])
 *     const [{ label, probabilities, terms }] = await model.predict(['what a joy'])
 */
export class NaiveBayes extends Baseline {
  /** All options, every choice made. */
  readonly options: Readonly<Made<typeof naiveBayesOptions.rows>>
  protected readonly settings: TermSettings

  constructor(options: NaiveBayesOptions = {}) {
    super()
    this.options = naiveBayesOptions.resolve(options)
    // Of Bernoulli's model it matters whether an n-gram is there, and that alone.
    const binary = this.options.variant === 'bernoulli'
    this.settings = binary ? { ...this.options, weighting: 'binary' } : this.options
  }

  /** Loads what `save` wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<NaiveBayes> {
    return Baseline.loadAs(directory, (config, path) => {
      return new NaiveBayes(naiveBayesOptions.parse(config, path))
    })
  }

  protected config(): object {
    return naiveBayesOptions.toJSON(this.options)
  }

  /** Counts, pausing at every yield. */
  protected *learn({
    rows,
    actual,
    labels,
  }: Learning): Generator<void, Weights & { iterations: number }> {
    const { variant, alpha } = this.options
    const texts = new Float64Array(labels)
    const sums = new Float64Array(rows.columns * labels)
    for (const [row, k] of actual.entries()) {
      ++texts[k]!
      const end = rows.begins[row + 1] as number
      for (let at = rows.begins[row] as number; at < end; ++at)
        sums[(rows.indices[at] as number) * labels + k]! += rows.values[at] as number
      if (row % STRETCH === 0) yield
    }
    const bias = texts.map((count) => Math.log(count / actual.length))
    const weight = yield* {
      multinomial: () => multinomial(sums, labels, alpha),
      complement: () => complement(sums, labels, alpha),
      bernoulli: () => bernoulli(sums, texts, bias, alpha),
    }[variant]()
    return { weight, bias: variant === 'complement' ? bias.fill(0) : bias, iterations: 1 }
  }
}

/** ln of each term's share of all terms of a label. */
function* multinomial(
  sums: Float64Array,
  labels: number,
  alpha: number,
): Generator<void, Float32Array> {
  const totals = new Float64Array(labels)
  for (let i = 0; i < sums.length; ++i) totals[i % labels]! += (sums[i] as number) + alpha
  const weight = new Float32Array(sums.length)
  for (let i = 0; i < sums.length; ++i) {
    weight[i] = Math.log(((sums[i] as number) + alpha) / (totals[i % labels] as number))
    if (i % STRETCH === 0) yield
  }
  return weight
}

/** -ln of each term's share of all terms of the other labels. */
function* complement(
  sums: Float64Array,
  labels: number,
  alpha: number,
): Generator<void, Float32Array> {
  const others = new Float64Array(sums.length)
  for (let begin = 0; begin < sums.length; begin += labels) {
    let all = 0
    for (let k = 0; k < labels; ++k) all += sums[begin + k] as number
    // Of numbers that are not whole the difference may fall below 0 by rounding.
    for (let k = 0; k < labels; ++k)
      others[begin + k] = Math.max(0, all - (sums[begin + k] as number))
    if (begin % STRETCH === 0) yield
  }
  return (yield* multinomial(others, labels, alpha)).map((w) => -w)
}

/** The log odds that a text of a label has a term; what the absence of all adds up to goes to the bias. */
function* bernoulli(
  sums: Float64Array,
  texts: Float64Array,
  bias: Float64Array,
  alpha: number,
): Generator<void, Float32Array> {
  const labels = texts.length
  const weight = new Float32Array(sums.length)
  for (let i = 0; i < sums.length; ++i) {
    const k = i % labels
    const total = (texts[k] as number) + 2 * alpha
    const there = (sums[i] as number) + alpha
    weight[i] = Math.log(there / (total - there))
    bias[k]! += Math.log((total - there) / total)
    if (i % STRETCH === 0) yield
  }
  return weight
}
