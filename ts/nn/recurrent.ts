import {
  checkChoice,
  checkFinite,
  checkFlag,
  checkWhole,
  isObject,
  MOST_LAYERS,
  optionsOf,
} from '../check'
import type { Names } from '../check'
import { expect } from '../errors'
import { noGrad, Parameter, type Tensor } from '../tensor'
import type { NativeRandom } from '../tensor/random'
import * as ops from '../ops'
import { cellParameters, slotsOf, slotShape } from '../ops/cells'
import { checkPrecision, type Precision } from '../precision'
import { checkInit, type InitSource } from './init-source'
import { checkSizes, LAYER_NAMES, seedOf, type LayerOptions } from './layers'
import { chooseVariant, VARIANT_NAMES, type ChosenVariant, type LSTMVariant } from './lstm-variant'
import { Module } from './module'
import { recurrence } from './unrolled'

export interface RecurrentOptions extends LayerOptions {
  /** Features of a step. */
  input: number
  /** Units of a layer and direction. */
  hidden: number
  /** Default 1. */
  layers?: number | undefined
  /** A second direction runs backward in time. */
  bidirectional?: boolean | undefined
  /** On every layer's output but the last, while training. */
  dropout?: number | undefined
  /**
   * The probability in [0, 1) that a unit of the state is hidden from the recurrent weights while
   * training: one mask for all steps of a sequence (Gal & Ghahramani 2016). Default 0.
   */
  recurrentDropout?: number | undefined
  /**
   * The probability in [0, 1) that an element of a recurrent weight is left out of a forward pass while
   * training, the others being divided by 1 - p (Merity et al. 2017, DropConnect). Default 0.
   */
  weightDrop?: number | undefined
  /** Default true. */
  bias?: boolean | undefined
  /** Of every product, forward and backward. Default 'f32'. */
  precision?: Precision | undefined
}

export const RECURRENT_NAMES: Names<RecurrentOptions> = {
  ...LAYER_NAMES,
  ...{ input: true, hidden: true, layers: true, bidirectional: true, dropout: true },
  ...{ recurrentDropout: true, weightDrop: true, bias: true, precision: true },
}

export interface ForwardOptions {
  /** Zeros unless given. */
  state?: ops.RecurrentState | null | undefined
  /** Steps of each sequence, zero included; all steps unless given. */
  lengths?: ops.Integers | null | undefined
  /** x is what {@link Recurrent.project} gave. Default false. */
  projected?: boolean | undefined
}

const FORWARD_NAMES: Names<ForwardOptions> = { state: true, lengths: true, projected: true }

/** Gates in PyTorch's order, where there are several. */
const GATES: Readonly<Partial<Record<ops.Cell, readonly string[]>>> = {
  lstm: ['i', 'f', 'g', 'o'],
  lstm_general: ['i', 'f', 'g', 'o'],
  lstm_coupled: ['i', 'g', 'o'],
  gru: ['r', 'z', 'n'],
  gru_reset_before: ['r', 'z', 'n'],
}

/** Where the mask of a parameter comes from in a forward pass that trains; null in others. */
export type DrawMask = ((parameter: string) => NativeRandom) | null

/**
 * A stack of recurrent layers. Parameters have PyTorch's names, shapes and gate order
 * (`weight_ih_l0`, `weight_ih_l0_reverse`, `[G*H, I]`); initial values are uniform within
 * ±1/sqrt(hidden), as PyTorch's.
 */
export abstract class Recurrent extends Module {
  readonly cell: ops.Cell
  readonly input: number
  readonly hidden: number
  readonly layers: number
  readonly directions: 1 | 2
  readonly dropout: number
  readonly recurrentDropout: number
  readonly weightDrop: number
  readonly precision: Precision
  /** Of a cell that has options. */
  readonly cellOptions: ops.CellOptions | undefined
  private readonly byName = new Map<string, Parameter>()
  private ofCells: readonly ops.CellParameters[] | undefined // once made

  protected constructor(
    cell: ops.Cell,
    options: RecurrentOptions,
    { peepholes, cellOptions }: Omit<ChosenVariant, 'cell'> = PLAIN,
  ) {
    super()
    checkChoice('recurrent', 'cell', cell, Object.keys(ops.gatesOf))
    expect(cell, 'options', isObject(options), 'an object', options)
    const { input, hidden, layers = 1, bidirectional = false, dropout = 0, bias = true } = options
    const { precision = 'f32', recurrentDropout = 0, weightDrop = 0 } = options
    checkSizes(cell, { input, hidden })
    checkWhole(cell, 'layers', layers, 1, MOST_LAYERS)
    checkFlag(cell, 'bidirectional', bidirectional)
    checkFlag(cell, 'bias', bias)
    ops.checkDropout(cell, dropout)
    ops.checkDropout(cell, recurrentDropout, 'recurrentDropout')
    ops.checkDropout(cell, weightDrop, 'weightDrop')
    checkPrecision(cell, precision)
    checkInit(cell, options.init)
    this.initSpec = options.init
    this.cell = cell
    this.input = input
    this.hidden = hidden
    this.layers = layers
    this.directions = bidirectional ? 2 : 1
    this.dropout = dropout
    this.recurrentDropout = recurrentDropout
    this.weightDrop = weightDrop
    this.precision = precision
    this.cellOptions = cellOptions
    for (const [layer, suffix] of this.suffixes()) {
      const width = layer === 0 ? input : this.directions * hidden
      for (const slot of slotsOf[cell]) {
        if (!bias && slot.name.startsWith('bias_')) continue
        const [, gate] = /^peephole_(.)$/.exec(slot.name) ?? []
        if (gate !== undefined && !peepholes.some((name) => name === gate)) continue
        const shape = slotShape(slot, cell, hidden, width)
        const parameter = new Parameter(shape, { device: options.device })
        if (slot.rows === 'gates') parameter.gates = GATES[cell] ?? []
        this.byName.set(`${slot.name}_${suffix}`, parameter)
      }
    }
  }

  private *suffixes(): Generator<[layer: number, suffix: string]> {
    for (let layer = 0; layer < this.layers; ++layer)
      for (let direction = 0; direction < this.directions; ++direction)
        yield [layer, ops.suffixOf(layer, direction)]
  }

  protected override members(): Iterable<[string, Parameter]> {
    return this.byName.entries()
  }

  /** A parameter by PyTorch's name, such as `weight_hh_l0`; undefined when there is none. */
  parameter(name: string): Parameter | undefined {
    return this.byName.get(name)
  }

  protected override initialise(source: InitSource): void {
    const usual = { uniform: 1 / Math.sqrt(this.hidden) }
    for (const [name, parameter] of this.byName)
      source.fill(name, parameter, usual, ops.gatesOf[this.cell])
  }

  /**
   * Runs whole sequences. x: [time, batch, input]. The output is [time, batch, directions*hidden],
   * zero past a sequence's end; the state is that after each sequence's own last step, `{ h, c }` for
   * an LSTM and `{ h }` for other cells, each [layers*directions, batch, hidden].
   */
  forward(x: Tensor, options: ForwardOptions = {}): ops.RecurrentResult {
    const { state, lengths, projected = false } = optionsOf(this.cell, options, FORWARD_NAMES)
    if (typeof projected !== 'boolean') checkFlag(this.cell, 'projected', projected)
    const dropout = this.training && this.layers > 1 ? this.dropout : 0
    const hidden = this.training ? this.recurrentDropout : 0
    const random = dropout > 0 || hidden > 0 ? this.drawRandom() : null
    const draw = this.training ? (parameter: string) => this.drawRandom(parameter) : null
    return this.withCells(draw, this.cells(projected), (cells) =>
      recurrence()(x, cells, {
        cell: this.cell,
        layers: this.layers,
        directions: this.directions,
        state,
        lengths,
        dropout,
        phases: { state_dropout: hidden },
        random,
        precision: this.precision,
        ...(this.cellOptions && { cellOptions: this.cellOptions }),
      }),
    )
  }

  /** @internal Calls `run` with `cells` as a forward pass reads them: while training, some weights dropped. */
  withCells<T>(
    draw: DrawMask,
    cells: readonly ops.CellParameters[],
    run: (cells: readonly ops.CellParameters[]) => T,
  ): T {
    const { weightDrop } = this
    if (draw === null || weightDrop === 0) return run(cells)
    const dropped = [...this.suffixes()].map(([, suffix], i) => {
      const { weightHidden } = cells[i] as ops.CellParameters
      const random = draw(`weight_hh_${suffix}`)
      return ops.dropout(weightHidden, weightDrop, { random, batchAxis: 0 })
    })
    try {
      return run(cells.map((of, i) => ({ ...of, weightHidden: dropped[i] as Tensor })))
    } finally {
      for (const weight of dropped) weight.dispose() // the tape holds what it needs
    }
  }

  /**
   * The first layer's products with its inputs, without biases: [..., input] to
   * [..., directions*G*H]. What is read many times, such as a table of embeddings, is multiplied once:
   * rows of the result are taken in place of inputs, and `forward` told that they are `projected`.
   */
  project(x: Tensor): Tensor {
    const { precision } = this
    const parts = this.cells()
      .slice(0, this.directions)
      .map(({ weightInput }) => ops.linear(x, weightInput as Tensor, null, { precision }))
    return parts.length === 1 ? (parts[0] as Tensor) : ops.concat(parts, -1)
  }

  /**
   * The parameters of each layer and direction, layer-major; those of the first layer without W where
   * inputs are `projected`.
   */
  cells(projected = false): readonly ops.CellParameters[] {
    // Frozen: checked once.
    this.ofCells ??= Object.freeze(
      Array.from(this.suffixes(), ([, suffix]) =>
        Object.freeze(cellParameters(({ name }) => this.byName.get(`${name}_${suffix}`))),
      ),
    )
    if (!projected) return this.ofCells
    const { directions } = this
    return this.ofCells.map((of, i) => (i < directions ? { ...of, weightInput: null } : of))
  }
}

const PLAIN = { peepholes: [], cellOptions: undefined }

export interface RNNOptions extends RecurrentOptions {
  /** Default 'tanh'. */
  nonlinearity?: 'tanh' | 'relu' | undefined
}

const RNN_NAMES: Names<RNNOptions> = { ...RECURRENT_NAMES, nonlinearity: true }

/** h' = f(W x + b_ih + R h + b_hh), f = tanh or relu (Elman 1990). */
export class RNN extends Recurrent {
  constructor(options: RNNOptions) {
    const { nonlinearity = 'tanh' } = optionsOf('rnn', options, RNN_NAMES)
    checkChoice('rnn', 'nonlinearity', nonlinearity, ['tanh', 'relu'])
    super(nonlinearity === 'relu' ? 'rnn_relu' : 'rnn_tanh', options)
    this.reset(seedOf('rnn', options))
  }
}

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

export interface GRUOptions extends RecurrentOptions {
  /** Applies the reset gate to h before its product with the weight (Cho et al. 2014), not after. */
  resetBefore?: boolean | undefined
}

const GRU_NAMES: Names<GRUOptions> = { ...RECURRENT_NAMES, resetBefore: true }

/** Gated recurrent unit; the reset gate comes after the product as in PyTorch and cuDNN. */
export class GRU extends Recurrent {
  constructor(options: GRUOptions) {
    const { resetBefore = false } = optionsOf('gru', options, GRU_NAMES)
    checkFlag('gru', 'resetBefore', resetBefore)
    super(resetBefore ? 'gru_reset_before' : 'gru', options)
    this.reset(seedOf('gru', options))
  }
}

const OF_LSTM: readonly string[] = Object.keys({ ...VARIANT_NAMES, forgetBias: true })

/** A stack by the name of its cell; what other cells than an LSTM do not have is left out. `ERR_ARGUMENT`. */
export function makeRecurrent(cell: ops.Cell, given: LSTMOptions): Recurrent {
  checkChoice('recurrent', 'cell', cell, Object.keys(ops.gatesOf))
  const others = Object.entries(given).filter(([name]) => !OF_LSTM.includes(name))
  const options = Object.fromEntries(others) as unknown as RecurrentOptions
  switch (cell) {
    case 'lstm':
    case 'lstm_general':
    case 'lstm_coupled':
      return new LSTM({ ...given, coupled: given.coupled ?? cell === 'lstm_coupled' })
    case 'rnn_tanh':
    case 'rnn_relu':
      return new RNN({ ...options, nonlinearity: cell === 'rnn_relu' ? 'relu' : 'tanh' })
    default:
      return new GRU({ ...options, resetBefore: cell === 'gru_reset_before' })
  }
}
