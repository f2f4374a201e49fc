import { Dropout, Embedding, Linear, Module, type PositionEmbedding } from '../../nn'
import type { Recurrent, RecurrentState } from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import type { Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import { makePositions } from '../parts/positions'
import { embeddingDeviation, makeStack } from '../parts/stack'
import type { Seq2SeqNetworkOptions } from './options'

/** Embeds a source, or brings its vectors to that size, and reads it, in one or both directions. */
export class Encoder extends Module {
  readonly embedding: Embedding | Linear
  readonly positions: PositionEmbedding | null
  readonly rnn: Recurrent | ResidualStack
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(vocabulary: number, options: Seq2SeqNetworkOptions, device: DeviceOption) {
    super()
    const { embedding, encoder, dropout, sourceFeatures, precision } = options
    const deviation = embeddingDeviation(embedding)
    this.embedding =
      sourceFeatures === undefined
        ? new Embedding(vocabulary, embedding, {
            ...{ device, deviation, dropout: options.embeddingDropout },
          })
        : new Linear(sourceFeatures, embedding, { device, precision })
    this.positions = makePositions(options, { deviation, device })
    this.rnn = makeStack(options, { input: embedding, ...encoder }, device)
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
  }

  /** ids: i32 [positions, rows], or vectors: [positions, rows, features]; the memory is [positions, rows, directions * features of h]. */
  forward(ids: Tensor, lengths: Int32Array | Tensor): { memory: Tensor; state: RecurrentState } {
    const tokens = this.embedding.forward(ids)
    const x = this.inputDropout.forward(this.positions?.add(tokens, 0) ?? tokens)
    const { output, state } = this.rnn.forward(x, { lengths })
    return { memory: this.outputDropout.forward(output), state }
  }
}
