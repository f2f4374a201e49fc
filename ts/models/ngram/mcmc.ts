/**
 * Markov-chain Monte Carlo over sentences in which some words are given: the others are drawn from what the model
 * says of the whole sentence, those before and after it included.
 */
import type { Sampler } from '../../decode/sampler'
import { draw } from './choose'
import type { Words } from './sentences'
import type { Walker } from './walk'

export type McmcMethod = 'gibbs' | 'metropolis-hastings'

/** Words that are tried without a pause. */
const STRETCH = 1 << 12

/** A chain's sentence: the blanks are at `blanks`. */
export interface Sentence {
  words: Int32Array
  blanks: readonly number[]
}

export class Chain {
  /** Proposals, and those that were taken; of Gibbs sampling all are. */
  proposed = 0
  taken = 0
  private readonly probabilities: Float64Array

  constructor(
    private readonly walker: Walker,
    private readonly words: Words,
    private readonly sentence: Sentence,
    private readonly sampler: Sampler,
    private readonly banned: readonly number[],
  ) {
    this.probabilities = new Float64Array(words.size)
    // Any sentence will do that is not impossible: each blank by what stands before it.
    for (const at of sentence.blanks) {
      this.before(at)
      sentence.words[at] = draw(this.probabilities, sampler.uniform())
    }
  }

  /** Draws each blank once. */
  *sweep(method: McmcMethod): Generator<void, void> {
    for (const at of this.sentence.blanks) {
      if (method === 'gibbs') yield* this.gibbs(at)
      else this.metropolis(at)
      yield
    }
  }

  /** Base 10, of the sentence and its end. */
  get logProbability(): number {
    const { walker, sentence } = this
    let state = 1 + this.words.begin
    let sum = 0
    for (const word of [...sentence.words, this.words.end]) {
      state = walker.step(state, word)
      sum += walker.logProbability
    }
    return sum
  }

  /** The state before a place; its distribution is in `probabilities`. */
  private before(at: number): number {
    const { walker, words } = this
    let state = 1 + words.begin
    for (const word of this.sentence.words.subarray(0, at)) state = walker.step(state, word)
    walker.distribution(state, words.begin, this.probabilities)
    for (const word of this.banned) this.probabilities[word] = 0
    return state
  }

  /** What the words that can see a place have of probability, with this word there. Base 10. */
  private after(before: number, at: number, word: number): number {
    const { walker, words } = this
    const all = this.sentence.words
    let state = walker.step(before, word)
    let sum = 0
    for (let i = at + 1; i <= Math.min(all.length, at + walker.order - 1); ++i) {
      state = walker.step(state, i < all.length ? (all[i] as number) : words.end)
      sum += walker.logProbability
    }
    return sum
  }

  /** From the distribution of the word given all others (Geman & Geman 1984). */
  private *gibbs(at: number): Generator<void, void> {
    const before = this.before(at)
    const logs = new Float64Array(this.words.size).fill(-Infinity)
    let most = -Infinity
    for (const [word, p] of this.probabilities.entries()) {
      if (p > 0) logs[word] = Math.log10(p) + this.after(before, at, word)
      most = Math.max(most, logs[word] as number)
      if (word % STRETCH === 0) yield
    }
    const weights = logs.map((log) => 10 ** (log - most))
    this.sentence.words[at] = draw(weights, this.sampler.uniform())
    ++this.proposed
    ++this.taken
  }

  /**
   * Proposes what may follow the words before (Hastings 1970): those before then cancel out of the ratio, and what
   * is left is how well the words after fit.
   */
  private metropolis(at: number): void {
    const before = this.before(at)
    const proposal = draw(this.probabilities, this.sampler.uniform())
    const now = this.after(before, at, this.sentence.words[at] as number)
    const then = this.after(before, at, proposal)
    ++this.proposed
    if (Math.log10(this.sampler.uniform()) >= then - now) return
    this.sentence.words[at] = proposal
    ++this.taken
  }
}
