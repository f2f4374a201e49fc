import { RnnativeError, show } from '../errors'
import { native, type NativeRandom } from '../native/index'
import type { Precision } from '../precision'
import type { Tensor } from '../tensor/tensor'

export type Cell = 'rnn_tanh' | 'rnn_relu' | 'lstm' | 'gru' | 'gru_reset_before'

export type Phase = 'state_dropout'

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
}

/** A row of RN_SLOTS there: a parameter of a layer and direction, its shape and whether it must be. */
export interface NativeSlot {
  name: 'weight_ih' | 'weight_hh' | 'bias_ih' | 'bias_hh'
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
}
type NativeExtent = 'one' | 'hidden' | 'gates' | 'input'

declare module '../native/index' {
  interface NativeAddon {
    /** The rows of native/abi/cells.h. */
    cells(): { cells: NativeCell[]; slots: NativeSlot[]; phases: NativePhase[] }
  }
}

/** What the native ops of recurrent stacks are told. */
export interface RecurrentOptions {
  cell: Cell
  layers: number
  directions: number
  hidden: number
  training: boolean
  dropout: number
  /** Amounts of the phases of a step; those left out, or 0, are not there. */
  phases?: Partial<Record<Phase, number>>
  /** Required when dropout or a phase's amount is above 0. */
  random?: NativeRandom | null
  /** 'f32' unless given. */
  precision?: Precision
}

/**
 * Cells; parameters of a layer and direction, in the order in which the native ops take them; and the
 * phases that a step may have beside its cell.
 */
export const { cells, slots, phases } = native.cells()

const byName = <T>(of: (cell: NativeCell) => T) =>
  Object.fromEntries(cells.map((cell) => [cell.name, of(cell)])) as Record<Cell, T>

/** Gates per unit: rows of a weight are this many times the hidden size. */
export const gatesOf: Readonly<Record<Cell, number>> = byName(({ gates }) => gates)

/** Whether a cell has a second state, c, beside h. */
export const hasC: Readonly<Record<Cell, boolean>> = byName((cell) => cell.hasC)

/** One layer and direction. Shapes and gate order are PyTorch's. */
export interface CellParameters {
  /**
   * [G*H, in]; in is I for layer 0, directions*H above. Null in every direction of layer 0: x holds
   * its product with x, the directions' side by side (biases are still added).
   */
  weightInput: Tensor | null
  /** [G*H, H] */
  weightHidden: Tensor
  /** [G*H] */
  biasInput?: Tensor | null | undefined
  biasHidden?: Tensor | null | undefined
}

const KEYS: Readonly<Record<NativeSlot['name'], keyof CellParameters>> = {
  weight_ih: 'weightInput',
  weight_hh: 'weightHidden',
  bias_ih: 'biasInput',
  bias_hh: 'biasHidden',
}

/** The parameters of a layer and direction from those of its slots. */
export const cellParameters = (
  of: (slot: NativeSlot) => Tensor | null | undefined,
): CellParameters =>
  Object.fromEntries(slots.map((slot) => [KEYS[slot.name], of(slot)])) as unknown as CellParameters

/** The opposite: a tensor or null for every slot. */
export const inSlots = (parameters: CellParameters): (Tensor | null)[] =>
  slots.map(({ name }) => parameters[KEYS[name]] ?? null)

/** Cuts a list that has an entry for every slot into those of each layer and direction. */
export const perCell = <T>(flat: readonly T[]): T[][] =>
  Array.from({ length: flat.length / slots.length }, (_, i) =>
    flat.slice(slots.length * i, slots.length * (i + 1)),
  )

/** Of a layer that reads `input` features: [rows, columns], or [rows] of a vector. */
export function slotShape(slot: NativeSlot, cell: Cell, hidden: number, input: number): number[] {
  const extents = { one: 1, hidden, gates: gatesOf[cell] * hidden, input }
  const rows = extents[slot.rows]
  return slot.columns === 'one' ? [rows] : [rows, extents[slot.columns]]
}

type Amounts = Readonly<Partial<Record<Phase, number>>>

export const isPresent = (amounts: Amounts): boolean =>
  Object.values(amounts).some((amount) => amount > 0)

/** Throws `ERR_ARGUMENT` for an amount that its phase cannot have, or a name that no phase has. */
export function checkPhases(op: string, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) {
    const below = phases.find((phase) => phase.name === name)?.below
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
