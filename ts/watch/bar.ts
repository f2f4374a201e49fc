import { SingleBar } from 'cli-progress'
import type { TrainingEvent } from '../train'
import { formatCount, formatSeconds } from './output'

/** Where a run ends, whichever comes first. */
export interface Goal {
  seconds?: number | undefined
  steps?: number | undefined
}

/** A bar on the terminal (stderr) with loss, speed and time left; nothing where there is none. */
export class TrainingBar {
  private readonly bar = new SingleBar({
    format:
      '{bar} {percentage}% | epoch {epoch} | loss {loss}{validation} | {rate} {unit}/s | {left} left',
    hideCursor: true,
    barsize: 24,
    clearOnComplete: false,
    stopOnComplete: false,
    gracefulExit: false,
  })
  private readonly goal: Goal
  private begun: TrainingEvent | null = null
  private validation = ''

  constructor(goal: Goal) {
    this.goal = goal
  }

  update(event: TrainingEvent): void {
    if (this.begun === null)
      this.bar.start(1000, 0, {
        epoch: 1,
        loss: '-',
        validation: '',
        rate: '-',
        unit: event.unit,
        left: '-',
      })
    this.begun ??= event
    if (event.validation) this.validation = ` (validation ${event.validation.loss.toFixed(4)})`
    const left = this.secondsLeft(event)
    const share = Number.isFinite(left) ? event.seconds / (event.seconds + left) : 0
    this.bar.update(Math.floor(share * 1000), {
      epoch: event.epoch,
      loss: event.loss.toFixed(4),
      validation: this.validation,
      rate: formatCount(event.itemsPerSecond),
      unit: event.unit,
      left: Number.isFinite(left) ? formatSeconds(left) : '?',
    })
  }

  private secondsLeft({ seconds, step }: TrainingEvent): number {
    const begun = this.begun as TrainingEvent
    const perStep =
      step > begun.step ? (seconds - begun.seconds) / (step - begun.step) : seconds / step
    const bySteps = this.goal.steps === undefined ? Infinity : (this.goal.steps - step) * perStep
    const byTime = this.goal.seconds === undefined ? Infinity : this.goal.seconds - seconds
    return Math.max(0, Math.min(bySteps, byTime))
  }

  stop(): void {
    this.bar.stop()
  }
}
