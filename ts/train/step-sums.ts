/** What a step comes to, as sums: those of a step's batches and of all ranks add up. */
import { RnnativeError } from '../errors'
import * as ops from '../ops'
import { full, noGrad, scope, type DeviceName, type Tensor } from '../tensor'
import type { BatchLoss, Objective } from './objective'
import { addTotals, figures, type Total } from './totals'

/** What a step came to, before its update. */
export interface Measured {
  loss: number
  gradientNorm: number
  measures: Record<string, number> | undefined
  penalties: Record<string, number> | undefined
}

/** The same as sums, to which those of other ranks add. */
export interface StepSums {
  /** Of losses and of batches' penalties, which `scale` makes means. */
  loss: number
  penalties: Record<string, number>
  scale: number
  measures: Record<string, Total>
  /** The same on all ranks. */
  gradientNorm: number
  ofParameters: Record<string, number>
}

/** What is left of a batch when its gradient has been added. */
export interface Part<C> extends Pick<BatchLoss<C>, 'count' | 'measures' | 'carry'> {
  /** Which of the step's batches it is of. */
  at: number
  /** Its sum, divided by the count of the whole step where that was known. */
  loss: Tensor
  /** Divided alike. */
  penalties: Readonly<Record<string, Tensor>>
}

/** What sums come to, those of all ranks added up. */
export function measuredOf(
  all: readonly StepSums[],
  summary: Objective<never, never>['summary'],
): Measured {
  const [{ scale, gradientNorm, ofParameters }] = all as [StepSums, ...StepSums[]]
  const totals: Record<string, Total> = {}
  for (const { measures } of all) addTotals(totals, measures)
  const penalties: Record<string, number> = {}
  for (const one of all)
    for (const [name, value] of Object.entries(one.penalties))
      penalties[name] = (penalties[name] ?? 0) + value * scale
  for (const [name, value] of Object.entries(ofParameters))
    penalties[name] = (penalties[name] ?? 0) + value
  return {
    loss: all.reduce((sum, { loss }) => sum + loss, 0) * scale,
    gradientNorm,
    measures: figures(totals, summary),
    penalties: Object.keys(penalties).length === 0 ? undefined : penalties,
  }
}

/**
 * What all batches of this rank count, a scalar. Not finite where a loss is not: so no rank makes the step, as their
 * gradients are divided by the sum of these.
 */
export function countOf(parts: readonly Part<object>[], device: DeviceName): Tensor {
  const zero = (x: Tensor) => ops.reshape(ops.mul(x, 0), [])
  return scope(() =>
    noGrad(() => {
      let all: Tensor = full([], 0, { device })
      for (const { count, loss, penalties, measures } of parts) {
        all = ops.add(all, typeof count === 'number' ? count : ops.reshape(count, []))
        for (const watched of [loss, ...Object.values(penalties)]) all = ops.add(all, zero(watched))
        for (const { sum, count } of Object.values(measures ?? {}))
          for (const value of [sum, count])
            if (typeof value !== 'number') all = ops.add(all, zero(hasValue(value)))
      }
      return all
    }),
  )
}

/** Finds a number among those that were read. */
export type Read = (values: readonly number[]) => number

export const each = <T, U>(
  named: Readonly<Record<string, T>>,
  make: (value: T) => U,
): Record<string, U> =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [name, make(value)]))

/** Sums by name. */
export function sums(
  all: readonly Readonly<Record<string, Read>>[],
  values: readonly number[],
): Record<string, number> {
  const made: Record<string, number> = {}
  for (const named of all)
    for (const [name, read] of Object.entries(named)) made[name] = (made[name] ?? 0) + read(values)
  return made
}

/** 1 unless it could not be computed: then it is an error to read, too. */
export const hasValue = (x: Tensor): Tensor => noGrad(() => ops.sum(ops.equal(x, x)))

export function reciprocal(count: Tensor | number): Tensor | number {
  if (typeof count !== 'number') return noGrad(() => ops.pow(count, -1))
  if (count > 0) return 1 / count
  throw new RnnativeError('ERR_ARGUMENT', `[fit] loss: count: expected one above 0, got ${count}`)
}

export const plus = (a: Tensor | number, b: Tensor | number): Tensor | number =>
  typeof a === 'number' && typeof b === 'number' ? a + b : ops.add(a, b)
