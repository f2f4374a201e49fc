import { checkChoice, checkFlag, checkWhole, isObject, MOST_LAYERS, optionsOf } from '../check'
import type { Names } from '../check'
import { expect } from '../errors'
import { Parameter, type Tensor } from '../tensor'
import type { NativeRandom } from '../tensor/random'
import * as ops from '../ops'
import { cellParameters, isPresent, slotsOf, slotShape } from '../ops/cells'
import type { InitSpec } from '../init-spec'
import { checkLinear, type LinearPrecision } from '../precision'
import type { ThresholdsSpec } from '../thresholds'
import { readZoneout, ZONEOUT_FORMS, type ZoneoutSpec } from '../zoneout'
import { zeros } from './init'
import { checkInit, type InitSource } from './init-source'
import { checkSizes, LAYER_NAMES, type LayerOptions } from './layers'
import type { ChosenVariant } from './variant'
import { Module } from './module'
import { Thresholds } from './thresholds'
import { recurrence } from './unrolled'

/** What all recurrent layers take. */
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
  /**
   * The probability in [0, 1) that a unit of h, and of a cell's c, stays in a step what it was before it,
   * while training; in evaluation each keeps that share (Krueger et al. 2017). Both, or each: `{ hidden,
   * cell }`. Default 0.
   */
  zoneout?: ZoneoutSpec | undefined
  /**
   * A shift of each gate's sums, one number for all of its units: `{ f: 1, i: -0.5 }`. With `trainable: true` there is
   * one for every gate, which is learned and begins there: a parameter `threshold_l0` and so on, [gates].
   */
  thresholds?: ThresholdsSpec | undefined
  /** Default true. */
  bias?: boolean | undefined
  /** Of every product, forward and backward. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

export const RECURRENT_NAMES: Names<RecurrentOptions> = {
  ...LAYER_NAMES,
  ...{ input: true, hidden: true, layers: true, bidirectional: true, dropout: true },
  ...{ recurrentDropout: true, weightDrop: true, zoneout: true, bias: true, precision: true },
  ...{ thresholds: true },
}

/** Options of a recurrent layer's `forward`. */
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
  gru_general: ['r', 'z', 'n'],
  gru_reset_before: ['r', 'z', 'n'],
}

/** Names for thresholds, of which a cell with one sum has one, too. */
const gateNames = (cell: ops.Cell): readonly string[] => GATES[cell] ?? ['h']

/** Where the mask of a parameter comes from in a forward pass that trains; null in others. */
export type DrawMask = ((parameter: string) => NativeRandom) | null

/** `ERR_ARGUMENT` for what is none, or none for the cell. */
function zoneoutOf(cell: ops.Cell, given: ZoneoutSpec): Recurrent['zoneout'] {
  const read = readZoneout(given)
  expect(cell, 'zoneout', read !== null, ZONEOUT_FORMS, given)
  const { hidden, cell: ofC, both } = read as NonNullable<typeof read>
  const fits = both || ofC === 0 || ops.hasC[cell]
  expect(cell, 'zoneout.cell', fits, `0 for ${cell}, which has no c`, ofC)
  return { zoneout_hidden: hidden, zoneout_cell: ops.hasC[cell] ? ofC : 0 }
}

/**
 * A stack of recurrent layers. Parameters have PyTorch's names, shapes and gate order
 * (`weight_ih_l0`, `weight_ih_l0_reverse`, `[G*H, I]`); initial values are uniform within
 * ±1/sqrt(hidden), as PyTorch's.
 */
export abstract class Recurrent extends Module {
  /** Kind of cell. */
  readonly cell: ops.Cell
  /** Features of a step's input. */
  readonly input: number
  /** Units of a layer. */
  readonly hidden: number
  /** Of h: `projection` of an LSTM, else `hidden`. */
  readonly features: number
  /** How many lie on each other. */
  readonly layers: number
  /** 2: each layer also runs backward in time. */
  readonly directions: 1 | 2
  /** Between layers, while training. */
  readonly dropout: number
  /** Of the state on its way to the recurrent weight, while training. */
  readonly recurrentDropout: number
  /** Share of recurrent weights left out of a step while training. */
  readonly weightDrop: number
  /** @internal Amounts of the phases that act in evaluation, too. */
  readonly zoneout: Readonly<Record<'zoneout_hidden' | 'zoneout_cell', number>>
  /** What products are computed in. */
  readonly precision: LinearPrecision
  /** Of a cell that has options. */
  readonly cellOptions: ops.CellOptions | undefined
  private readonly byName = new Map<string, Parameter>()
  /** Of each layer and direction; empty: none. */
  private readonly thresholds: readonly Thresholds[]
  private ofCells: readonly ops.CellParameters[] | undefined // once made

  protected constructor(
    cell: ops.Cell,
    options: RecurrentOptions,
    variant: Omit<ChosenVariant, 'cell'> = PLAIN,
  ) {
    super()
    expect('recurrent', 'variant', isObject(variant), 'an object', variant)
    const { peepholes, cellOptions, projection, layerNorm } = variant
    checkChoice('recurrent', 'cell', cell, Object.keys(ops.gatesOf))
    expect(cell, 'options', isObject(options), 'an object', options)
    const { input, hidden, layers = 1, bidirectional = false, dropout = 0, bias = true } = options
    const { precision = 'f32', recurrentDropout = 0, weightDrop = 0, zoneout = 0 } = options
    checkSizes(cell, { input, hidden }, () => 4 * hidden * Math.max(input, hidden))
    if (projection !== undefined) checkWhole(cell, 'projection', projection, 1, hidden - 1)
    checkWhole(cell, 'layers', layers, 1, MOST_LAYERS)
    checkFlag(cell, 'bidirectional', bidirectional)
    checkFlag(cell, 'bias', bias)
    ops.checkDropout(cell, dropout)
    ops.checkDropout(cell, recurrentDropout, 'recurrentDropout')
    ops.checkDropout(cell, weightDrop, 'weightDrop')
    checkLinear(cell, precision)
    checkInit(cell, options.init)
    this.initSpec = options.init
    this.cell = cell
    this.input = input
    this.hidden = hidden
    this.features = projection ?? hidden
    this.layers = layers
    this.directions = bidirectional ? 2 : 1
    this.dropout = dropout
    this.recurrentDropout = recurrentDropout
    this.weightDrop = weightDrop
    this.zoneout = zoneoutOf(cell, zoneout)
    this.precision = precision
    this.cellOptions = cellOptions
    for (const [layer, suffix] of this.suffixes()) {
      const width = layer === 0 ? input : this.directions * this.features
      const extents = { hidden, state: this.features, input: width }
      for (const slot of slotsOf[cell]) {
        if (!bias && slot.name.startsWith('bias_')) continue
        if (slot.name === 'weight_hr' && projection === undefined) continue
        if (slot.name.startsWith('norm_') && !layerNorm) continue
        const [, gate] = /^peephole_(.)$/.exec(slot.name) ?? []
        if (gate !== undefined && !peepholes.some((name) => name === gate)) continue
        const shape = slotShape(slot, cell, extents)
        const parameter = new Parameter(shape, { device: options.device })
        if (slot.rows === 'gates') parameter.gates = GATES[cell] ?? []
        this.byName.set(`${slot.name}_${suffix}`, parameter)
      }
    }
    const thresholds = [...this.suffixes()].map(([, suffix]) => {
      const made = Thresholds.of(cell, gateNames(cell), options.thresholds, options.device)
      if (made?.learned) this.byName.set(`threshold_${suffix}`, made.learned)
      else if (made) this.constant(made.values)
      return made
    })
    this.thresholds = thresholds.filter((of) => of !== null)
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
    for (const [name, parameter] of this.byName) fillParameter(source, name, parameter, usual)
    this.beginThresholds()
  }

  /** @internal Learned thresholds begin as they were given, however weights do. */
  beginThresholds(): void {
    for (const of of this.thresholds) of.initialise()
  }

  /**
   * Runs whole sequences. x: [time, batch, input]. The output is [time, batch, directions*features],
   * zero past a sequence's end; the state is that after each sequence's own last step, `{ h, c }` for
   * an LSTM and `{ h }` for other cells: h [layers*directions, batch, features], c [.., hidden].
   */
  forward(x: Tensor, options: ForwardOptions = {}): ops.RecurrentResult {
    const { state, lengths, projected = false } = optionsOf(this.cell, options, FORWARD_NAMES)
    if (typeof projected !== 'boolean') checkFlag(this.cell, 'projected', projected)
    const dropout = this.training && this.layers > 1 ? this.dropout : 0
    const hidden = this.training ? this.recurrentDropout : 0
    const phases = { state_dropout: hidden, ...this.zoneout }
    const draws = this.training && (dropout > 0 || isPresent(phases))
    const random = draws ? this.drawRandom() : null
    const draw = this.training ? (parameter: string) => this.drawRandom(parameter) : null
    return this.withCells(draw, this.cells(projected), (cells) =>
      recurrence()(x, cells, {
        cell: this.cell,
        layers: this.layers,
        directions: this.directions,
        state,
        lengths,
        dropout,
        phases,
        random,
        precision: this.precision,
        ...(this.cellOptions && { cellOptions: this.cellOptions }),
      }),
    )
  }

  /**
   * @internal Calls `run` with `cells` as a forward pass reads them: while training, some weights dropped, and biases
   * with the thresholds.
   */
  withCells<T>(
    draw: DrawMask,
    cells: readonly ops.CellParameters[],
    run: (cells: readonly ops.CellParameters[]) => T,
  ): T {
    const { weightDrop, hidden } = this
    const drops = draw !== null && weightDrop > 0
    if (!drops && this.thresholds.length === 0) return run(cells)
    const made: Tensor[] = []
    const keep = (x: Tensor) => (made.push(x), x)
    try {
      const read = [...this.suffixes()].map(([, suffix], i): ops.CellParameters => {
        const { ...of } = cells[i] as ops.CellParameters
        if (drops) {
          const random = draw(`weight_hh_${suffix}`)
          of.weightHidden = keep(ops.dropout(of.weightHidden, weightDrop, { random, batchAxis: 0 }))
        }
        const shift = this.thresholds[i]
        if (shift) of.biasInput = keep(shift.add(of.biasInput, hidden))
        return of
      })
      return run(read)
    } finally {
      for (const x of made) x.dispose() // the tape holds what it needs
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

const PLAIN = { peepholes: [], cellOptions: undefined, projection: undefined, layerNorm: false }

/** Gains of layer norm begin with 1 and its bias with 0, whatever was asked for. */
export function fillParameter(
  source: InitSource,
  name: string,
  parameter: Parameter,
  usual: InitSpec,
): void {
  if (!name.startsWith('norm_')) source.fill(name, parameter, usual, parameter.gates.length || 1)
  else if (name.startsWith('norm_c_bias')) zeros(parameter)
  else parameter.fill(1)
}
