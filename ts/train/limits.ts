import type { TrainingOptions, TrainingResult } from './options'
import type { Progress } from './progress'

/** What ends a run, and how near it is. `stepsPerEpoch` is null where no pass has ended yet to tell. */
export class Limits {
  /** Passes after which the run ends. */
  private readonly epochs: number

  constructor(private readonly options: TrainingOptions) {
    const { maxSteps, maxSeconds, epochs } = options
    this.epochs = epochs ?? (maxSteps === undefined && maxSeconds === undefined ? 1 : Infinity)
  }

  /** Whether any of them is finite. */
  get finite(): boolean {
    const { maxSteps = Infinity, maxSeconds = Infinity } = this.options
    return Math.min(maxSteps, maxSeconds, this.epochs) < Infinity
  }

  /** Steps of the whole run by `epochs` and `maxSteps`; null where they do not tell. */
  steps(stepsPerEpoch: number | null): number | null {
    const passes = stepsPerEpoch === null ? Infinity : Math.ceil(this.epochs * stepsPerEpoch)
    const steps = Math.min(this.options.maxSteps ?? Infinity, passes)
    return steps < Infinity ? steps : null
  }

  /** How much of the run is over once the next step is made, by the limit that is nearest. */
  fraction({ step, epoch, index, seconds }: Progress, stepsPerEpoch: number | null): number {
    const { maxSteps = Infinity, maxSeconds = Infinity } = this.options
    const passes = epoch + (stepsPerEpoch === null ? 0 : (index + 1) / stepsPerEpoch)
    return Math.max((step + 1) / maxSteps, passes / this.epochs, seconds / maxSeconds)
  }

  /** What has ended the run, if anything has. */
  reached(progress: Progress, stepsPerEpoch: number | null): TrainingResult['stopped'] | null {
    const { maxSteps, maxSeconds, patience } = this.options
    const { step, epoch, index, seconds, stale } = progress
    const part = stepsPerEpoch === null ? 0 : index / stepsPerEpoch
    if (epoch + part >= this.epochs) return 'epochs'
    if (maxSteps !== undefined && step >= maxSteps) return 'steps'
    if (maxSeconds !== undefined && seconds >= maxSeconds) return 'seconds'
    if (patience !== undefined && stale >= patience) return 'patience'
    return null
  }
}
