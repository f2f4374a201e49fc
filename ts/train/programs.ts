/**
 * Training steps on a CUDA device as programs: the first step of a kind is recorded while it is made
 * ready, and it and all others of its kind run as one piece of work each (a CUDA graph). A step then
 * costs JavaScript, the engine and the driver one call in place of hundreds.
 */
import { RANDOM_STEPS } from '../nn/random'
import type { Optimizer } from '../optim'
import { Tensor } from '../tensor'
import { native, type DeviceName, type NativeProgram } from '../native/index'
import { sendInputs, type TrainingStep } from './task'

/** Of tokens, which differ between steps of a kind, there is room for a multiple of this. */
export const TOKEN_STEP = 512

/** Programs kept at most; that which has not run for longest goes. Each holds a few MB. */
const MOST = 128

/** Of the device's memory, what programs may hold together when another is recorded. */
const SHARE = 0.4

interface Program {
  handle: NativeProgram
  /** The step that it was recorded of. */
  step: number
  inputs: Tensor[]
  /** What it gives, to be read after each run. */
  scalars: Tensor[]
}

/** Whether steps on `device` run as programs. RNNATIVE_CUDA_GRAPHS=0 submits every op instead. */
export const runsPrograms = (device: DeviceName): boolean =>
  device === 'cuda' &&
  process.env['RNNATIVE_CUDA_GRAPHS'] !== '0' &&
  process.env['RNNATIVE_CUDA_SYNC'] !== '1'

export class Programs {
  private readonly byKey = new Map<string, Program>()

  constructor(
    private readonly device: DeviceName,
    private readonly optimizer: Optimizer,
    private readonly most = MOST,
  ) {}

  /**
   * Enqueues step number `step` of the run, the `key` of which is not null. `enqueue` does the same
   * op by op, the optimizer's step included, and gives the step's scalars. Those returned belong to
   * the program and hold until the next run.
   */
  run(step: number, plan: TrainingStep, enqueue: (inputs: Tensor[]) => Tensor[]): Tensor[] {
    const key = plan.key as string
    const found = this.byKey.get(key)
    if (found === undefined) return this.record(key, step, plan, enqueue)
    this.byKey.delete(key)
    this.byKey.set(key, found) // the last one used
    found.inputs.forEach((input, i) => input.assign(plan.inputs[i]?.data ?? []))
    const passed = (step - found.step) * RANDOM_STEPS
    native.runProgram(found.handle, passed, this.optimizer.countStep())
    return found.scalars
  }

  private record(
    key: string,
    step: number,
    plan: TrainingStep,
    enqueue: (inputs: Tensor[]) => Tensor[],
  ): Tensor[] {
    // What is free in their memory may suit no other shape, and stays while there is a program.
    if (native.memory().programs > SHARE * native.cudaProbe().memory) this.dispose()
    if (this.byKey.size >= this.most) this.drop(this.byKey.keys().next().value as string)
    const inputs = sendInputs(plan.inputs, this.device)
    let scalars: Tensor[] = []
    try {
      native.beginProgram()
      scalars = enqueue(inputs)
      const outputs = scalars.map((scalar) => scalar.handle)
      const handle = native.endProgram(outputs, TOKEN_STEP, this.optimizer.updates())
      this.byKey.set(key, { handle, step, inputs, scalars })
    } catch (error) {
      native.cancelProgram()
      this.optimizer.zeroGrad()
      for (const tensor of [...inputs, ...scalars]) tensor.dispose()
      throw error
    }
    return scalars
  }

  private drop(key: string): void {
    const { handle, inputs, scalars } = this.byKey.get(key) as Program
    this.byKey.delete(key)
    native.disposeProgram(handle)
    for (const tensor of [...inputs, ...scalars]) tensor.dispose()
  }

  dispose(): void {
    for (const key of [...this.byKey.keys()]) this.drop(key)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
