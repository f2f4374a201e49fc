import type { Real, Tensor } from '../tensor'
import * as ops from '../ops'
import { Dropout, seedOf } from './layers'
import { Module } from './module'
import { makeRecurrent, type LSTMOptions } from './recurrent'
import type { ForwardOptions, Recurrent } from './recurrent-stack'

export interface ResidualStackOptions extends LSTMOptions {
  cell: ops.Cell
}

/**
 * Recurrent layers that add their input to their output wherever the two are of one width (Wu et al.
 * 2016), dropout being on what a layer above the first reads but not on what it adds. Takes and gives
 * what a stack of the same cell does. Parameters: `stack.0.weight_ih_l0` and so on.
 */
export class ResidualStack extends Module {
  readonly stack: readonly Recurrent[]
  private readonly drop: Dropout

  constructor({ cell, layers = 1, dropout = 0, ...options }: ResidualStackOptions) {
    super()
    const { input, hidden, projection = hidden, bidirectional = false } = options
    const width = bidirectional ? 2 * projection : projection
    this.stack = Array.from({ length: layers }, (_, layer) =>
      makeRecurrent(cell, { ...options, input: layer === 0 ? input : width }),
    )
    this.drop = new Dropout(dropout)
    this.reset(seedOf('residual stack', options))
  }

  /** As that of a recurrent stack; the state's layers are in its order. */
  forward(x: Tensor, { state, lengths }: ForwardOptions = {}): ops.RecurrentResult {
    const [{ directions }] = this.stack as readonly [Recurrent]
    const part = (all: Tensor, layer: number) => ops.slice(all, 0, layer * directions, directions)
    // No layer takes integers.
    let output = x as Tensor<Real>
    const states = this.stack.map((recurrent, layer) => {
      const read = layer === 0 ? output : this.drop.forward(output)
      const own = state && {
        h: part(state.h, layer),
        ...(state.c && { c: part(state.c, layer) }),
      }
      const result = recurrent.forward(read, { state: own, lengths })
      const sameWidth = result.output.shape[2] === output.shape[2]
      // Past a sequence's end x may be anything.
      const carry = layer === 0 && lengths ? ops.maskTime(output, lengths) : output
      output = sameWidth ? ops.add(carry, result.output) : result.output
      return result.state
    })
    const joined = (name: 'h' | 'c') =>
      ops.concat(
        states.map((one) => one[name] as Tensor),
        0,
      )
    return { output, state: states[0]?.c ? { h: joined('h'), c: joined('c') } : { h: joined('h') } }
  }
}
