import { checkChoice, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { native, type NativeRandom } from '../native/index'
import type { LinearPrecision } from '../precision'
import type { Tensor } from '../tensor/tensor'

/** A recurrence that kernels know. Their equations: the guide to cells. */
export type Cell =
  | 'rnn_tanh'
  | 'rnn_general'
  | 'lstm'
  | 'lstm_general'
  | 'lstm_coupled'
  | 'gru'
  | 'gru_general'
  | 'gru_reset_before'

/** What a step may have beside its cell: see {@link RecurrentArguments.phases}. */
export type Phase = 'state_dropout' | 'zoneout_hidden' | 'zoneout_cell'

/** A row of RN_CELLS in native/abi/cells.h. */
export interface NativeCell {
  name: Cell
  /** Rows of a weight per unit. */
  gates: number
  /** Whether there is a c beside h. */
  hasC: boolean
  /** With R, one after the other in a step. */
  products: number
  /** Whether the state after a step has a part of that before it that no product touches. */
  carriesH: boolean
  /** Whether the last gate's term with R has a bias and a gradient of its own. */
  apart: boolean
  /** Whether its math heeds {@link CellOptions}. */
  options: boolean
  /** Whether it may have layer norm. */
  normed: boolean
  /** The slots that it has: bit i is that of the i-th. */
  slots: number
}

/** `hard_sigmoid`: x / 5 + 1 / 2 within 0 and 1, as in ONNX. */
export type Activation = 'sigmoid' | 'tanh' | 'relu' | 'hard_sigmoid' | 'identity'

/** What `lstm_general` and `lstm_coupled` have in place of an LSTM's own math. */
export interface CellOptions {
  /** Of the gates i f o. Default 'sigmoid'. */
  gate?: Activation | undefined
  /** Of g, what is to be stored. Default 'tanh'. */
  candidate?: Activation | undefined
  /** Of c', for h'. Default 'tanh'. */
  output?: Activation | undefined
  /** The sums of gates and of g are kept within ± this before their activation. Default: no bound. */
  gateClip?: number | undefined
  /** c' is kept within ± this. Default: no bound. */
  cellClip?: number | undefined
}

/** A row of RN_SLOTS there: a parameter of a layer and direction, its shape and whether it must be. */
export interface NativeSlot {
  name:
    | `weight_${'ih' | 'hh' | 'hr'}`
    | `bias_${'ih' | 'hh'}`
    | `peephole_${'i' | 'f' | 'o'}`
    | `norm_${'ih' | 'hh' | 'c' | 'c_bias'}`
  rows: NativeExtent
  columns: NativeExtent
  required: boolean
}

/** A row of RN_PHASES there: what a step may have beside its cell, in an amount of 0..below. */
export interface NativePhase {
  name: Phase
  below: number
  /** Whether it acts in training only. */
  training: boolean
  /** Whether a cell must have a c. */
  ofC: boolean
}
type NativeExtent = 'one' | 'hidden' | 'state' | 'gates' | 'input'

declare module '../native/index' {
  interface NativeAddon {
    /** The rows of native/abi/cells.h. */
    cells(): {
      cells: NativeCell[]
      slots: NativeSlot[]
      phases: NativePhase[]
      activations: { name: Activation }[]
    }
  }
}

/** What the native ops of recurrent stacks are told. */
export interface RecurrentOptions {
  cell: Cell
  layers: number
  directions: number
  hidden: number
  /** Features of h, where fewer. */
  projection?: number
  /** Layer norm. */
  norm?: boolean
  training: boolean
  dropout: number
  /** Amounts of the phases of a step; those left out, or 0, are not there. */
  phases?: Partial<Record<Phase, number>>
  /** What dropout and phases draw from; without it phases that act in inference are as they are then. */
  random?: NativeRandom | null
  /** 'f32' unless given. */
  precision?: LinearPrecision
  /** Of a cell that has options; an LSTM's own unless given. */
  cellOptions?: Required<CellOptions> | null
}

/** Cells; parameters of a layer and direction; phases that a step may have; activations. */
export const { cells, slots, phases, activations } = native.cells()

const byName = <T>(of: (cell: NativeCell) => T) =>
  Object.fromEntries(cells.map((cell) => [cell.name, of(cell)])) as Record<Cell, T>

/** Gates per unit: rows of a weight are this many times the hidden size. */
export const gatesOf: Readonly<Record<Cell, number>> = byName(({ gates }) => gates)

/** Whether a cell has a second state, c, beside h. */
export const hasC: Readonly<Record<Cell, boolean>> = byName((cell) => cell.hasC)

/** Parameters of a cell's layer and direction, in the order in which the native ops take them. */
export const slotsOf: Readonly<Record<Cell, readonly NativeSlot[]>> = byName((cell) =>
  slots.filter((_, i) => (cell.slots >> i) & 1),
)

/** Whether a cell's math heeds {@link CellOptions}. */
export const hasOptions: Readonly<Record<Cell, boolean>> = byName((cell) => cell.options)

/** Whether a cell may have layer norm (Ba et al. 2016). */
export const mayNorm: Readonly<Record<Cell, boolean>> = byName((cell) => cell.normed)

/** Whether h of a cell may be projected (Sak et al. 2014). */
export const mayProject: Readonly<Record<Cell, boolean>> = byName((cell) =>
  slotsOf[cell.name].some(({ name }) => name === 'weight_hr'),
)

/** One layer and direction. Shapes and gate order are PyTorch's. P: features of h, H unless projected. */
export interface CellParameters {
  /**
   * [G*H, in]; in is I for layer 0, directions*P above. Null in every direction of layer 0: x holds
   * its product with x, the directions' side by side (biases are still added).
   */
  weightInput: Tensor | null
  /** [G*H, P] */
  weightHidden: Tensor
  /** [P, H], P < H, of an LSTM: h is its product with what the cell makes. */
  weightProjection?: Tensor | null | undefined
  /** [G*H] */
  biasInput?: Tensor | null | undefined
  /** `[G*H]` */
  biasHidden?: Tensor | null | undefined
  /** [H], of `lstm_general` and, but for the second, `lstm_coupled`: what i, f and o see of c. */
  peepholeInput?: Tensor | null | undefined
  /** As `peepholeInput`, of f. */
  peepholeForget?: Tensor | null | undefined
  /** As `peepholeInput`, of o. */
  peepholeOutput?: Tensor | null | undefined
  /**
   * Layer norm (Ba et al. 2016), all or none, in all layers, of an LSTM or a GRU: gains [G*H]
   * of W x and of R h, and, where there is a c, gain and bias [H] of c' as the output sees it.
   */
  normInput?: Tensor | null | undefined
  /** `[G*H]`, of R h. */
  normHidden?: Tensor | null | undefined
  /** `[H]`, the gain of c'. */
  normCell?: Tensor | null | undefined
  /** `[H]`, the bias of c'. */
  normCellBias?: Tensor | null | undefined
}

const KEYS: Readonly<Record<NativeSlot['name'], keyof CellParameters>> = {
  weight_ih: 'weightInput',
  weight_hh: 'weightHidden',
  weight_hr: 'weightProjection',
  bias_ih: 'biasInput',
  bias_hh: 'biasHidden',
  peephole_i: 'peepholeInput',
  peephole_f: 'peepholeForget',
  peephole_o: 'peepholeOutput',
  norm_ih: 'normInput',
  norm_hh: 'normHidden',
  norm_c: 'normCell',
  norm_c_bias: 'normCellBias',
}

/** The parameters of a layer and direction from those of its slots. */
export const cellParameters = (
  of: (slot: NativeSlot) => Tensor | null | undefined,
): CellParameters =>
  Object.fromEntries(slots.map((slot) => [KEYS[slot.name], of(slot)])) as unknown as CellParameters

/** The opposite: a tensor or null for every slot. */
export const inSlots = (cell: Cell, parameters: CellParameters): (Tensor | null)[] =>
  slotsOf[cell].map(({ name }) => parameters[KEYS[name]] ?? null)

/** Throws `ERR_ARGUMENT` for a parameter that layers of a cell do not have. */
export function checkSlots(cell: Cell, parameters: CellParameters, suffix: string): void {
  for (const slot of slots)
    if (parameters[KEYS[slot.name]] && !slotsOf[cell].includes(slot))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${cell}] ${slot.name}_${suffix}: expected null, the cell has no such parameter`,
      )
}

/** Cuts a list that has an entry for every slot of a cell into those of each layer and direction. */
export function perCell<T>(cell: Cell, flat: readonly T[]): T[][] {
  const { length } = slotsOf[cell]
  return Array.from({ length: flat.length / length }, (_, i) =>
    flat.slice(length * i, length * (i + 1)),
  )
}

/** Extents of a layer: units, features of h, and of what it reads. */
export interface LayerExtents {
  hidden: number
  state: number
  input: number
}

/** [rows, columns], or [rows] of a vector. */
export function slotShape(slot: NativeSlot, cell: Cell, layer: LayerExtents): number[] {
  const extents = { one: 1, ...layer, gates: gatesOf[cell] * layer.hidden }
  const rows = extents[slot.rows]
  return slot.columns === 'one' ? [rows] : [rows, extents[slot.columns]]
}

type Amounts = Readonly<Partial<Record<Phase, number>>>

export const isPresent = (amounts: Amounts): boolean =>
  Object.values(amounts).some((amount) => amount > 0)

/** Whether one of them is of a phase that acts in training only, and so must draw. */
export const mustDraw = (amounts: Amounts): boolean =>
  phases.some(({ name, training }) => training && (amounts[name] ?? 0) > 0)

/** Throws `ERR_ARGUMENT` for an amount that its phase cannot have with a cell, or a name that no phase has. */
export function checkPhases(op: string, cell: Cell, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) {
    const phase = phases.find((one) => one.name === name)
    const below = phase?.below
    const fits = !phase?.ofC || hasC[cell] || amount === 0
    expect(op, `phases.${name}`, fits, `0 for ${cell}, which has no c`, amount)
    if (below !== undefined && typeof amount === 'number' && amount >= 0 && amount < below) continue
    const known = phases.map((phase) => phase.name).join(', ')
    const expected =
      below === undefined ? `one of the phases ${known}` : `a number in [0, ${below})`
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[${op}] phases.${name}: expected ${expected}, got ${show(amount)}`,
    )
  }
}

const OPTION_NAMES: Names<CellOptions> = {
  ...{ gate: true, candidate: true, output: true, gateClip: true, cellClip: true },
}

/** Fills in what is usual; `ERR_ARGUMENT` for what is no activation or bound, or that the cell has no place for. */
export function resolveCellOptions(
  op: string,
  cell: Cell,
  given: CellOptions,
): Required<CellOptions> {
  const {
    gate = 'sigmoid',
    candidate = 'tanh',
    output = 'tanh',
  } = optionsOf(op, given, OPTION_NAMES)
  const { gateClip = Infinity, cellClip = Infinity } = given
  expect(op, 'cellOptions', hasOptions[cell], `none for ${cell}`, given)
  /** What the cell has no place for may be told as usual. */
  const usual = { gate: 'sigmoid', output: 'tanh', cellClip: Infinity }
  const places = { gate: gatesOf[cell] > 1, output: hasC[cell], cellClip: hasC[cell] }
  for (const name of ['gate', 'output', 'cellClip'] as const) {
    const fits = places[name] || given[name] === undefined || given[name] === usual[name]
    expect(op, name, fits, `none for ${cell}`, given[name])
  }
  const names = activations.map(({ name }) => name)
  for (const [name, value] of Object.entries({ gate, candidate, output }))
    checkChoice(op, `activations.${name}`, value, names)
  for (const [name, bound] of Object.entries({ gateClip, cellClip }))
    expect(op, name, typeof bound === 'number' && bound > 0, 'a number above 0', bound)
  return { gate, candidate, output, gateClip, cellClip }
}
