/**
 * Training steps on a CUDA device as programs: the first step of a kind is recorded while it is made
 * ready, and it and all others of its kind run as one piece of work each (a CUDA graph). A step then
 * costs JavaScript, the engine and the driver one call in place of hundreds.
 */
import { RANDOM_STEPS } from '../nn/random'
import type { Optimizer } from '../optim'
import type { DeviceName, Tensor } from '../tensor'
import { Program, programShare } from '../tensor/program'
import { sendInputs, type TrainingStep } from './task'

/** Of tokens, which differ between steps of a kind, there is room for a multiple of this. */
export const TOKEN_STEP = 512

/** Programs kept at most; that which has not run for longest goes. Each holds a few MB. */
const MOST = 128

/** Of the device's memory, what programs may hold together when another is recorded. */
const SHARE = 0.4

interface Recorded {
  program: Program
  /** The step that it was recorded of. */
  step: number
  inputs: Tensor[]
}

/** Whether steps on `device` run as programs. RNNATIVE_CUDA_GRAPHS=0 submits every op instead. */
export const runsPrograms = (device: DeviceName): boolean =>
  device === 'cuda' &&
  process.env['RNNATIVE_CUDA_GRAPHS'] !== '0' &&
  process.env['RNNATIVE_CUDA_SYNC'] !== '1'

export class Programs {
  private readonly byKey = new Map<string, Recorded>()

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
  run(
    step: number,
    plan: TrainingStep,
    enqueue: (inputs: Tensor[]) => Tensor[],
  ): readonly Tensor[] {
    const key = plan.key as string
    const found = this.byKey.get(key)
    if (found === undefined) return this.record(key, step, plan, enqueue)
    this.byKey.delete(key)
    this.byKey.set(key, found) // the last one used
    found.inputs.forEach((input, i) => input.assign(plan.inputs[i]?.data ?? []))
    const passed = (step - found.step) * RANDOM_STEPS
    found.program.run(passed, this.optimizer.countStep())
    return found.program.outputs
  }

  private record(
    key: string,
    step: number,
    plan: TrainingStep,
    enqueue: (inputs: Tensor[]) => Tensor[],
  ): readonly Tensor[] {
    // What is free in their memory may suit no other shape, and stays while there is a program.
    if (programShare() > SHARE) this.dispose()
    if (this.byKey.size >= this.most) this.drop(this.byKey.keys().next().value as string)
    const inputs = sendInputs(plan.inputs, this.device)
    const { optimizer } = this
    try {
      const updates = () => optimizer.updates()
      const program = Program.record(() => enqueue(inputs), TOKEN_STEP, updates)
      this.byKey.set(key, { program, step, inputs })
      return program.outputs
    } catch (error) {
      optimizer.zeroGrad()
      for (const input of inputs) input.dispose()
      throw error
    }
  }

  private drop(key: string): void {
    const { program, inputs } = this.byKey.get(key) as Recorded
    this.byKey.delete(key)
    program.dispose()
    for (const input of inputs) input.dispose()
  }

  dispose(): void {
    for (const key of [...this.byKey.keys()]) this.drop(key)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
