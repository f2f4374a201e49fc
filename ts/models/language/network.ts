import { Dropout, Embedding, Linear, Module, type Recurrent } from '../../nn'
import { variantOf } from '../../nn/variant'
import { makeRecurrent } from '../../nn/recurrent'
import type { RecurrentState } from '../../nn'
import type { Tensor } from '../../tensor'
import * as ops from '../../ops'
import type { DeviceOption } from '../../tensor/device'
import { cellOf, featuresOf, forgetBiasOf } from '../parts/recurrent-options'
import type { LanguageNetworkOptions } from './options'

/**
 * Embedding, recurrent stack, output projection. Dropout lies on the non-recurrent connections
 * (Zaremba et al. 2014). Parameters: `embedding.weight`, `rnn.weight_ih_l0` and so on under PyTorch's
 * names, `output.weight` (absent when tied to the embedding), `output.bias`.
 */
export class LanguageNetwork extends Module {
  readonly embedding: Embedding
  readonly rnn: Recurrent
  readonly output: Linear
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(
    vocabulary: number,
    options: LanguageNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    const { cell, layers, hidden, embedding, tieWeights, precision } = options
    const { dropout, recurrentDropout, weightDrop, zoneout, init } = options
    const sizes = { input: embedding, hidden, layers, device, precision }
    const drops = { dropout, recurrentDropout, weightDrop, zoneout }
    this.embedding = new Embedding(vocabulary, embedding, { device })
    this.rnn = makeRecurrent(cellOf(cell), {
      ...{ ...sizes, ...drops, ...variantOf(options), forgetBias: forgetBiasOf(init) },
    })
    this.output = new Linear(featuresOf(options), vocabulary, { device, precision })
    if (tieWeights) {
      this.output.weight.dispose()
      this.output.weight = this.embedding.weight
    }
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed, init)
  }

  /** What each token gives the first layer's gates: [vocabulary, G*H]. */
  table(): Tensor {
    return this.rnn.project(this.embedding.weight)
  }

  /**
   * ids: i32 [time, batch]. `output` is what the projection takes, `undropped` the same without dropout:
   * [time, batch, features of h]. Tokens are
   * looked up in `table`, or in one made for this call where most of them occur more than once.
   */
  forward(
    ids: Tensor,
    state: RecurrentState | null,
    table: Tensor | null = null,
  ): { output: Tensor; undropped: Tensor; state: RecurrentState } {
    const vocabulary = this.embedding.weight.shape[0] as number
    const dropped = this.training && this.inputDropout.p > 0
    const repeating = !dropped && 2 * vocabulary <= ids.size
    const lookedUp = table ?? (repeating ? this.table() : null)
    const x = lookedUp
      ? ops.embedding(ids, lookedUp)
      : this.inputDropout.forward(this.embedding.forward(ids))
    const result = this.rnn.forward(x, { state, projected: lookedUp !== null })
    const { output: undropped, state: last } = result
    return { output: this.outputDropout.forward(undropped), undropped, state: last }
  }
}
