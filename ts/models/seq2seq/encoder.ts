import { Dropout, Embedding, Linear, Module, type RecurrentState } from '../../nn'
import { makeRecurrent, type Recurrent } from '../../nn/recurrent'
import { ResidualStack } from '../../nn/residual'
import type { Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import * as ops from '../../ops'
import { cellOf } from '../parts/recurrent-options'
import type { BridgeKind, Seq2SeqNetworkOptions } from './options'

/** Standard deviation of a token's initial vector: its length is then about 1. */
export const embeddingDeviation = (features: number): number => 1 / Math.sqrt(features)

/** A stack of a network's kind: residual or not. */
export function makeStack(
  { cell, residual, dropout, precision }: Seq2SeqNetworkOptions,
  sizes: { input: number; hidden: number; layers: number; bidirectional?: boolean },
  device: DeviceOption,
): Recurrent | ResidualStack {
  const options = { ...sizes, dropout, precision, device, forgetBias: 1 }
  const kind = cellOf(cell)
  return residual ? new ResidualStack({ ...options, cell: kind }) : makeRecurrent(kind, options)
}

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

  /** ids: i32 [positions, rows]; the memory is [positions, rows, directions * hidden]. */
  forward(ids: Tensor, lengths: Int32Array | Tensor): { memory: Tensor; state: RecurrentState } {
    const x = this.inputDropout.forward(this.embedding.forward(ids))
    const { output, state } = this.rnn.forward(x, { lengths })
    return { memory: this.outputDropout.forward(output), state }
  }
}

/** The stacks that a bridge joins. */
export interface BridgeEnds {
  from: { layers: number; hidden: number; directions: number }
  to: { layers: number; hidden: number }
}

/**
 * The decoder's first state from the encoder's last. A decoder's layer takes the encoder's layer that
 * is as far from the top, or the lowest. `copy` takes it as it is, of a bidirectional layer the
 * direction that ends at the source's beginning; `dense` gives tanh(W [h of all directions] + b), and
 * for the cells of an LSTM W' [c] + b' (Bahdanau et al. 2015, section A.2.2, extended to layers).
 */
export class Bridge extends Module {
  readonly hidden: readonly Linear[]
  readonly cells: readonly Linear[]

  constructor(
    kind: Exclude<BridgeKind, 'zero'>,
    private readonly ends: BridgeEnds,
    { lstm, device }: { lstm: boolean; device: DeviceOption },
  ) {
    super()
    const { from, to } = ends
    const projections = () =>
      Array.from(
        { length: kind === 'dense' ? to.layers : 0 },
        () => new Linear(from.directions * from.hidden, to.hidden, { device }),
      )
    this.hidden = projections()
    this.cells = lstm ? projections() : []
  }

  forward({ h, c }: RecurrentState): RecurrentState {
    const first = this.carry(h, this.hidden, true)
    return c ? { h: first, c: this.carry(c, this.cells, false) } : { h: first }
  }

  private carry(states: Tensor, projections: readonly Linear[], squash: boolean): Tensor {
    const { from, to } = this.ends
    const { directions } = from
    const layers = Array.from({ length: to.layers }, (_, layer) => {
      const source = Math.max(0, from.layers - to.layers + layer)
      const direction = (i: number) => ops.slice(states, 0, source * directions + i, 1)
      const projection = projections[layer]
      if (!projection) return direction(directions - 1)
      const all = Array.from({ length: directions }, (_, i) => direction(i))
      const y = projection.forward(ops.concat(all, -1))
      return squash ? ops.tanh(y) : y
    })
    return ops.concat(layers, 0)
  }
}
