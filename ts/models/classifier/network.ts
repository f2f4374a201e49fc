import { AttentionPooling, Dropout, Embedding, Linear, Module } from '../../nn'
import type { PositionEmbedding, Recurrent } from '../../nn'
import { makeRecurrent } from '../../nn/recurrent'
import { variantOf } from '../../nn/variant'
import * as ops from '../../ops'
import type { Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import { cellOf, featuresOf, forgetBiasOf } from '../parts/recurrent-options'
import { makePositions } from '../parts/positions'
import { embeddingDeviation } from '../parts/stack'
import type { ClassifierNetworkOptions } from './options'
import { Cuts } from './cuts'

/** What goes in: texts side by side, those of an example one after another. */
export interface NetworkInput {
  /** i32 [steps, texts] */
  ids: Tensor
  /** i32 [texts] */
  lengths: Tensor
}

export interface NetworkOutput {
  /** `[examples, outputs]`: a number for each label, of ordinal ones for each but the last. */
  logits: Tensor
  /** [texts, steps]; what each token counts. Null without attention. */
  attention: Tensor | null
}

/**
 * Embedding, recurrent stack, pooling, output projection. Dropout lies on embeddings, between layers and
 * before the projection. Parameters: `embedding.weight`, `rnn.weight_ih_l0` and so on under PyTorch's
 * names, `attention.v` and its kin, `output.weight`, `output.bias` or, of ordinal labels, `cuts.steps`.
 */
export class ClassifierNetwork extends Module {
  readonly embedding: Embedding
  readonly positions: PositionEmbedding | null
  readonly rnn: Recurrent
  readonly attention: AttentionPooling | null
  readonly output: Linear
  readonly cuts: Cuts | null
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(
    vocabulary: number,
    readonly options: ClassifierNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    const { cell, layers, hidden, embedding, bidirectional, precision, labels } = options
    const { dropout, recurrentDropout, weightDrop, zoneout, init, pooling, fields } = options
    const { task } = options
    const deviation = embeddingDeviation(embedding)
    this.embedding = new Embedding(vocabulary, embedding, {
      ...{ device, deviation, dropout: options.embeddingDropout },
    })
    this.positions = makePositions(options, { deviation, device })
    const sizes = { input: embedding, hidden, layers, bidirectional, device, precision }
    const drops = { dropout, recurrentDropout, weightDrop, zoneout }
    this.rnn = makeRecurrent(cellOf(cell), {
      ...{ ...sizes, ...drops, ...variantOf(options), forgetBias: forgetBiasOf(init) },
    })
    const features = featuresOf(options) * (bidirectional ? 2 : 1)
    this.attention = pooling.includes('attention')
      ? new AttentionPooling({ features, device })
      : null
    const ordinal = task === 'ordinal'
    const outputs = ordinal ? 1 : labels.length
    const bias = !ordinal
    this.output = new Linear(features * pooling.length * fields, outputs, {
      device,
      precision,
      bias,
    })
    this.cuts = ordinal ? new Cuts(labels.length - 1, { device }) : null
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed, init)
  }

  forward({ ids, lengths }: NetworkInput): NetworkOutput {
    const { fields, pooling, selfAttention } = this.options
    const { output, state } = this.rnn.forward(this.embed(ids), { lengths })
    const attended = selfAttention
      ? ops.attention(output, output, output, {
          ...{ score: 'dot', queryLengths: lengths, memoryLengths: lengths },
        })
      : null
    const steps = attended?.context ?? output
    // Of a text's tokens, what its steps on average looked at.
    let attention: Tensor | null = attended && ops.poolTime(attended.weights, 'mean', lengths)
    const pooled = pooling.map((how) => {
      if (how === 'attention') {
        const made = (this.attention as AttentionPooling).forward(steps, { lengths })
        attention = made.weights
        return made.output
      }
      return how === 'last' && !attended ? this.last(state.h) : ops.poolTime(steps, how, lengths)
    })
    // Before the texts of an example come together: a mask is that of a text, wherever it is among others.
    const texts = this.outputDropout.forward(ops.concat(pooled, -1), { batchAxis: 0 })
    const examples = ops.reshape(texts, [texts.shape[0]! / fields, texts.shape[1]! * fields])
    const logits = this.output.forward(examples)
    return { logits: this.cuts?.forward(logits) ?? logits, attention }
  }

  private embed(ids: Tensor): Tensor {
    const tokens = this.embedding.forward(ids)
    return this.inputDropout.forward(this.positions?.add(tokens, 0) ?? tokens)
  }

  /** The top layer's last states, of each direction where it ends. */
  private last(h: Tensor): Tensor {
    const { layers, directions } = this.rnn
    const states = Array.from({ length: directions }, (_, i) =>
      ops.select(h, 0, (layers - 1) * directions + i),
    )
    return ops.concat(states, -1)
  }
}
