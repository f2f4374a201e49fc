import { checkChoice, checkFinite, checkFlag, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { noGrad, type Parameter } from '../tensor'
import * as ops from '../ops'
import { activations } from '../ops/cells'
import type { InitSource } from './init-source'
import { seedOf } from './layers'
import { chooseActivations, chooseVariant, GRU_VARIANT_NAMES, VARIANT_NAMES } from './variant'
import type { GRUVariant, LSTMVariant } from './variant'
import { Recurrent, RECURRENT_NAMES, type RecurrentOptions } from './recurrent-stack'

/** Options of an {@link RNN}. */
export interface RNNOptions extends RecurrentOptions {
  /** f. Default 'tanh'. */
  nonlinearity?: ops.Activation | undefined
  /** The sum is kept within ± this before f (ONNX's `clip`). */
  gateClip?: number | undefined
  /**
   * W x and R h are normalised over a sample's units (Ba et al. 2016), then multiplied by gains `norm_ih_l0` and
   * `norm_hh_l0`, [hidden].
   */
  layerNorm?: boolean | undefined
}

const RNN_NAMES: Names<RNNOptions> = {
  ...{ ...RECURRENT_NAMES, nonlinearity: true, gateClip: true, layerNorm: true },
}

/** h' = f(W x + b_ih + R h + b_hh) (Elman 1990). With another f than tanh its cell is `rnn_general`. */
export class RNN extends Recurrent {
  constructor(options: RNNOptions) {
    const given = optionsOf('rnn', options, RNN_NAMES)
    const { nonlinearity = 'tanh', gateClip, layerNorm = false } = given
    checkFlag('rnn', 'layerNorm', layerNorm)
    const names = activations.map(({ name }) => name)
    checkChoice('rnn', 'nonlinearity', nonlinearity, names)
    const candidate = nonlinearity === 'tanh' ? undefined : nonlinearity
    const variant = chooseActivations('rnn_tanh', 'rnn_general', { candidate, gateClip })
    super(variant.cell, options, { ...variant, layerNorm })
    this.reset(seedOf('rnn', options))
  }
}

/** Options of an {@link LSTM}. */
export interface LSTMOptions extends RecurrentOptions, LSTMVariant {
  /**
   * Initial bias of the forget gate (the sum of its two); uniform like the others unless given. Where gates are
   * coupled, the input gate begins with what is as far on the other side of 0.
   */
  forgetBias?: number | undefined
}

export const LSTM_NAMES: Names<LSTMOptions> = {
  ...{ ...RECURRENT_NAMES, ...VARIANT_NAMES, forgetBias: true },
}

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000). With options of
 * {@link LSTMVariant} its cell is `lstm_general`, or `lstm_coupled`.
 */
export class LSTM extends Recurrent {
  /** What forget gates' biases began with; undefined: like the others. */
  readonly forgetBias: number | undefined

  constructor(options: LSTMOptions) {
    const { cell, ...variant } = chooseVariant(optionsOf('lstm', options, LSTM_NAMES))
    super(cell, options, variant)
    const { forgetBias } = options
    if (forgetBias !== undefined) checkFinite('lstm', 'forgetBias', forgetBias)
    this.forgetBias = forgetBias
    this.reset(seedOf('lstm', options))
  }

  protected override initialise(source: InitSource): void {
    super.initialise(source)
    this.biasForgetGate()
  }

  /** Sets the forget gate's bias to `forgetBias` where that is given. */
  biasForgetGate(): void {
    if (this.forgetBias === undefined) return
    const coupled = this.cell === 'lstm_coupled'
    const value = coupled ? -this.forgetBias : this.forgetBias
    for (const [name, parameter] of this.members())
      if (name.startsWith('bias_')) {
        const first = coupled ? 0 : this.hidden // gates are i f g o, or i g o
        fillGate(parameter, first, this.hidden, name.startsWith('bias_ih') ? value : 0)
      }
  }
}

function fillGate(bias: Parameter, first: number, hidden: number, value: number): void {
  const gate = noGrad(() => ops.slice(bias, 0, first, hidden))
  gate.fill(value)
  gate.dispose()
}

export interface GRUOptions extends RecurrentOptions, GRUVariant {
  /** Applies the reset gate to h before its product with the weight (Cho et al. 2014), not after. */
  resetBefore?: boolean | undefined
}

const ACTIVATION_NAMES = { gate: true, candidate: true } as const
const GRU_NAMES: Names<GRUOptions> = {
  ...{ ...RECURRENT_NAMES, ...GRU_VARIANT_NAMES, resetBefore: true },
}

/**
 * Gated recurrent unit; the reset gate comes after the product as in PyTorch and cuDNN. With options of
 * {@link GRUVariant} its cell is `gru_general`.
 */
export class GRU extends Recurrent {
  constructor(options: GRUOptions) {
    const given = optionsOf('gru', options, GRU_NAMES)
    const { resetBefore = false, activations = {}, gateClip, layerNorm = false } = given
    checkFlag('gru', 'resetBefore', resetBefore)
    checkFlag('gru', 'layerNorm', layerNorm)
    expect('gru', 'layerNorm', !(layerNorm && resetBefore), 'false with resetBefore', layerNorm)
    const own = resetBefore ? 'gru_reset_before' : 'gru'
    const general = resetBefore ? own : 'gru_general'
    const variant = chooseActivations(own, general, {
      ...{ ...optionsOf('gru', activations, ACTIVATION_NAMES), gateClip },
    })
    super(variant.cell, options, { ...variant, layerNorm })
    this.reset(seedOf('gru', options))
  }
}

const OF_LSTM: readonly string[] = Object.keys({ ...VARIANT_NAMES, forgetBias: true })

/** A stack by the name of its cell; what other cells than an LSTM do not have is left out. `ERR_ARGUMENT`. */
export function makeRecurrent(cell: ops.Cell, given: LSTMOptions): Recurrent {
  checkChoice('recurrent', 'cell', cell, Object.keys(ops.gatesOf))
  const others = Object.entries(given).filter(([name]) => !OF_LSTM.includes(name))
  const options = Object.fromEntries(others) as unknown as RecurrentOptions
  const { activations, gateClip, layerNorm } = given
  switch (cell) {
    case 'lstm':
    case 'lstm_general':
    case 'lstm_coupled':
      return new LSTM({ ...given, coupled: given.coupled ?? cell === 'lstm_coupled' })
    case 'rnn_tanh':
    case 'rnn_general':
      return new RNN({ ...options, nonlinearity: activations?.candidate, gateClip, layerNorm })
    default: {
      const resetBefore = cell === 'gru_reset_before'
      const { gate, candidate } = activations ?? {}
      return new GRU({
        ...options,
        resetBefore,
        activations: { gate, candidate },
        gateClip,
        layerNorm,
      })
    }
  }
}
