import type { CheckpointFiles } from '../io/checkpoint'
import type { Module } from '../nn'
import { scope, tensor } from '../tensor'
import type { DeviceName, Shape, Tensor, TypedArray } from '../tensor'
import type { Portion, Share } from './feed'
import type { Totals } from './totals'

/** Numbers that go to the device. */
export interface StepInput {
  readonly shape: Shape
  readonly data: TypedArray
}

/** Part of something measured: means are sums of it over sums of its count. */
export interface Measure {
  /** A scalar tensor or a number, as is the count. */
  sum: Tensor | number
  /** What the loss is a sum over: it is divided by the count of all parts. */
  count: Tensor | number
}

/** What a batch gives. */
export interface BatchLoss<C> {
  /** A scalar that gradients flow from. */
  sum: Tensor
  /** What the sum is divided by, with those of the step's other batches. */
  count: Tensor | number
  measures?: Readonly<Record<string, Measure>> | undefined
  /** Scalars that are divided as `sum` is and added to it in what is made small, but told by their names. */
  penalties?: Readonly<Record<string, Tensor>> | undefined
  /** What goes on to the next step's batch in the same place; not part of any graph. */
  carry?: C | undefined
}

/** Of a step and a batch in it. */
export interface BatchPlace<C> {
  step: number
  /** Of a rank's share, see {@link Portion.within}. */
  within?: Portion<unknown>['within']
  /** What the last step's batch in this place gave; zeros in the beginning of a pass. */
  carried: C | null
}

/** What a module is to become better at; the loop brings all else. */
export interface Objective<B, C extends object = Record<string, Tensor>> {
  readonly module: Module
  /** Settings that a resumed run must share; see {@link Feed.identity}. */
  readonly identity: Readonly<Record<string, unknown>>
  /** What watchers are told of the model. */
  readonly facts?: Readonly<Record<string, string | number>> | undefined
  /**
   * Whether a batch's loss depends on nothing but its inputs and its key, so that steps can be recorded.
   */
  readonly repeats: boolean
  /** Takes the seed of the run that is resumed, where randomness of its own rests on one. */
  reseed?(seed: number): void
  /** What goes to the device of a batch. */
  inputs(batch: B): readonly StepInput[]
  /** {@link BatchLoss.count}, where it is known beforehand. It then may differ within a key. */
  count?(batch: B): number
  /** Enqueues ops on the inputs, within a scope. The module is in training. */
  loss(inputs: readonly Tensor[], batch: B, place: BatchPlace<C>): BatchLoss<C>
  /** What is carried in the beginning of a pass, for so many rows; absent where nothing is. */
  zeros?(rows: number): C
  /** What a resumed run may do otherwise, beside what the loop knows of. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined
  /**
   * Sums and counts over validation data, that of the loss under `loss`; absent without such data.
   * `checkGoing` throws when the run is asked to stop. Of several ranks each is asked for its share, and they add up.
   */
  validate?: ((checkGoing: () => void, share: Share) => Promise<Totals>) | undefined
  /** What is validated with, JSON-serialisable: losses over other data are not compared with each other. */
  readonly validation?: unknown
  /** Throws by name what there is no memory for, before the first step. `rehearse` computes a batch's gradients. */
  checkRoom?(rehearse: (portion: Portion<B>) => Promise<void>): Promise<void>
  /** Called when all is tried and the first step comes next: only now may a model become another. */
  begin?(): void
  /** Figures of sums and counts; means unless given. */
  summary?: ((totals: Totals) => Record<string, number>) | undefined
  /** The files that make up the model, its weights among them. */
  files(): Promise<CheckpointFiles>
}

/** The inputs on the device; the caller disposes them. */
export const sendInputs = (inputs: readonly StepInput[], device: DeviceName): Tensor[] =>
  scope(() => inputs.map(({ data, shape }) => tensor(data, shape, { device })))

/** What `enqueue` gives, called with the inputs on the device, which are disposed then. */
export function withInputs<T>(
  inputs: readonly StepInput[],
  device: DeviceName,
  enqueue: (inputs: Tensor[]) => T,
): T {
  const sent = sendInputs(inputs, device)
  try {
    return enqueue(sent)
  } finally {
    for (const input of sent) input.dispose()
  }
}
