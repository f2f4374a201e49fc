import { expect } from '../errors'
import { freshSeed } from '../tensor/create'
import { native } from '../tensor/native'
import { checkPositive, checkWhole, whole } from './limits'

export interface SamplingOptions {
  /** Divides the logits: below 1 bolder, above 1 more random, 0 always the likeliest. Default 1. */
  temperature?: number | undefined
  /** Chooses among the k likeliest tokens only. */
  topK?: number | undefined
  /** Chooses among the fewest likeliest tokens that together have this probability. */
  topP?: number | undefined
  /** The same seed gives the same choices. Default: a new one each time. */
  seed?: number | undefined
}

/** Chooses tokens from logits; draw number n is a function of (seed, stream, n) alone. */
export class Sampler {
  private readonly temperature: number
  private readonly topK: number
  private readonly topP: number
  private readonly key: Uint32Array
  private draws = 0

  /** Throws `ERR_ARGUMENT` for an option out of its range. */
  constructor(options: SamplingOptions = {}, stream = 'sample') {
    const { temperature = 1, topK, topP = 1, seed = freshSeed() } = options
    checkPositive('sample', 'temperature', temperature)
    if (topK !== undefined) expect('sample', 'topK', whole(topK, 1), 'a whole number above 0', topK)
    const share = typeof topP === 'number' && topP > 0 && topP <= 1
    expect('sample', 'topP', share, 'a number above 0, at most 1', topP)
    checkWhole('sample', 'seed', seed, 0)
    this.temperature = temperature
    this.topK = topK ?? Infinity
    this.topP = topP
    this.key = native.streamKey(seed, stream)
  }

  /** An index into `logits`, never `banned`. */
  choose(logits: ArrayLike<number>, banned: number | null = null): number {
    const ids: number[] = []
    for (let id = 0; id < logits.length; ++id) if (id !== banned) ids.push(id)
    const logit = (id: number) => logits[id] as number
    const likeliest = ids.reduce((best, id) => (logit(id) > logit(best) ? id : best), ids[0] ?? 0)
    if (this.temperature === 0) return likeliest

    const top = logit(likeliest)
    const weigh = (id: number) => Math.exp((logit(id) - top) / this.temperature)
    const candidates = this.cut(ids, weigh, logit)
    const total = candidates.reduce((sum, id) => sum + weigh(id), 0)
    let rest = this.uniform() * total
    for (const id of candidates) {
      rest -= weigh(id)
      if (rest < 0) return id
    }
    return likeliest // rounding left a sliver
  }

  /** What top-k, then top-p leave. */
  private cut(
    ids: number[],
    weigh: (id: number) => number,
    logit: (id: number) => number,
  ): readonly number[] {
    if (this.topK >= ids.length && this.topP === 1) return ids
    const sorted = ids.sort((a, b) => logit(b) - logit(a) || a - b).slice(0, this.topK)
    let missing = this.topP * sorted.reduce((sum, id) => sum + weigh(id), 0)
    const count = sorted.findIndex((id) => (missing -= weigh(id)) <= 0)
    return this.topP === 1 || count < 0 ? sorted : sorted.slice(0, count + 1)
  }

  /** In [0, 1), 53 bits. */
  private uniform(): number {
    const [high = 0, low = 0] = native.philox(
      { key: this.key, step: this.draws++, sampleBase: 0 },
      0,
      1,
    )
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53
  }
}
