/**
 * One optimizer step: gradients of one or more batches, divided by the count of them all, the update, and
 * one await for loss, norm and measures together, which also keeps the event loop free and the queue short.
 * The device need not wait for JavaScript between two steps: the gradients of the next may be enqueued while
 * one runs. Its update is not: a step that fails, for whatever reason, has changed nothing.
 */
import type { RandomContext } from '../nn'
import type { Optimizer } from '../optim'
import type { GradientNoise } from '../optim/noise'
import { noGrad, scope, type Tensor } from '../tensor'
import type { Sums } from '../tensor/group'
import * as ops from '../ops'
import { Carried, disposeAll } from './carried'
import { learnsNothing } from './ending'
import type { Portion } from './feed'
import { withInputs, type BatchLoss, type Objective, type StepInput } from './objective'
import type { TrainingOptions } from './options'
import { ParameterPenalties } from './penalties'
import { Programs, runsPrograms } from './programs'
import type { Ranks } from './ranks'
import { measuresOf, Scalars } from './scalars'
import { countOf, each, hasValue, plus, reciprocal, sums } from './step-sums'
import type { Part, Read, StepSums } from './step-sums'
import { addTotals, type Total } from './totals'

/** Ops that have been enqueued: scalars to be read, and what the numbers mean. */
export interface Enqueued {
  readonly scalars: readonly Tensor[]
  read(values: readonly number[]): StepSums
}

/** The gradients of a step, enqueued. */
interface Gradients<B, C> {
  portions: readonly Portion<B>[]
  parts: readonly Part<C>[]
  /** What the loss is divided by, where it was known beforehand. */
  share: Tensor | number | undefined
  /** Of several ranks, and what the batches of all count, which becomes a sum as well. */
  sums: Sums | null
  total: Tensor | null
}

type StepSettings = Pick<
  TrainingOptions,
  | 'clipNorm'
  | 'clipValue'
  | 'gradientNoise'
  | 'gradientNoiseDecay'
  | 'l1'
  | 'l2'
  | 'reducePrecision'
>

export class Steps<B, C extends object> {
  readonly carried: Carried<C>
  private readonly programs: Programs<Enqueued> | null
  private readonly parameterPenalties: ParameterPenalties
  private readonly clipNorm: number
  private prepared: Gradients<B, C> | null = null
  /** Those that each step is made with; null: none. */
  ranks: Ranks | null = null

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

  /** Enqueues step number `step` of these batches; what it comes to is to be waited for. */
  async run(step: number, portions: readonly Portion<B>[]): Promise<{ made: Promise<StepSums> }> {
    if (this.ranks === null) return { made: this.alone(step, portions) }
    const gradients = this.gradientsFor(step, portions)
    gradients.sums?.begin()
    this.optimizer.gaveGradients()
    await gradients.sums?.settle()
    const enqueued = this.update(step, gradients)
    this.prepared = null
    const made = read(enqueued).finally(() => enqueued.scalars.forEach((x) => x.dispose()))
    made.catch(() => undefined) // told when it is awaited
    return { made }
  }

  /** All is enqueued when it returns. */
  private alone(step: number, portions: readonly Portion<B>[]): Promise<StepSums> {
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
    const made = this.update(step, this.gradientsFor(step, portions))
    this.prepared = null
    return read(made).finally(() => made.scalars.forEach((tensor) => tensor.dispose()))
  }

  private gradientsFor(step: number, portions: readonly Portion<B>[]): Gradients<B, C> {
    if (this.prepared?.portions !== portions) this.prepare(step, portions)
    return this.prepared as Gradients<B, C>
  }

  /**
   * Enqueues the gradients of a step whose {@link run} comes next, which carries its state on, unless that is done.
   * Steps that are recorded have little for JavaScript to do.
   */
  prepare(step: number, portions: readonly Portion<B>[]): void {
    if (this.prepared?.portions === portions) return
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
    return portions.map(({ rows, within = alone(rows) }, i) => {
      const state = rows === 0 ? null : this.carried.get(i, first + within.first, rows)
      first += within.rows
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
    const inputs = portions.map(({ batch, rows }) => (rows === 0 ? [] : objective.inputs(batch)))
    // Of all ranks' batches it is known when their gradients have been added up.
    if (this.ranks !== null || objective.count === undefined) return { inputs, share: undefined }
    const count = portions.reduce((sum, { batch }) => sum + (objective.count?.(batch) ?? 0), 0)
    return { inputs, share: 1 / count }
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
    const single = portions.length === 1 && this.ranks === null
    const shareOf = ({ count }: BatchLoss<C>) => share ?? (single ? reciprocal(count) : 1)
    const states = this.states(portions)
    const last = portions.findLastIndex(({ rows }) => rows > 0)
    const { ranks, options } = this
    const sums = ranks?.sums(optimizer.device, options.reducePrecision ?? 'f32') ?? null
    // Of all gradients the sums may begin when those of the last batch are made.
    const sumUp = (parts: readonly Part<C>[]): Tensor | null => {
      if (sums === null) return null
      const total = countOf(parts, optimizer.device)
      sums.add(total)
      optimizer.giveGradients((gradients) => sums.add(gradients))
      return total
    }
    const parts: Part<C>[] = []
    let total = last < 0 ? sumUp(parts) : null
    let before = 0
    for (const [at, { batch, rows, within = alone(rows) }] of portions.entries()) {
      const state = states[at] ?? null
      this.random.set({ step, sampleBase: before + within.first })
      before += within.rows
      if (rows === 0) continue
      const made = scope(() => {
        const given = inputs[at] as readonly Tensor[]
        objective.module.train()
        const made = objective.loss(given, batch, { step, within, carried: state })
        const own = shareOf(made)
        const loss = ops.mul(made.sum, own)
        const penalties = each(made.penalties ?? {}, (penalty) => ops.mul(penalty, own))
        const all = Object.values(penalties).reduce((sum, one) => ops.add(sum, one), loss)
        if (!all.requiresGrad) throw learnsNothing(objective.module)
        const { count, measures, carry } = made
        const told = each(penalties, (penalty) => penalty.detach())
        const part: Part<C> = { at, loss: loss.detach(), penalties: told, count, measures, carry }
        const total = at === last ? sumUp([...parts, part]) : null
        all.backward()
        return { part, total }
      })
      parts.push(made.part)
      total ??= made.total
    }
    return { portions, parts, share, sums, total }
  }

  private update(step: number, { parts, share, total }: Gradients<B, C>): Enqueued {
    const { optimizer, carried, clipNorm, parameterPenalties } = this
    const { clipValue = 0 } = this.options
    const scalars = new Scalars()
    const scale = share === undefined ? this.divide(parts, scalars, total) : () => 1
    const losses = parts.map(({ loss }) => scalars.add(loss))
    const measured = parts.map(({ measures }) => measuresOf(measures, scalars))
    const ofParameters = parameterPenalties.apply()
    const ofBatches = parts.map((part) => each(part.penalties, (penalty) => scalars.add(penalty)))
    const ofAll = each(ofParameters, (penalty) => scalars.add(penalty))
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
    for (const { at, carry } of parts) carried.keep(at, carry)
    return {
      scalars: scalars.tensors,
      read: (values) => {
        const totals: Record<string, Total> = {}
        for (const of of measured) addTotals(totals, of(values))
        return {
          loss: losses.reduce((all, loss) => all + loss(values), 0),
          penalties: sums(ofBatches, values),
          scale: scale(values),
          measures: totals,
          gradientNorm: norm(values),
          ofParameters: each(ofAll, (read) => read(values)),
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

  /**
   * Divides the gradients of several batches by the count of them all; those of all ranks, `total`, they have been
   * divided by as they were added up. What losses are to be multiplied by.
   */
  private divide(parts: readonly Part<C>[], scalars: Scalars, total: Tensor | null): Read {
    const counts = parts.map(({ count }) => count)
    // Read, though nobody asks for them: so they are kept, and disposed with all the others.
    for (const count of [...counts, ...(total ? [total] : [])]) scalars.add(count)
    if (parts.length === 1 && total === null) return () => 1
    const share = scope(() => noGrad(() => reciprocal(total ?? counts.reduce(plus))))
    if (total === null) this.optimizer.scaleGradients(share)
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
    this.prepared?.total?.dispose()
    this.optimizer.keepGradients()
    this.prepared = null
  }

  dispose(): void {
    this.discard()
    this.programs?.dispose()
    this.carried.dispose()
  }
}

/** Where all rows of a portion are among them. */
const alone = (rows: number): NonNullable<Portion<unknown>['within']> => ({ first: 0, rows })

const scalar = (value: number): StepInput => ({ shape: [], data: Float64Array.of(value) })

/** Each batch's own tensors, out of those of all. */
function distribute(
  given: readonly Tensor[],
  inputs: readonly (readonly StepInput[])[],
): (readonly Tensor[])[] {
  let at = 0
  return inputs.map(({ length }) => given.slice(at, (at += length)))
}

const read = async ({ scalars, read }: Enqueued): Promise<StepSums> =>
  read(await Promise.all(scalars.map((scalar) => scalar.item())))
