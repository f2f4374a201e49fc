import { AttentionDecoder, Dropout, Embedding, Linear, Module } from '../../nn'
import type { PositionEmbedding, RecurrentState } from '../../nn'
import { variantOf } from '../../nn/variant'
import type { Recurrent } from '../../nn'
import { ResidualStack } from '../../nn/residual'
import type { Tensors } from '../../decode'
import { tensor, type Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import * as ops from '../../ops'
import { cellOf, featuresOf, forgetBiasOf } from '../parts/recurrent-options'
import { makePositions } from '../parts/positions'
import { embeddingDeviation, makeStack } from '../parts/stack'
import { memoryOf, type Seq2SeqNetworkOptions } from './options'

/** Encoded sources, as a decoder reads them. */
export interface Sources<Lengths extends Int32Array | Tensor = Int32Array> {
  /** [positions, sources, features] */
  memory: Tensor
  /** The memory's keys; null without attention. */
  keys: Tensor | null
  /** `[sources, features]`: the encoder's last output, where that is fed; else null. */
  summary: Tensor | null
  /** Real positions of each. */
  lengths: Lengths
}

/** Sources after the encoder. */
export interface Encoded<Lengths extends Int32Array | Tensor = Int32Array> {
  sources: Sources<Lengths>
  /** What the decoder starts from; null: zeros. */
  state: Tensors | null
}

export interface DecoderPass {
  sources: Sources<Int32Array | Tensor>
  state: Tensors | null
  /** Steps of each row; all unless given. */
  lengths?: Int32Array | Tensor | undefined
  /** Rows of a source, one after another. */
  beams?: number | undefined
  /** Tokens that the state has read; none unless given. */
  first?: number | undefined
}

export interface DecoderOutput {
  /** What the output projection takes: [time, rows, features]. */
  features: Tensor
  /** The attention: [time, rows, positions]. */
  weights: Tensor | null
  state: Tensors
}

/** A decoder, or what is made of one for a search. */
export interface DecodesSteps {
  /** ids: i32 [time, rows]. */
  forward(ids: Tensor, pass: DecoderPass): DecoderOutput
}

/**
 * Embedding, recurrent layers with attention of any kind or none, and what the output projection
 * takes: after additive attention without input feeding tanh(W [s; c; e] + b) of state, context and
 * embedded input, else h~ or the top layer's state, brought to the embedding's size where the two are
 * tied.
 */
export class Decoder extends Module implements DecodesSteps {
  readonly embedding: Embedding
  readonly positions: PositionEmbedding | null
  /** The layers that attend, if any do: all, or the lowest one of a residual stack. */
  readonly attending: AttentionDecoder | null = null
  /** The layers above, or all where none attends. */
  readonly rnn: Recurrent | ResidualStack | null = null
  readonly readout: Linear | null
  readonly output: Linear
  /** Decides between writing and copying; null where nothing is copied. */
  readonly copy: Linear | null
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(vocabulary: number, options: Seq2SeqNetworkOptions, device: DeviceOption) {
    super()
    const { embedding, hidden, layers, attention, precision } = options
    const ofState = featuresOf(options)
    const { dropout, weightDrop, zoneout } = options
    const { inputFeeding, residual, feedSummary, tieEmbeddings } = options
    const memory = memoryOf(options)
    const features = tieEmbeddings === 'none' ? ofState : embedding
    const deviation = embeddingDeviation(embedding)
    this.embedding = new Embedding(vocabulary, embedding, {
      ...{ device, deviation, dropout: options.embeddingDropout },
    })
    this.positions = makePositions(options, { deviation, device })
    let above = layers
    let width = embedding + (feedSummary ? memory : 0)
    let top = ofState
    if (attention !== 'none') {
      const plain = attention === 'additive' ? 'context' : 'none'
      const own = residual ? 1 : layers
      above -= own
      width = ofState
      top = above > 0 ? ofState : features
      this.attending = new AttentionDecoder({
        ...{ input: embedding, hidden, memory, attention, precision, device },
        ...{ dropout, weightDrop, zoneout },
        ...{ cell: cellOf(options.cell), layers: own, forgetBias: forgetBiasOf(options.init) },
        ...variantOf(options),
        attentionSize: options.attentionSize,
        feeding: inputFeeding ? 'output' : plain,
        output: top,
      })
      if (this.attending.feeding === 'context') top = ofState
    }
    if (above > 0) this.rnn = makeStack(options, { input: width, hidden, layers: above }, device)
    const context = this.attending?.feeding === 'context' ? memory + embedding : 0
    this.readout =
      context > 0 || (top !== features && (above > 0 || this.attending === null))
        ? new Linear(ofState + context, features, { device, precision })
        : null
    this.output = new Linear(features, vocabulary, { device, precision })
    this.copy = options.copy ? new Linear(features, 1, { device, precision }) : null
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
  }

  /** The decoder's own first states from those of a bridge: [layers, sources, ..]. */
  begin({ h, c }: RecurrentState): Tensors {
    const below = this.attending?.layers.layers ?? 0
    const above = (h.shape[0] as number) - below
    const part = (x: Tensor, lower: boolean) =>
      lower ? ops.slice(x, 0, 0, below) : ops.slice(x, 0, below, above)
    return {
      ...(below > 0 && { h: part(h, true), ...(c && { c: part(c, true) }) }),
      ...(above > 0 && { upperH: part(h, false), ...(c && { upperC: part(c, false) }) }),
    }
  }

  /** Tokens with their positions: [time, rows, embedding]. */
  embed(ids: Tensor, first: number): Tensor {
    const tokens = this.embedding.forward(ids)
    return this.positions?.add(tokens, first) ?? tokens
  }

  forward(ids: Tensor, pass: DecoderPass): DecoderOutput {
    const { state, lengths, first = 0 } = pass
    const embedded = this.inputDropout.forward(this.embed(ids, first))
    const attended = this.attend(embedded, pass)
    let output = attended?.output ?? this.withSummary(embedded, pass)
    let next: Tensors = {}
    if (attended) {
      const { h, c, fed } = attended.state
      next = { h, ...(c && { c }), ...(fed && { fed }) }
    }
    if (this.rnn) {
      const { upperH, upperC } = state ?? {}
      const own = upperH ? { h: upperH, ...(upperC && { c: upperC }) } : null
      const result = this.rnn.forward(output, { state: own, lengths })
      output = result.output
      const { h, c } = result.state
      next = { ...next, upperH: h, ...(c && { upperC: c }) }
    }
    const features = this.read(output, attended?.context ?? null, embedded)
    return { features, weights: attended?.weights ?? null, state: next }
  }

  private attend(
    embedded: Tensor,
    { sources, state, lengths, beams }: DecoderPass,
  ): ops.DecoderResult | null {
    const { memory, keys } = sources
    const { h, c, fed } = state ?? {}
    const own = h ? { h, ...(c && { c }), ...(fed && { fed }) } : null
    return (
      this.attending?.forward(embedded, memory, {
        ...{ state: own, lengths, keys, beams },
        memoryLengths: sources.lengths,
      }) ?? null
    )
  }

  /** Each step's input and the summary of its row's source. */
  private withSummary(embedded: Tensor, { sources, beams = 1 }: DecoderPass): Tensor {
    const { summary } = sources
    if (!summary) return embedded
    const [time, rows] = embedded.shape as [number, number]
    const source = Int32Array.from({ length: time * rows }, (_, i) =>
      Math.floor((i % rows) / beams),
    )
    const which = tensor(source, [time, rows], { device: embedded.device })
    return ops.concat([embedded, ops.embedding(which, summary)], -1)
  }

  private read(output: Tensor, context: Tensor | null, embedded: Tensor): Tensor {
    if (this.readout) {
      const read = context ? ops.concat([output, context, embedded], -1) : output
      return this.outputDropout.forward(ops.tanh(this.readout.forward(read)))
    }
    // h~ has been through dropout.
    return this.rnn ? this.outputDropout.forward(output) : output
  }
}
