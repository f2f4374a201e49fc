import { Dropout, Embedding, Module, type Recurrent, type RecurrentState } from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import type { Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import { embeddingDeviation, makeStack } from '../parts/stack'
import type { Seq2SeqNetworkOptions } from './options'

/** Embeds a source and reads it, in one or both directions. */
export class Encoder extends Module {
  readonly embedding: Embedding
  readonly rnn: Recurrent | ResidualStack
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(vocabulary: number, options: Seq2SeqNetworkOptions, device: DeviceOption) {
    super()
    const { embedding, encoder, dropout } = options
    const deviation = embeddingDeviation(embedding)
    this.embedding = new Embedding(vocabulary, embedding, { device, deviation })
    this.rnn = makeStack(options, { input: embedding, ...encoder }, device)
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
  }

  /** ids: i32 [positions, rows]; the memory is [positions, rows, directions * features of h]. */
  forward(ids: Tensor, lengths: Int32Array | Tensor): { memory: Tensor; state: RecurrentState } {
    const x = this.inputDropout.forward(this.embedding.forward(ids))
    const { output, state } = this.rnn.forward(x, { lengths })
    return { memory: this.outputDropout.forward(output), state }
  }
}
