/**
 * One optimizer step: gradients of one or more batches, divided by the count of them all, the update, and
 * one await for loss, norm and measures together, which also keeps the event loop free and the queue short.
 * The device need not wait for JavaScript between two steps: the gradients of the next may be enqueued while
 * one runs. Its update is not: a step that fails, for whatever reason, has changed nothing.
 */
import { RnnativeError } from '../errors'
import type { RandomContext } from '../nn'
import type { Optimizer } from '../optim'
import type { GradientNoise } from '../optim/noise'
import { noGrad, scope, type Tensor } from '../tensor'
import * as ops from '../ops'
import { Carried, disposeAll } from './carried'
import { learnsNothing } from './ending'
import type { Portion } from './feed'
import { withInputs, type BatchLoss, type Objective, type StepInput } from './objective'
import type { TrainingOptions } from './options'
import { ParameterPenalties } from './penalties'
import { Programs, runsPrograms } from './programs'
import { measuresOf, Scalars } from './scalars'
import { addTotals, figures, type Total } from './totals'

/** What a step came to, before its update. */
export interface Measured {
  loss: number
  gradientNorm: number
  measures: Record<string, number> | undefined
  penalties: Record<string, number> | undefined
}

/** Ops that have been enqueued: scalars to be read, and what the numbers mean. */
export interface Enqueued {
  readonly scalars: readonly Tensor[]
  read(values: readonly number[]): Measured
}

/** What is left of a batch when its gradient has been added. */
interface Part<C> extends Pick<BatchLoss<C>, 'count' | 'measures' | 'carry'> {
  /** Its sum, divided by the count of the whole step where that was known. */
  loss: Tensor
  /** Divided alike. */
  penalties: Readonly<Record<string, Tensor>>
}

/** The gradients of a step, enqueued. */
interface Gradients<B, C> {
  portions: readonly Portion<B>[]
  parts: readonly Part<C>[]
  /** What the loss is divided by, where it was known beforehand. */
  share: Tensor | number | undefined
}

type StepSettings = Pick<
  TrainingOptions,
  'clipNorm' | 'clipValue' | 'gradientNoise' | 'gradientNoiseDecay' | 'l1' | 'l2'
>

export class Steps<B, C extends object> {
  readonly carried: Carried<C>
  private readonly programs: Programs<Enqueued> | null
  private readonly parameterPenalties: ParameterPenalties
  private readonly clipNorm: number
  private prepared: Gradients<B, C> | null = null

  constructor(
    private readonly objective: Objective<B, C>,
    private readonly optimizer: Optimizer,
    private readonly options: StepSettings,
    public random: RandomContext,
  ) {
    const { device } = optimizer
    const { clipNorm = 0 } = options
    this.clipNorm = clipNorm === Infinity ? 0 : clipNorm
    this.parameterPenalties = new ParameterPenalties(objective.module, options)
    const recorded = objective.repeats && runsPrograms(device) && !options.gradientNoise
    this.programs = recorded ? new Programs<Enqueued>(device, optimizer) : null
    this.carried = new Carried<C>(objective.zeros?.bind(objective), recorded, device)
  }

  /** Whether steps are recorded, so that batches should be of shapes that repeat. */
  get repeating(): boolean {
    return this.programs !== null
  }

  /** Makes step number `step` of these batches. All is enqueued when it returns. */
  run(step: number, portions: readonly Portion<B>[]): Promise<Measured> {
    const programs = this.programsFor(portions)
    if (programs !== null) {
      const { inputs, share } = this.inputs(portions)
      const all = [...inputs.flat(), ...(share === undefined ? [] : [scalar(share)])]
      const key = portions.map((portion) => portion.key).join(' | ')
      this.states(portions) // what is made while a program is recorded is of no use beyond it
      const made = programs.run(step, key, all, (given) => {
        const known = share === undefined ? share : given.at(-1)
        return this.update(step, this.gradients(step, portions, distribute(given, inputs), known))
      })
      return read(made)
    }
    if (this.prepared?.portions !== portions) this.prepare(step, portions)
    const made = this.update(step, this.prepared as Gradients<B, C>)
    this.prepared = null
    return read(made).finally(() => made.scalars.forEach((tensor) => tensor.dispose()))
  }

  /**
   * Enqueues the gradients of a step whose {@link run} comes next, which carries its state on. Steps that are
   * recorded have little for JavaScript to do.
   */
  prepare(step: number, portions: readonly Portion<B>[]): void {
    this.discard()
    if (this.programsFor(portions) !== null) return
    const { inputs, share } = this.inputs(portions)
    this.prepared = withInputs(inputs.flat(), this.optimizer.device, (given) =>
      this.gradients(step, portions, distribute(given, inputs), share),
    )
  }

  /**
   * Undoes what a step whose {@link run} has rejected, or has come to what is not finite, did beside its
   * update, which skipped itself: the next one is that step again.
   */
  takeBack(): void {
    this.carried.back()
    this.optimizer.takeBackStep()
  }

  /**
   * Computes the gradients of a batch and drops them, to see whether there is memory for it. Does nothing where
   * steps are recorded.
   */
  async rehearse(portion: Portion<B>): Promise<void> {
    this.prepare(1, [portion])
    try {
      if (this.prepared) await this.optimizer.gradientsMade()
    } finally {
      this.discard()
    }
  }

  /** What each batch of a step continues from. */
  private states(portions: readonly Portion<B>[]): (C | null)[] {
    let first = 0
    return portions.map(({ rows }, i) => {
      const state = this.carried.get(i, first, rows)
      first += rows
      return state
    })
  }

  /** What records a step of these batches; null where none does. */
  private programsFor(portions: readonly Portion<B>[]): Programs<Enqueued> | null {
    return portions.every(({ key }) => key !== null) ? this.programs : null
  }

  private inputs(portions: readonly Portion<B>[]): {
    inputs: readonly (readonly StepInput[])[]
    share: number | undefined
  } {
    const { objective } = this
    const inputs = portions.map(({ batch }) => objective.inputs(batch))
    const count = portions.reduce((sum, { batch }) => sum + (objective.count?.(batch) ?? 0), 0)
    return { inputs, share: objective.count && 1 / count }
  }

  private gradients(
    step: number,
    portions: readonly Portion<B>[],
    inputs: readonly (readonly Tensor[])[],
    share: Tensor | number | undefined,
  ): Gradients<B, C> {
    const { optimizer, objective } = this
    optimizer.zeroGrad()
    // Of the only batch the loss tells it; of several it is known when all gradients have been added up.
    const shareOf = ({ count }: BatchLoss<C>) =>
      share ?? (portions.length === 1 ? reciprocal(count) : 1)
    const states = this.states(portions)
    let sampleBase = 0
    const parts = portions.map(({ batch, rows }, i): Part<C> => {
      const state = states[i] ?? null
      this.random.set({ step, sampleBase })
      sampleBase += rows
      return scope(() => {
        const given = inputs[i] as readonly Tensor[]
        objective.module.train()
        const made = objective.loss(given, batch, { step, carried: state })
        const own = shareOf(made)
        const loss = ops.mul(made.sum, own)
        const penalties = each(made.penalties ?? {}, (penalty) => ops.mul(penalty, own))
        const all = Object.values(penalties).reduce((sum, one) => ops.add(sum, one), loss)
        if (!all.requiresGrad) throw learnsNothing(objective.module)
        all.backward()
        const { count, measures, carry } = made
        const told = each(penalties, (penalty) => penalty.detach())
        return { loss: loss.detach(), penalties: told, count, measures, carry }
      })
    })
    return { portions, parts, share }
  }

  private update(step: number, { parts, share }: Gradients<B, C>): Enqueued {
    const { optimizer, objective, carried, clipNorm, parameterPenalties } = this
    const { clipValue = 0 } = this.options
    const scalars = new Scalars()
    const scale = share === undefined ? this.divide(parts, scalars) : () => 1
    const scaled =
      (read: Read): Read =>
      (values) =>
        read(values) * scale(values)
    const losses = parts.map(({ loss }) => scalars.add(loss))
    const measured = parts.map(({ measures }) => measuresOf(measures, scalars))
    const ofParameters = parameterPenalties.apply()
    const penalties = [
      ...parts.map((part) => each(part.penalties, (penalty) => scaled(scalars.add(penalty)))),
      each(ofParameters, (penalty) => scalars.add(penalty)),
    ]
    const watched = [
      ...parts.flatMap((part) => [part.loss, ...Object.values(part.penalties)]),
      ...Object.values(ofParameters),
    ]
    const norm = scalars.add(
      scope(() => {
        const others = scalars.tensors.filter((tensor) => !watched.includes(tensor))
        const noise = this.noise(step)
        return optimizer.step({
          clipNorm,
          clipValue,
          noise,
          losses: [...watched, ...others.map(hasValue)],
        })
      }),
    )
    parts.forEach(({ carry }, i) => carried.keep(i, carry))
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
          penalties: sums(penalties, values),
        }
      },
    }
  }

  /** What is added to the gradient: of the seed, the step and the parameter alone. */
  private noise(step: number): GradientNoise | null {
    const { gradientNoise = 0, gradientNoiseDecay = 0.55 } = this.options
    if (gradientNoise === 0) return null
    this.random.set({ step })
    return {
      deviation: Math.sqrt(gradientNoise / step ** gradientNoiseDecay),
      random: (name) => this.random.draw(`gradient noise of ${name}`),
    }
  }

  /** Divides the gradients of several batches by the count of them all. What losses are to be multiplied by. */
  private divide(parts: readonly Part<C>[], scalars: Scalars): Read {
    const counts = parts.map(({ count }) => count)
    // Read, though nobody asks for them: so they are kept, and disposed with all the others.
    for (const count of counts) scalars.add(count)
    if (parts.length === 1) return () => 1
    const share = scope(() => noGrad(() => reciprocal(counts.reduce(plus))))
    this.optimizer.scaleGradients(share)
    return scalars.add(share)
  }

  /** Lets gradients go that are not to be applied. */
  private discard(): void {
    for (const { loss, penalties, count, measures, carry } of this.prepared?.parts ?? []) {
      const scalars = Object.values(measures ?? {}).flatMap(({ sum, count }) => [sum, count])
      for (const held of [loss, count, ...Object.values(penalties), ...scalars])
        if (typeof held !== 'number') held.dispose()
      disposeAll(carry ?? null)
    }
    this.prepared = null
  }

  dispose(): void {
    this.discard()
    this.programs?.dispose()
    this.carried.dispose()
  }
}

/** Finds a number among those that were read. */
type Read = (values: readonly number[]) => number

const each = <T, U>(named: Readonly<Record<string, T>>, make: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [name, make(value)]))

/** Sums by name; undefined where there are none. */
function sums(
  all: readonly Readonly<Record<string, Read>>[],
  values: readonly number[],
): Record<string, number> | undefined {
  const made: Record<string, number> = {}
  for (const named of all)
    for (const [name, read] of Object.entries(named)) made[name] = (made[name] ?? 0) + read(values)
  return Object.keys(made).length === 0 ? undefined : made
}

/** 1 unless it could not be computed: then it is an error to read, too. */
const hasValue = (x: Tensor): Tensor => noGrad(() => ops.sum(ops.equal(x, x)))

const scalar = (value: number): StepInput => ({ shape: [], data: Float64Array.of(value) })

function reciprocal(count: Tensor | number): Tensor | number {
  if (typeof count !== 'number') return noGrad(() => ops.pow(count, -1))
  if (count > 0) return 1 / count
  throw new RnnativeError('ERR_ARGUMENT', `[fit] loss: count: expected one above 0, got ${count}`)
}

const plus = (a: Tensor | number, b: Tensor | number): Tensor | number =>
  typeof a === 'number' && typeof b === 'number' ? a + b : ops.add(a, b)

/** Each batch's own tensors, out of those of all. */
function distribute(
  given: readonly Tensor[],
  inputs: readonly (readonly StepInput[])[],
): (readonly Tensor[])[] {
  let at = 0
  return inputs.map(({ length }) => given.slice(at, (at += length)))
}

const read = async ({ scalars, read }: Enqueued): Promise<Measured> =>
  read(await Promise.all(scalars.map((scalar) => scalar.item())))
