import { checkPositive, checkWhole, optionsOf, whole, type Names } from '../check'
import { expect } from '../errors'
import type { AbortSignalLike } from '../signal'
import { freshSeed } from '../tensor/create'
import { randomWords, streamKey } from '../tensor/random'

/** How a token is drawn. */
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

export const SAMPLING_NAMES: Names<SamplingOptions> = {
  ...{ temperature: true, topK: true, topP: true, seed: true },
}

/** How texts are continued. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to generate. Default 200. */
  length?: number | undefined
  /** Ends the generation with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

export const GENERATE_NAMES: Names<GenerateOptions> = {
  ...{ ...SAMPLING_NAMES, length: true, signal: true },
}

/** How to draw, for `ops.sampleTokens`; draw number n is a function of (seed, stream, n) alone. */
export class Sampler {
  readonly options: { readonly temperature: number; readonly topK: number; readonly topP: number }
  private readonly key: Uint32Array
  private draws = 0

  /** Throws `ERR_ARGUMENT` for an option out of its range. */
  constructor(options: SamplingOptions = {}, stream = 'sample') {
    const {
      temperature = 1,
      topK,
      topP = 1,
      seed = freshSeed(),
    } = optionsOf('sample', options, SAMPLING_NAMES)
    checkPositive('sample', 'temperature', temperature)
    if (topK !== undefined) expect('sample', 'topK', whole(topK, 1), 'a whole number above 0', topK)
    const share = typeof topP === 'number' && topP > 0 && topP <= 1
    expect('sample', 'topP', share, 'a number above 0, at most 1', topP)
    checkWhole('sample', 'seed', seed, 0)
    this.options = { temperature, topK: Math.min(topK ?? 0, 2 ** 31 - 1), topP }
    this.key = streamKey(seed, stream)
  }

  /** The next random number: in [0, 1), 53 bits. */
  uniform(): number {
    const random = { key: this.key, step: this.draws++, sampleBase: 0 }
    const [high = 0, low = 0] = randomWords(random, 2)
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53
  }
}
