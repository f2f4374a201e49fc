import { RnnativeError } from '../errors'
import { randomUniforms, streamKey } from '../tensor/random'
import type { PairBatch, PairSet } from './pairs'

/** By how many tokens pairs of one batch may differ for chance alone, so that batches change. */
const JITTER = 1.5

/**
 * Cuts pairs into batches of `batchTokens` real tokens or a little less on average: tokens are those
 * of the sources and of the targets with their `</s>`; padding does not count. A pass has
 * ceil(all tokens / batchTokens) batches, or one per pair if that is less, as equal in tokens as whole
 * pairs allow: none exceeds an equal share by its longest pair or more.
 *
 * Pairs of similar lengths come together: sorted by target length, cut into bands, and within a band
 * by source length, each with a jitter of 1.5 tokens. The batches of a pass come in random order.
 * Pass and index determine a batch, so that training continues from any position.
 */
export class PairBatches {
  /** Batches in a pass. */
  readonly count: number
  private readonly pairs: PairSet
  private readonly seed: number
  private readonly total: number
  private plan: { pass: number; batches: Uint32Array[] } | null = null

  /** Throws `ERR_ARGUMENT` for a `batchTokens` that is no number of at least 1. */
  constructor(pairs: PairSet, { batchTokens, seed }: { batchTokens: number; seed: number }) {
    if (!(batchTokens >= 1 && batchTokens < Infinity))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[fit] batchTokens: expected a number of at least 1, got ${batchTokens}`,
      )
    this.pairs = pairs
    this.seed = seed
    let total = 0
    for (let i = 0; i < pairs.length; ++i) total += this.tokensOf(i)
    this.total = total
    this.count = Math.min(pairs.length, Math.ceil(total / batchTokens))
  }

  /** Which pairs make up batch `index` of pass `pass`, both from 0. */
  indices(pass: number, index: number): Uint32Array {
    if (this.plan?.pass !== pass) this.plan = { pass, batches: this.arrange(pass) }
    const found = this.plan.batches[index]
    if (found === undefined)
      throw new RnnativeError(
        'ERR_INDEX',
        `[pairs] batch: expected 0 to ${this.count - 1}, got ${index}`,
      )
    return found
  }

  batch(pass: number, index: number): PairBatch {
    return this.pairs.assemble(this.indices(pass, index))
  }

  private tokensOf(pair: number): number {
    return this.pairs.sourceLength(pair) + this.pairs.targetLength(pair)
  }

  private arrange(pass: number): Uint32Array[] {
    const { pairs, count } = this
    const { length } = pairs
    const stream = { key: streamKey(this.seed, 'pairs'), step: pass, sampleBase: 0 }
    const random = randomUniforms(stream, 2 * length + count)
    const jittered = (size: number, at: number) => size + JITTER * (random[at] as number)
    const bySource = Float64Array.from({ length }, (_, i) => jittered(pairs.sourceLength(i), i))
    const byTarget = Float64Array.from({ length }, (_, i) =>
      jittered(pairs.targetLength(i), length + i),
    )
    const order = Uint32Array.from({ length }, (_, i) => i)
    order.sort((a, b) => (byTarget[a] as number) - (byTarget[b] as number) || a - b)
    const bands = Math.max(1, Math.round(Math.sqrt(count)))
    for (let band = 0; band < bands; ++band) {
      const [begin, end] = [band, band + 1].map((i) => Math.floor((i * length) / bands))
      // Every other band backwards, so that a batch across two of them is of similar lengths, too.
      const sign = band % 2 === 0 ? 1 : -1
      order
        .subarray(begin, end)
        .sort((a, b) => sign * ((bySource[a] as number) - (bySource[b] as number)) || a - b)
    }
    const batches = this.cut(order)
    for (let left = count; left > 1; --left) {
      const chosen = Math.floor((random[2 * length + left - 1] as number) * left)
      const last = batches[left - 1] as Uint32Array
      batches[left - 1] = batches[chosen] as Uint32Array
      batches[chosen] = last
    }
    return batches
  }

  /** Cuts where each further share of the tokens is reached. */
  private cut(order: Uint32Array): Uint32Array[] {
    const { count, total } = this
    const batches: Uint32Array[] = []
    let begin = 0
    let tokens = 0
    for (let batch = 1; batch <= count; ++batch) {
      const most = order.length - (count - batch) // one pair at least for each batch to come
      let end = begin
      while (end < most && (end === begin || tokens < (total * batch) / count))
        tokens += this.tokensOf(order[end++] as number)
      batches.push(order.subarray(begin, end))
      begin = end
    }
    return batches
  }
}
