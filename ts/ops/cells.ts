import { RnnativeError } from '../errors'
import { native, type NativeCell, type NativePhase, type NativeSlot } from '../native/index'
import type { Tensor } from '../tensor/tensor'

export type Cell = NativeCell['name']

export type Phase = NativePhase['name']

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
    const known = phases.map((phase) => phase.name).join(', ')
    const expected =
      below === undefined ? `one of the phases ${known}` : `a number in [0, ${below})`
    if (below === undefined || !(amount >= 0 && amount < below))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${op}] phases.${name}: expected ${expected}, got ${amount}`,
      )
  }
}
