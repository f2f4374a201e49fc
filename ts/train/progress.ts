/** Where a run is: all that resuming needs besides tensors. JSON-serialisable. */
export interface Progress {
  step: number
  /** Complete passes over the data. */
  epoch: number
  /** Steps made of the current pass. */
  index: number
  seconds: number
  /** Learned from so far. */
  items: number
  /** Of a pass, where its end has told; null before, and where the feed tells. */
  stepsPerEpoch: number | null
  best: { step: number; loss: number } | null
  /** The least loss of a regular validation, and how many of them came after it. */
  least: number | null
  stale: number
  /** Whether a regular validation of this step is still to be made, as the run was stopped in it. */
  owed: boolean
}

export const beginning = (): Progress => ({
  step: 0,
  epoch: 0,
  index: 0,
  seconds: 0,
  items: 0,
  stepsPerEpoch: null,
  best: null,
  least: null,
  stale: 0,
  owed: false,
})

/** Measures training time only: `pause` around everything else. */
export class TrainingClock {
  private since = 0
  /** Seconds of the last step; 0 before there was one. */
  lastStep = 0
  private mark = { seconds: 0, items: 0, rate: 0 }
  private readonly progress: Progress

  constructor(progress: Progress) {
    this.progress = progress
    this.mark = { seconds: progress.seconds, items: progress.items, rate: 0 }
  }

  start(): void {
    this.since = performance.now()
  }

  /** What it counts if it is stopped now. */
  get seconds(): number {
    return this.progress.seconds + (performance.now() - this.since) / 1000
  }

  /** Counts the time since `start`, or up to `seconds`, and the items it went to. */
  stop(items: number, seconds = this.seconds): void {
    this.lastStep = seconds - this.progress.seconds
    this.progress.seconds = seconds
    this.progress.items += items
  }

  itemsPerSecond(): number {
    const { seconds, items } = this.progress
    const elapsed = seconds - this.mark.seconds
    const rate = (items - this.mark.items) / Math.max(elapsed, 1e-9)
    if (elapsed >= 0.25) this.mark = { seconds, items, rate }
    return this.mark.rate === 0 ? rate : this.mark.rate
  }
}
