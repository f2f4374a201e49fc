/**
 * One optimizer step: gradients of one or more batches, divided by the count of them all, the update, and
 * one await for loss, norm and measures together, which also keeps the event loop free and the queue short.
 */
import { RnnativeError } from '../errors'
import type { RandomContext } from '../nn'
import type { Optimizer } from '../optim'
import { noGrad, scope, type Tensor } from '../tensor'
import * as ops from '../ops'
import { Carried } from './carried'
import type { Portion } from './feed'
import {
  withInputs,
  type BatchLoss,
  type Measure,
  type Objective,
  type StepInput,
} from './objective'
import { Programs, runsPrograms } from './programs'
import { addTotals, figures, type Total } from './totals'

/** What a step came to, before its update. */
export interface Measured {
  loss: number
  gradientNorm: number
  measures: Record<string, number> | undefined
}

/** Ops that have been enqueued: scalars to be read, and what the numbers mean. */
export interface Enqueued {
  readonly scalars: readonly Tensor[]
  read(values: readonly number[]): Measured
}

/** Scalars to be read in one go. */
class Scalars {
  readonly tensors: Tensor[] = []

  /** Where the value will be found. */
  add(value: Tensor | number): (values: readonly number[]) => number {
    if (typeof value === 'number') return () => value
    const found = this.tensors.indexOf(value)
    const at = found >= 0 ? found : this.tensors.push(value) - 1
    return (values) => values[at] as number
  }
}

interface Part {
  /** The sum times the step's share. */
  mean: Tensor
  /** 1 / count, of this part where that of all of them is not known. */
  share: Tensor | number
  made: Pick<BatchLoss<object>, 'count' | 'measures'>
}

export class Steps<B, C extends object> {
  readonly carried: Carried<C>
  private readonly programs: Programs<Enqueued> | null

  constructor(
    private readonly objective: Objective<B, C>,
    private readonly optimizer: Optimizer,
    private readonly clipNorm: number | undefined,
    public random: RandomContext,
  ) {
    const { device } = optimizer
    const recorded = objective.repeats && runsPrograms(device)
    this.programs = recorded ? new Programs<Enqueued>(device, optimizer) : null
    this.carried = new Carried<C>(objective.zeros?.bind(objective), recorded, device)
  }

  /** Whether steps are recorded, so that batches should be of shapes that repeat. */
  get repeating(): boolean {
    return this.programs !== null
  }

  /** Makes step number `step` of these batches. All is enqueued when it returns. */
  run(step: number, portions: readonly Portion<B>[]): Promise<Measured> {
    const { objective, programs } = this
    let rows = 0
    const states = portions.map((portion, i) => {
      const state = this.carried.get(i, rows, portion.rows)
      rows += portion.rows
      return state
    })
    const inputs = portions.map(({ batch }) => objective.inputs(batch))
    const share =
      objective.count && 1 / total(portions.map(({ batch }) => objective.count?.(batch)))
    const enqueue = (given: readonly Tensor[], share: Tensor | number | undefined) =>
      this.enqueue(step, portions, states, distribute(given, inputs), share)
    const keys = portions.map(({ key }) => key)
    if (programs && !keys.includes(null)) {
      const all = [...inputs.flat(), ...(share === undefined ? [] : [scalar(share)])]
      const key = keys.join(' | ')
      const made = programs.run(step, key, all, (given) =>
        enqueue(given, share === undefined ? share : given.at(-1)),
      )
      return read(made)
    }
    const made = withInputs(inputs.flat(), this.optimizer.device, (given) => enqueue(given, share))
    return read(made).finally(() => made.scalars.forEach((tensor) => tensor.dispose()))
  }

  private enqueue(
    step: number,
    portions: readonly Portion<B>[],
    states: readonly (C | null)[],
    inputs: readonly (readonly Tensor[])[],
    known: Tensor | number | undefined,
  ): Enqueued {
    const { optimizer, objective, carried, clipNorm } = this
    optimizer.zeroGrad()
    let share = known
    let sampleBase = 0
    const parts = portions.map(({ batch, rows }, i) => {
      this.random.set({ step, sampleBase })
      sampleBase += rows
      const { carry, ...part } = scope(() => {
        const given = inputs[i] as readonly Tensor[]
        objective.module.train()
        const made = objective.loss(given, batch, { step, carried: states[i] ?? null })
        const own = share ?? shareOf(made.count)
        const mean = ops.mul(made.sum, own)
        mean.backward()
        const { count, measures, carry } = made
        return { mean: mean.detach(), share: own, made: { count, measures }, carry }
      })
      carried.keep(i, carry)
      share ??= part.share
      return part
    })
    const scalars = new Scalars()
    const scale = known === undefined ? this.rescale(parts, scalars) : () => 1
    const norm = scalars.add(optimizer.step({ clipNorm: clipNorm === Infinity ? 0 : clipNorm }))
    const losses = parts.map(({ mean }) => scalars.add(mean))
    const measured = parts.map(({ made }) => measuresOf(made.measures, scalars))
    return {
      scalars: scalars.tensors,
      read: (values) => {
        const totals: Record<string, Total> = {}
        for (const of of measured) addTotals(totals, of(values))
        const sum = losses.reduce((all, loss) => all + loss(values), 0)
        return {
          loss: sum * scale(values),
          gradientNorm: norm(values),
          measures: figures(totals, objective.summary),
        }
      },
    }
  }

  /**
   * Where counts became known one after the other, all gradients were divided by the first: here by that of
   * the whole step instead. The factor.
   */
  private rescale(parts: readonly Part[], scalars: Scalars): (values: readonly number[]) => number {
    const counts = parts.map(({ made }) => made.count)
    const share = parts[0]?.share as Tensor | number
    if (typeof share === 'number' && counts.every((count) => typeof count === 'number')) {
      const all = total(counts)
      if (parts.length === 1) return () => 1
      const factor = 1 / (all * share)
      this.optimizer.scaleGradients(factor)
      return () => factor
    }
    // Read, though only the factor is wanted: so they are kept, and disposed with all the others.
    for (const value of [share, ...counts]) scalars.add(value)
    if (parts.length === 1) return () => 1
    const factor = scope(() =>
      noGrad(() => ops.pow(ops.mul(counts.reduce(plus) as Tensor, share), -1)),
    )
    this.optimizer.scaleGradients(factor)
    return scalars.add(factor)
  }

  dispose(): void {
    this.programs?.dispose()
    this.carried.dispose()
  }
}

const scalar = (value: number): StepInput => ({ shape: [], data: Float64Array.of(value) })

/** A count of nothing is 1 here: others of the step may count. */
const shareOf = (count: Tensor | number): Tensor | number =>
  typeof count === 'number' ? 1 / (count || 1) : noGrad(() => ops.pow(count, -1))

const plus = (a: Tensor | number, b: Tensor | number): Tensor | number =>
  typeof a === 'number' && typeof b === 'number' ? a + b : ops.add(a, b)

function total(counts: readonly (number | undefined)[]): number {
  const all = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  if (all > 0) return all
  throw new RnnativeError('ERR_ARGUMENT', `[fit] loss: count: expected one above 0, got ${all}`)
}

/** Each batch's own tensors, out of those of all. */
function distribute(
  given: readonly Tensor[],
  inputs: readonly (readonly StepInput[])[],
): (readonly Tensor[])[] {
  let at = 0
  return inputs.map(({ length }) => given.slice(at, (at += length)))
}

function measuresOf(
  measures: Readonly<Record<string, Measure>> | undefined,
  scalars: Scalars,
): (values: readonly number[]) => Record<string, Total> {
  const found = Object.entries(measures ?? {}).map(
    ([name, { sum, count }]) => [name, scalars.add(sum), scalars.add(count)] as const,
  )
  return (values) =>
    Object.fromEntries(
      found.map(([name, sum, count]) => [name, { sum: sum(values), count: count(values) }]),
    )
}

const read = async ({ scalars, read }: Enqueued): Promise<Measured> =>
  read(await Promise.all(scalars.map((scalar) => scalar.item())))
