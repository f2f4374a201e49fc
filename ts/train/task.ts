import type { CheckpointFiles } from '../io/checkpoint'
import type { HostTensor, Module, RandomContext } from '../nn'
import { scope, tensor } from '../tensor'
import type { DeviceName, Shape, Tensor, TypedArray } from '../tensor'

/** Numbers that go to the device for one step. */
export interface StepInput {
  shape: Shape
  data: TypedArray
}

/** One optimizer step: its data, and what is done with it. */
export interface TrainingStep {
  tokens: number
  inputs: readonly StepInput[]
  /**
   * Steps of the same key have inputs of the same shapes and do the same with them, so that a program
   * recorded of one runs the others (see {@link Programs}). Null: no program does.
   */
  key: string | null
  /**
   * Adds the gradient to the module's parameters, enqueued but not awaited. Gives scalars whose sum
   * is the mean loss over the step's tokens; the caller disposes them. Not to be called in a scope:
   * what is carried along outlives it.
   */
  gradient(inputs: readonly Tensor[]): Tensor[]
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

/** What a model brings to the training loop: its data, its loss and what it carries along. */
export interface TrainingTask {
  readonly module: Module
  /** What the items are that it learns from. */
  readonly unit: string
  /** What watchers are told of the model and its data. */
  readonly facts: Readonly<Record<string, string | number>>
  /** Optimizer steps in one pass over the data. */
  readonly stepsPerEpoch: number
  /** Settings and data that a resumed run must share, JSON-serialisable and compared by name. */
  readonly identity: Readonly<Record<string, unknown>>
  /** Takes the seed of the run that is resumed; absent where the order of the data has none. */
  reseed?(seed: number): void
  /**
   * Step `step` of the run, step `index` of a pass. With `programs` it is to have a key if it can,
   * and to leave what is carried along in the same tensors; all steps of a run are asked alike.
   */
  step(index: number, step: number, random: RandomContext, programs: boolean): TrainingStep
  /** Forgets what was carried over from the last step; called before each pass. */
  reset(): void
  /** The validation loss, lower is better; absent without validation data. */
  validate?: (() => Promise<number>) | undefined
  /** The files that make up the model itself. */
  modelFiles(): Promise<CheckpointFiles>
  /** What is carried from step to step, such as recurrent state. */
  carried(): Promise<Map<string, HostTensor>>
  restoreCarried(tensors: ReadonlyMap<string, HostTensor>): void
  /** Frees what the steps keep. */
  dispose(): void
}
