import type { BeamSettings } from './beam-options'
import { complete, coverageTerm, lengthDivisor, type Hypothesis, type Node } from './hypothesis'

/** A token after a live hypothesis, with log-probability and score of the two. */
export interface Candidate {
  /** Index among the group's live hypotheses. */
  readonly from: number
  readonly token: number
  readonly logProbability: number
  readonly score: number
}

/** The beam of one group of one source: live hypotheses, all of one length, and finished ones. */
export class Group {
  /** Best first when chosen; at most `width`. */
  live: Node[]
  /** Which live hypothesis of the step before each one extends. */
  origins: number[] = [0]
  /** Best first; of equals the one found first. */
  readonly kept: Hypothesis[] = []
  private readonly capacity: number

  constructor(
    root: Node,
    private readonly settings: BeamSettings,
    private readonly maxLength: number,
  ) {
    this.live = [root]
    this.capacity = Math.min(settings.nBest, settings.width)
  }

  /**
   * Goes on with the candidates of a step, best first. `length`: tokens of the live hypotheses so
   * far; `attention`: that of each of them.
   */
  accept(candidates: readonly Candidate[], length: number, attention: Float32Array[] | null): void {
    const parents = this.live
    this.live = []
    this.origins = []
    for (const { from, token, logProbability, score } of candidates) {
      const parent = parents[from] as Node
      const weights = attention?.[from] ?? null
      const coverage =
        this.settings.coveragePenalty > 0 && weights
          ? Float64Array.from(weights, (w, i) => w + (parent.coverage?.[i] ?? 0))
          : null
      const node = { parent, token, logProbability, score, attention: weights, coverage }
      if (token === this.settings.end) this.finish(node, length + 1)
      else {
        this.live.push(node)
        this.origins.push(from)
      }
    }
    if (this.settled(length + 1)) this.live = []
  }

  /** Its live hypotheses are where they were put. */
  stay(): void {
    this.origins = [...this.live.keys()]
  }

  private finish(node: Node, count: number): void {
    const { lengthPenalty, coveragePenalty, alignments } = this.settings
    const covered = node.coverage ? coveragePenalty * coverageTerm(node.coverage) : 0
    const score = node.score / lengthDivisor(count, lengthPenalty) + covered
    const after = this.kept.findIndex((other) => other.score < score)
    const place = after < 0 ? this.kept.length : after
    this.kept.splice(place, 0, complete(node, score, count > this.maxLength, alignments))
    this.kept.length = Math.min(this.kept.length, this.capacity)
  }

  /**
   * Whether no live hypothesis, of `count` tokens, can beat the worst kept one any more. Exact:
   * sums only fall (once they do), coverage only takes away, and the length penalty helps most either
   * at the greatest length or (of a positive sum, which rounding alone can make) at the least.
   */
  private settled(count: number): boolean {
    const worst = this.kept[this.capacity - 1]
    const { lengthPenalty, risesUntil } = this.settings
    if (worst === undefined || count < risesUntil) return false
    const most = lengthDivisor(this.maxLength + 1, lengthPenalty)
    const least = lengthDivisor(count + 1, lengthPenalty)
    return this.live.every(({ score }) => Math.max(score / most, score / least) <= worst.score)
  }
}

/** The search over one source of the batch. */
export class SourceSearch {
  readonly groups: readonly Group[]
  /** Tokens of the live hypotheses. */
  length = 0
  private readonly maxLength: number
  private readonly prefix: Int32Array

  constructor(
    /** Its number in the batch. */
    readonly index: number,
    private readonly settings: BeamSettings,
    /** Real positions under attention. */
    readonly positions: number,
  ) {
    this.maxLength = settings.maxLengths[index] as number
    this.prefix = settings.prefixes[index] as Int32Array
    const root: Node = {
      ...{ parent: null, token: settings.start, logProbability: 0, score: 0 },
      ...{ attention: null, coverage: null },
    }
    this.groups = Array.from(
      { length: settings.groups },
      () => new Group(root, settings, this.maxLength),
    )
  }

  get done(): boolean {
    return this.groups.every(({ live }) => live.length === 0)
  }

  /** The only token that may follow now; null if there is a choice. */
  get forced(): number | null {
    if (this.length < this.prefix.length) return this.prefix[this.length] as number
    return this.length === this.maxLength ? this.settings.end : null
  }

  /** Steps from now on in which there is a choice, if it goes on so long. */
  get choices(): number {
    return this.forced === null ? this.maxLength - this.length : 0
  }

  /** Best first; of equals the earlier group's, then the one found first. */
  best(): Hypothesis[] {
    const all = this.groups.flatMap(({ kept }) => kept)
    return all.sort((a, b) => b.score - a.score).slice(0, this.settings.nBest)
  }
}
