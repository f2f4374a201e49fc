import type { InitSpec, RecurrentState } from '../../nn'
import { variantOf, type Variant } from '../../nn/variant'
import type { Recurrent } from '../../nn'
import { makeRecurrent } from '../../nn/recurrent'
import { ResidualStack } from '../../nn/residual'
import type { LinearPrecision } from '../../precision'
import type { DeviceOption } from '../../tensor/device'
import type { ZoneoutSpec } from '../../zoneout'
import { cellOf, forgetBiasOf, type CellName } from './recurrent-options'

/** Standard deviation of a token's initial vector: its length is then about 1. */
export const embeddingDeviation = (features: number): number => 1 / Math.sqrt(features)

export interface StackOptions extends Variant {
  cell: CellName
  /** Layers add their input to their output. */
  residual: boolean
  dropout: number
  weightDrop: number
  zoneout: ZoneoutSpec
  precision: LinearPrecision
  init?: InitSpec | undefined
}

/** A stack of a network's kind. */
export function makeStack(
  given: StackOptions,
  sizes: { input: number; hidden: number; layers: number; bidirectional?: boolean },
  device: DeviceOption,
): Recurrent | ResidualStack {
  const { cell, residual, dropout, weightDrop, zoneout, precision, init } = given
  const drops = { dropout, weightDrop, zoneout }
  const usual = { ...drops, precision, device, forgetBias: forgetBiasOf(init) }
  const options = { ...sizes, ...usual, ...variantOf(given) }
  const kind = cellOf(cell)
  return residual ? new ResidualStack({ ...options, cell: kind }) : makeRecurrent(kind, options)
}

/** The same values outside any graph, to carry into the next call. */
export const detachState = ({ h, c }: RecurrentState): RecurrentState =>
  c === undefined ? { h: h.detach() } : { h: h.detach(), c: c.detach() }

export function disposeState(state: RecurrentState | null): void {
  state?.h.dispose()
  state?.c?.dispose()
}
