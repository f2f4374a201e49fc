import { expect } from '../../errors'
import { IGNORED, type PairBatch, type SourceBatch } from '../../data'
import { StateModel, type StepContext, type StepModel, type StepResult } from '../../decode'
import { Module, type RecurrentState } from '../../nn'
import { tensor, type Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import type { StepInput } from '../../train/objective'
import * as ops from '../../ops'
import { Bridge } from '../parts/bridge'
import { cellOf, featuresOf } from '../parts/recurrent-options'
import { copyingLosses, type Copying, type CopyTensors } from './copying'
import { Decoder, type DecoderOutput, type DecodesSteps, type Encoded } from './decoder'
import { Encoder } from './encoder'
import { FoldedDecoder } from './folded-decoder'
import { Folds } from './folds'
import { memoryOf, type Seq2SeqNetworkOptions } from './options'

export interface TargetTokens {
  vocabulary: number
  bos: number
  eos: number
}

/**
 * Encoder, bridge, decoder. Parameters: `encoder.embedding.weight`, `encoder.rnn.weight_ih_l0` and so
 * on under PyTorch's names, `bridge.hidden.0.weight`, `decoder.embedding.weight`,
 * `decoder.attending.weight_ih_l0`, `decoder.attending.attention.weight_key`,
 * `decoder.output.weight`, `decoder.copy.weight`; tied ones once, under their first name.
 */
export class Seq2SeqNetwork extends Module {
  readonly encoder: Encoder
  readonly bridge: Bridge | null
  readonly decoder: Decoder
  /** @internal */
  readonly folds: Folds

  constructor(
    vocabularies: { source: number; target: number },
    readonly options: Seq2SeqNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    const { bridge, cell, encoder, layers, hidden, tieEmbeddings } = options
    const { source, target } = vocabularies
    const shared = tieEmbeddings !== 'all' || source === target
    expect('seq2seq', 'tieEmbeddings', shared, 'none or target with two vocabularies', 'all')
    this.encoder = new Encoder(source, options, device)
    const directions = encoder.bidirectional ? 2 : 1
    const from = { ...encoder, directions, features: memoryOf(options) / directions }
    const ends = { from, to: { layers, hidden, features: featuresOf(options) } }
    this.bridge =
      bridge === 'zero' ? null : new Bridge(bridge, ends, { hasC: ops.hasC[cellOf(cell)], device })
    this.decoder = new Decoder(target, options, device)
    if (tieEmbeddings !== 'none') {
      this.decoder.output.weight.dispose()
      this.decoder.output.weight = this.decoder.embedding.weight
    }
    if (tieEmbeddings === 'all') {
      this.encoder.embedding.weight.dispose()
      this.encoder.embedding.weight = this.decoder.embedding.weight
    }
    this.folds = new Folds(this.decoder)
    this.reset(seed, options.init)
  }

  override dispose(): void {
    this.folds.dispose()
    super.dispose()
  }

  /** A batch's ids on the network's device. */
  private ids(sequences: SourceBatch): Tensor {
    const { device } = this.decoder.output.weight
    const { data, shape } = idsOf(sequences)
    return tensor(data, shape, { device })
  }

  encode(source: SourceBatch): Encoded {
    return this.encodeIds(this.ids(source), source.lengths)
  }

  private encodeIds<Lengths extends Int32Array | Tensor>(
    ids: Tensor,
    lengths: Lengths,
  ): Encoded<Lengths> {
    const { memory, state } = this.encoder.forward(ids, lengths)
    const keys = this.decoder.attending?.attention.keys(memory) ?? null
    const summary = this.options.feedSummary ? this.top(state) : null
    const begun = this.bridge && this.decoder.begin(this.bridge.forward(state))
    return { sources: { memory, keys, summary, lengths }, state: begun }
  }

  /** The last state of the encoder's top layer, all its directions: [rows, directions * features]. */
  private top({ h }: RecurrentState): Tensor {
    const directions = this.options.encoder.bidirectional ? 2 : 1
    const [count, rows, features] = h.shape as [number, number, number]
    const turned = ops.permute(ops.slice(h, 0, count - directions, directions), [1, 0, 2])
    return ops.reshape(turned, [rows, directions * features])
  }

  /** {@link top} of sources: [rows, directions * features]. */
  summary(source: SourceBatch): Tensor {
    return this.top(this.encoder.forward(this.ids(source), source.lengths).state)
  }

  /** Nats of each real output token, 0 past a row's end: [time, rows]. Teacher forcing. */
  losses(batch: PairTensors, labelSmoothing = 0): Tensor {
    return this.predict(batch, { labelSmoothing, keepLogits: false }).losses
  }

  /**
   * The same, with the attention [time, rows, positions], and with `keepLogits` the logits [time, rows, vocabulary], which
   * else are made in parts.
   */
  predict(
    { source, target, outputs, copy }: PairTensors,
    { labelSmoothing, keepLogits }: { labelSmoothing: number; keepLogits: boolean },
  ): { losses: Tensor; logits: Tensor | null; weights: Tensor | null } {
    const encoded = this.encodeIds(source.ids, source.lengths)
    const made = this.decode(target, encoded)
    const { features, weights } = made
    const { copy: gate, output } = this.decoder
    const { weight, bias, precision } = output
    const how = { ignoreIndex: IGNORED, labelSmoothing }
    const logits = keepLogits ? output.forward(features) : null
    const { losses } = logits
      ? ops.crossEntropyLosses(logits, outputs, how)
      : ops.crossEntropyLosses(features, outputs, { weight, bias, precision, ...how })
    if (!gate || !copy) return { losses, logits, weights }
    const words = { ...copy, lengths: source.lengths, vocabulary: weight.shape[0] as number }
    return { losses: copyingLosses(losses, made, gate, words), logits, weights }
  }

  /** In int8 as a search decodes, so that both find the same. */
  private decode({ ids, lengths }: PairTensors['target'], encoded: Encoded<Tensor>): DecoderOutput {
    const { decoder } = this
    if (this.options.precision !== 'int8' || !FoldedDecoder.foldable(decoder))
      return decoder.forward(ids, { ...encoded, lengths })
    const folded = FoldedDecoder.of(decoder)
    try {
      return folded.steps(ids, folded.fold(encoded))
    } finally {
      folded.dispose()
    }
  }

  /**
   * Encoded sources, to be decoded step by step in inference mode. They stay the caller's. `folded`:
   * the decoder that folded them, if one did; `copying`: what may be copied of them.
   */
  stepModel(
    { sources, state }: Encoded,
    tokens: TargetTokens,
    folded: DecodesSteps | null = null,
    copying: Copying | null = null,
  ): StepModel {
    const { memory, keys, summary } = sources
    const model = new StateModel({
      ...{ ...tokens, vocabulary: copying?.width ?? tokens.vocabulary },
      device: memory.device,
      lengths: Array.from(sources.lengths),
      attends: keys !== null,
      source: { ...(keys && { memory, keys }), ...(summary && { summary }) },
      state,
      step: (ids, context) => this.step(ids, context, folded, copying),
    })
    return copying ? copying.reading(model) : model
  }

  private step(
    ids: Tensor,
    { state, source, lengths, places, beams, steps }: StepContext,
    folded: DecodesSteps | null,
    copying: Copying | null,
  ): StepResult {
    if (this.training) this.eval() // a fit may go on between two steps
    const { memory, keys = null, summary = null } = source
    const pass = {
      // Without attention the memory is not read.
      sources: { memory: memory as Tensor, keys, summary, lengths: Int32Array.from(lengths) },
      ...{ state, beams, first: steps },
    }
    const made = (folded ?? this.decoder).forward(ids, pass)
    const { copy, output } = this.decoder
    const written = output.forward(made.features)
    const logits =
      copying && copy ? copying.predict(written, made, copy, { places, lengths }) : written
    return { logits, attention: made.weights, state: made.state }
  }
}

/** A batch of pairs on a device. */
export interface PairTensors {
  /** Ids, or vectors. */
  source: { ids: Tensor; lengths: Tensor }
  /** What the decoder reads. */
  target: { ids: Tensor; lengths: Tensor }
  outputs: Tensor
  /** Where words are copied. */
  copy?: CopyTensors | undefined
}

/** Ids, or vectors, as an op takes them: where all sequences are empty, one position past every end. */
function idsOf(sequences: SourceBatch): StepInput {
  const { steps, lengths } = sequences
  const rows = lengths.length
  if ('vectors' in sequences) {
    const { vectors, size } = sequences
    return steps > 0
      ? { data: vectors, shape: [steps, rows, size] }
      : { data: new Float32Array(rows * size), shape: [1, rows, size] }
  }
  const { ids } = sequences
  return steps > 0
    ? { data: ids, shape: [steps, rows] }
    : { data: new Int32Array(rows), shape: [1, rows] }
}

/** What goes to the device of a batch, in the order of {@link pairTensors}. */
export function pairInputs({ source, target, outputs, copy }: PairBatch): StepInput[] {
  const sides = [source, target].flatMap((side) => [
    idsOf(side),
    { data: side.lengths, shape: [side.lengths.length] },
  ])
  const { steps, lengths } = source
  const shape = [target.steps, target.lengths.length]
  const copied = copy && [idsOf({ steps, lengths, ids: copy.ids }), { data: copy.outputs, shape }]
  return [...sides, { data: outputs, shape }, ...(copied ?? [])]
}

export function pairTensors(given: readonly Tensor[]): PairTensors {
  const [sourceIds, sourceLengths, targetIds, targetLengths, outputs] = given as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ]
  const [ids, words] = given.slice(5)
  return {
    source: { ids: sourceIds, lengths: sourceLengths },
    target: { ids: targetIds, lengths: targetLengths },
    outputs,
    ...(ids && words && { copy: { ids, outputs: words } }),
  }
}
