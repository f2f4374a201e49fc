/** Recorded ops that run again as one piece of work, a CUDA graph: see native/runtime/program.h. */
import { native, type NativeProgram } from '../native/index'
import type { Tensor } from './tensor'

/** Of tokens, which differ between runs of a program, there is room for a multiple of this. */
export const TOKEN_STEP = 512

export class Program {
  private constructor(
    private readonly handle: NativeProgram,
    /** What it gives, the same tensors after each run. They are the program's. */
    readonly outputs: readonly Tensor[],
  ) {}

  /**
   * Records what `enqueue` enqueues on cuda, and runs it. There is room for as many tokens as its inputs
   * have, to a multiple of {@link TOKEN_STEP}; `updates` are [lr, step] of each optimizer's step in it.
   */
  static record(enqueue: () => readonly Tensor[], updates: () => Float64Array): Program {
    let outputs: readonly Tensor[] = []
    try {
      native.beginProgram()
      outputs = enqueue()
      const handles = outputs.map(({ handle }) => handle)
      return new Program(native.endProgram(handles, TOKEN_STEP, updates()), outputs)
    } catch (error) {
      native.cancelProgram()
      for (const output of outputs) output.dispose()
      throw error
    }
  }

  /** Enqueues it again with what its inputs hold then; random streams are `randomSteps` further on. */
  run(randomSteps: number, updates: Float64Array): void {
    native.runProgram(this.handle, randomSteps, updates)
  }

  dispose(): void {
    native.disposeProgram(this.handle)
    for (const output of this.outputs) output.dispose()
  }
}

/** Of the CUDA device's memory, the share that programs hold together. */
export const programShare = (): number => native.memory().programs / native.cudaProbe().memory
