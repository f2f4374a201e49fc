import { AdaptiveSoftmax, Dropout, Embedding, Linear, Module, SampledSoftmax } from '../../nn'
import type { PositionEmbedding } from '../../nn'
import type { Recurrent } from '../../nn'
import { variantOf } from '../../nn/variant'
import { makeRecurrent } from '../../nn/recurrent'
import type { RecurrentState } from '../../nn'
import type { DeviceName, Shape, Tensor } from '../../tensor'
import type { NativeRandom } from '../../tensor/random'
import * as ops from '../../ops'
import type { DeviceOption } from '../../tensor/device'
import type { StepInput } from '../../train/objective'
import { cellOf, featuresOf, forgetBiasOf } from '../parts/recurrent-options'
import { makePositions } from '../parts/positions'
import type { LanguageNetworkOptions } from './options'

/** Products with the first layer's gates, made ahead. */
export interface Tables {
  /** Of each token: [vocabulary, G*H]. */
  tokens: Tensor
  /** Of each position; null where there are none, or each is multiplied as it comes. */
  positions: Tensor | null
}

/**
 * Embedding, recurrent stack, output projection. Dropout lies on the non-recurrent connections
 * (Zaremba et al. 2014). Parameters: `embedding.weight`, `positions.weight` where they are learned,
 * `rnn.weight_ih_l0` and so on under PyTorch's names, `output.weight` (absent when tied to the embedding), `output.bias`;
 * of an adaptive softmax those of {@link AdaptiveSoftmax} under `output`.
 */
export class LanguageNetwork extends Module {
  readonly embedding: Embedding
  readonly positions: PositionEmbedding | null
  readonly rnn: Recurrent
  readonly output: Linear | AdaptiveSoftmax
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(
    vocabulary: number,
    options: LanguageNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    const { cell, layers, hidden, embedding, precision } = options
    const { dropout, recurrentDropout, weightDrop, zoneout, init } = options
    const sizes = { input: embedding, hidden, layers, device, precision }
    const drops = { dropout, recurrentDropout, weightDrop, zoneout }
    this.embedding = new Embedding(vocabulary, embedding, {
      device,
      dropout: options.embeddingDropout,
    })
    this.positions = makePositions(options, { deviation: 1, device })
    this.rnn = makeRecurrent(cellOf(cell), {
      ...{ ...sizes, ...drops, ...variantOf(options), forgetBias: forgetBiasOf(init) },
    })
    this.output = this.makeOutput(vocabulary, options, device)
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed, init)
  }

  private makeOutput(
    vocabulary: number,
    options: LanguageNetworkOptions,
    device: DeviceOption,
  ): Linear | AdaptiveSoftmax {
    const { softmax, tieWeights, cutoffs, divisor, samples, precision } = options
    const features = featuresOf(options)
    if (softmax === 'adaptive')
      return new AdaptiveSoftmax(features, vocabulary, {
        ...{ device, precision, divisor, headBias: true, cutoffs: cutoffs as readonly number[] },
      })
    const made =
      softmax === 'sampled'
        ? new SampledSoftmax(features, vocabulary, {
            device,
            precision,
            samples: samples as number,
          })
        : new Linear(features, vocabulary, { device, precision })
    if (tieWeights) {
      made.weight.dispose()
      made.weight = this.embedding.weight
    }
    return made
  }

  /** Where its parameters are. */
  get device(): DeviceName {
    return this.embedding.weight.device
  }

  /**
   * What {@link losses} takes of targets, some of which may be ignored (-100). With `random` they are to be learned: a
   * sampled softmax draws what it tells them from, and all are tokens.
   */
  targetInputs(targets: Int32Array, shape: Shape, random: NativeRandom | null = null): StepInput[] {
    const { output } = this
    if (output instanceof AdaptiveSoftmax)
      return output.parts(targets).map((data) => ({ shape, data }))
    if (random !== null && output instanceof SampledSoftmax)
      return output.inputs(targets, shape, random)
    return [{ shape, data: targets }]
  }

  /** Nats of targets given what the output layer takes, as {@link targetInputs} has made them ready; 0 where ignored. */
  losses(x: Tensor, targets: readonly Tensor[]): Tensor {
    const { output } = this
    if (output instanceof AdaptiveSoftmax) return output.lossesOf(x, targets)
    if (output instanceof SampledSoftmax && targets.length > 1) return output.lossesOf(x, targets)
    const { weight, bias, precision } = output
    return ops.crossEntropyLosses(x, targets[0] as Tensor, { weight, bias, precision }).losses
  }

  /** What tokens give the first layer's gates, and positions with `all`. */
  tables(all: boolean): Tables {
    const { rnn, embedding, positions } = this
    return {
      tokens: rnn.project(embedding.weight),
      positions: all && positions ? rnn.project(positions.table) : null,
    }
  }

  /**
   * ids: i32 [time, batch]. `output` is what the projection takes, `undropped` the same without dropout:
   * [time, batch, features of h]. `first`: the position of the first ids, which is how many the state has read, or those
   * of all steps, as `PositionEmbedding.rows` takes them. Tokens are looked up in `tables`, or in some made for this call
   * where most tokens occur more than once.
   */
  forward(
    ids: Tensor,
    state: RecurrentState | null,
    first: number | Tensor = 0,
    tables: Tables | null = null,
  ): { output: Tensor; undropped: Tensor; state: RecurrentState } {
    const vocabulary = this.embedding.weight.shape[0] as number
    const dropped = this.training && (this.inputDropout.p > 0 || this.embedding.dropout > 0)
    const byRows = this.embedding.weight.rows !== null
    const repeating = !dropped && !byRows && 2 * vocabulary <= ids.size
    const lookedUp = tables ?? (repeating ? this.tables(false) : null)
    const x = lookedUp ? this.lookUp(ids, first, lookedUp) : this.embed(ids, first)
    const result = this.rnn.forward(x, { state, projected: lookedUp !== null })
    const { output: undropped, state: last } = result
    return { output: this.outputDropout.forward(undropped), undropped, state: last }
  }

  private embed(ids: Tensor, first: number | Tensor): Tensor {
    const tokens = this.embedding.forward(ids)
    return this.inputDropout.forward(this.positions?.add(tokens, first) ?? tokens)
  }

  private lookUp(ids: Tensor, first: number | Tensor, { tokens, positions }: Tables): Tensor {
    const x = ops.embedding(ids, tokens)
    if (!this.positions) return x
    const [time] = ids.shape as [number]
    return positions
      ? this.positions.add(x, first, positions)
      : ops.add(x, this.rnn.project(this.positions.rows(first, time)))
  }
}
