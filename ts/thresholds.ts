/** Thresholds of gates, as an option says them. */
import { isObject } from './check'

/** An LSTM's i f g o, a GRU's r z n; h of an RNN, which has one sum. */
const GATES = ['i', 'f', 'g', 'o', 'r', 'z', 'n', 'h'] as const
/** A gate whose sum may be shifted. */
export type ThresholdGate = (typeof GATES)[number]

/**
 * What is added to the sums of a gate's units before clip and activation, 0 where a gate is not named. `trainable`:
 * one for each gate, layer and direction is learned, and begins as that.
 */
export type ThresholdsSpec = {
  readonly [G in ThresholdGate]?: number | undefined
} & { readonly trainable?: boolean | undefined }

/** Completes "expected". */
export const thresholdsForms = (gates: readonly string[] = GATES): string =>
  `finite numbers by gate (${gates.join(', ')}) and, where they are learned, trainable: true`

/** In the order of `gates`; null of what is no {@link ThresholdsSpec} of these. */
export function readThresholds(
  spec: unknown,
  gates: readonly string[] = GATES,
): { values: number[]; trainable: boolean } | null {
  if (!isObject(spec)) return null
  const { trainable = false, ...given } = spec
  if (typeof trainable !== 'boolean') return null
  const told = Object.entries(given).filter(([, value]) => value !== undefined)
  if (!told.every(([gate, value]) => gates.includes(gate) && Number.isFinite(value))) return null
  return { values: gates.map((gate) => (given[gate] as number | undefined) ?? 0), trainable }
}
