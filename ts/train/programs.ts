/**
 * Training steps on a CUDA device as programs: the first step of a kind is recorded while it is made
 * ready, and it and all others of its kind run as one piece of work each (a CUDA graph). A step then
 * costs JavaScript, the engine and the driver one call in place of hundreds.
 */
import { RANDOM_STEPS } from '../nn/random'
import type { Optimizer } from '../optim'
import type { DeviceName, Tensor } from '../tensor'
import { Program, programShare } from '../tensor/program'
import { sendInputs, type StepInput } from './objective'

/** Programs kept at most; that which has not run for longest goes. Each holds a few MB. */
const MOST = 128

/** Of the device's memory, what programs may hold together when another is recorded. */
const SHARE = 0.4

/** What is enqueued for a step. */
interface HasScalars {
  readonly scalars: readonly Tensor[]
}

interface Recorded<Made> {
  program: Program
  /** The step that it was recorded of. */
  step: number
  inputs: Tensor[]
  made: Made
}

/** Whether steps on `device` run as programs. RNNATIVE_CUDA_GRAPHS=0 submits every op instead. */
export const runsPrograms = (device: DeviceName): boolean =>
  device === 'cuda' &&
  process.env['RNNATIVE_CUDA_GRAPHS'] !== '0' &&
  process.env['RNNATIVE_CUDA_SYNC'] !== '1'

export class Programs<Made extends HasScalars> {
  private readonly byKey = new Map<string, Recorded<Made>>()

  constructor(
    private readonly device: DeviceName,
    private readonly optimizer: Optimizer,
    private readonly most = MOST,
  ) {}

  /**
   * Enqueues step number `step` of the run. Steps of the same key have inputs of the same shapes and do
   * the same with them. `enqueue` does it op by op, the optimizer's step included. The scalars of what is
   * given belong to the program and hold until the next run.
   */
  run(
    step: number,
    key: string,
    given: readonly StepInput[],
    enqueue: (inputs: readonly Tensor[]) => Made,
  ): Made {
    // A step that leaves a parameter as it is, or parts of it zero, does other work.
    const of = `${key} ${this.optimizer.variant}`
    const found = this.byKey.get(of)
    if (found === undefined) return this.record(step, of, given, enqueue)
    this.byKey.delete(of)
    this.byKey.set(of, found) // the last one used
    found.inputs.forEach((input, i) => input.assign(given[i]?.data ?? []))
    const passed = (step - found.step) * RANDOM_STEPS
    found.program.run(passed, this.optimizer.countStep())
    return found.made
  }

  private record(
    step: number,
    key: string,
    given: readonly StepInput[],
    enqueue: (inputs: readonly Tensor[]) => Made,
  ): Made {
    // What is free in their memory may suit no other shape, and stays while there is a program.
    if (programShare() > SHARE) this.dispose()
    if (this.byKey.size >= this.most) this.drop(this.byKey.keys().next().value as string)
    const inputs = sendInputs(given, this.device)
    const { optimizer } = this
    let made!: Made
    try {
      const updates = () => optimizer.updates()
      const program = Program.record(() => (made = enqueue(inputs)).scalars, updates)
      this.byKey.set(key, { program, step, inputs, made })
      return made
    } catch (error) {
      optimizer.zeroGrad()
      for (const input of inputs) input.dispose()
      throw error
    }
  }

  private drop(key: string): void {
    const { program, inputs } = this.byKey.get(key) as Recorded<Made>
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
