import { RnnativeError } from '../errors'
import { randomUniforms, streamKey } from '../tensor/random'
import { arrange, numbersFor } from './arrange'
import type { PairBatch, PairSet } from './pairs'

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
    const arrangement = {
      length: pairs.length,
      sizes: [(i: number) => pairs.sourceLength(i), (i: number) => pairs.targetLength(i)],
      weight: (i: number) => this.tokensOf(i),
      count,
    }
    const key = streamKey(this.seed, 'pairs')
    const random = randomUniforms({ key, step: pass, sampleBase: 0 }, numbersFor(arrangement))
    return arrange(arrangement, random)
  }
}
