import { hostTensors, withTensors, type OnDevice } from '../data/tree'
import type { CheckpointFiles } from '../io/checkpoint'
import { MODEL_FILE, toHost } from '../io/model-files'
import type { HostTensor, Module } from '../nn'
import { noGrad, type Tensor } from '../tensor'
import type { BatchLoss, BatchPlace, Measure, Objective, StepInput } from './objective'
import { checkCarried, checkFigures, checkLoss, checkMeasures } from './task-results'
import type { Totals } from './totals'

/** What a loss gives. */
export interface LossResult<O, C> {
  /** A scalar that gradients flow from: of what is to become small, the sum over the batch. */
  sum: Tensor
  /** How many it is the sum of, a number or a scalar tensor of reals. */
  count: Tensor | number
  /**
   * What else is to become small, by name, such as `nn.penalties` give it, times its weight: scalars that are
   * divided by the count as `sum` is. Told apart from the loss.
   */
  penalties?: Readonly<Record<string, Tensor>>
  /** For `measures`, such as logits. */
  output?: O
  /** What the next batch continues from, detached; see `carried`. */
  carry?: C
}

/** What an own module is trained by. */
export interface ModuleTask<B, O, C extends object> {
  /** What learns. */
  module: Module
  /** Called within a scope; the batch's `{ shape, data }` are tensors on the module's device. */
  loss: (batch: NoInfer<OnDevice<B>>, carried: C | null) => LossResult<O, C>
  /** What else is measured of a batch, without gradients: `{ accuracy: { sum, count } }`. */
  measures?:
    ((batch: NoInfer<OnDevice<B>>, output: O) => Readonly<Record<string, Measure>>) | undefined
  /**
   * Figures out of the measures' sums and counts, such as F1 of a class out of three; sum / count of each
   * unless given.
   */
  summary?: ((totals: Totals) => Record<string, number>) | undefined
  /**
   * What the first batch of a pass continues from, for so many rows: tensors of zeros, [layers, rows,
   * features], by name. Each `loss` then is given what the one before carried.
   */
  carried?: ((rows: number) => C) | undefined
  /** JSON files that belong to the model, by name, kept in each checkpoint. */
  files?: Readonly<Record<string, unknown>> | undefined
  /**
   * Whether steps on CUDA may be recorded as graphs where shapes repeat. Then `loss` and `measures` must
   * depend on nothing but the batch and the parameters. Default true.
   */
  graphs?: boolean | undefined
}

/** {@link ModuleTask} as the loop takes it. */
export class ModuleObjective<B, O, C extends object> implements Objective<B, C> {
  /** What learns. */
  readonly module: Module
  readonly repeats: boolean
  readonly summary?: (totals: Totals) => Record<string, number>
  readonly zeros?: (rows: number) => C
  readonly identity: Readonly<Record<string, unknown>>
  readonly validate: Objective<B, C>['validate']
  readonly validation: unknown

  constructor(
    private readonly task: ModuleTask<B, O, C>,
    {
      identity,
      validate,
      validation,
    }: Pick<Objective<B, C>, 'identity' | 'validate' | 'validation'>,
  ) {
    this.module = task.module
    this.identity = identity
    this.validate = validate
    this.validation = validation
    this.repeats = task.graphs ?? true
    const { summary, carried } = task
    if (summary)
      this.summary = (totals) => {
        const made = summary(totals)
        checkFigures(made)
        return made
      }
    if (carried)
      this.zeros = (rows) => {
        const made = carried(rows)
        checkCarried('carried', made, rows)
        return made
      }
  }

  inputs(batch: B): readonly StepInput[] {
    return hostTensors(batch)
  }

  loss(inputs: readonly Tensor[], batch: B, { carried }: BatchPlace<C>): BatchLoss<C> {
    const given = withTensors(batch, inputs)
    const made = this.task.loss(given, carried)
    checkLoss(made)
    const { sum, count, output, carry, penalties } = made
    if (carry !== undefined) checkCarried('loss: carry', carry)
    const measures = this.measures(given, output as O)
    return { sum, count, measures, carry, penalties }
  }

  private measures(given: OnDevice<B>, output: O): Readonly<Record<string, Measure>> | undefined {
    const { measures } = this.task
    if (!measures) return undefined
    return noGrad(() => {
      const made = measures(given, output)
      checkMeasures(made)
      return made
    })
  }

  async files(): Promise<CheckpointFiles> {
    const weights: Map<string, HostTensor> = await toHost(this.module.stateDict())
    return { json: this.task.files ?? {}, tensors: { [MODEL_FILE]: weights } }
  }
}
