/** The folded decoder of a network, kept between searches and shared by those that run side by side. */
import type { Decoder } from './decoder'
import { FoldedDecoder } from './folded-decoder'

/** A table above this is not kept once nobody reads it. */
const KEPT_BYTES = 64 * 2 ** 20

/** One version of the weights, folded. */
interface Fold {
  readonly decoder: FoldedDecoder
  /** Of the weights. */
  readonly from: string
  users: number
  /** Tokens that were to be read with it. */
  tokens: number
}

export interface LentFold {
  readonly decoder: FoldedDecoder
  release(): void
}

export class Folds {
  private kept: Fold | null = null

  constructor(private readonly decoder: Decoder) {}

  /**
   * One for the weights as all ops submitted so far leave them, to be released after use; null where the decoder is of another
   * kind. `tokens`: about as many will be read now, `more` of them before long. Not within a scope.
   */
  lend(tokens: number, more: number): LentFold | null {
    const { decoder } = this
    if (!FoldedDecoder.foldable(decoder)) return null
    const weights = FoldedDecoder.weightsOf(decoder)
    const from = weights.map((weight) => weight.written()).join()
    if (this.kept?.from !== from) {
      this.dispose()
      this.kept = { decoder: FoldedDecoder.of(decoder), from, users: 0, tokens: 0 }
    }
    const fold = this.kept as Fold
    fold.tokens += tokens
    ++fold.users
    // A table pays once as many tokens are read as there are.
    const [vocabulary] = weights[0].shape as [number]
    if (more >= vocabulary || fold.tokens >= vocabulary) fold.decoder.tabulate()
    return {
      decoder: fold.decoder,
      release: () => {
        if (--fold.users > 0) return
        if (fold !== this.kept) return fold.decoder.dispose()
        if (fold.decoder.tableBytes > KEPT_BYTES) {
          fold.decoder.forgetTable()
          fold.tokens = 0
        }
      },
    }
  }

  /** Lets go of it, once nobody uses it. */
  dispose(): void {
    if (this.kept?.users === 0) this.kept.decoder.dispose()
    this.kept = null
  }
}
