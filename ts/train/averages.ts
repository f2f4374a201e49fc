/** When a run averages its weights, and when the average stands in their place: in validations and checkpoints. */
import type { Optimizer } from '../optim'
import type { AverageSpec } from '../optim/average'
import type { WeightAverage } from '../optim/weight-average'

/** Where an average is. JSON-serialisable. */
export interface AverageState {
  name: string
  /** Weights in it; 0: it has not begun. */
  count: number
  /** Of nt-asgd: the least loss of validations before the latest ones, and those. */
  least: number | null
  latest: readonly number[]
  /** Of nt-asgd: whether the next step is the first. */
  begins: boolean
}

export class Averages {
  private weights: WeightAverage | null = null
  private state: AverageState

  constructor(
    private readonly spec: AverageSpec | undefined,
    private readonly optimizer: Optimizer,
  ) {
    this.state = { name: spec?.name ?? '', count: 0, least: null, latest: [], begins: false }
  }

  /** Weights in the average; 0: there is none. */
  get count(): number {
    return this.state.count
  }

  /** Told of each step that was made, by its number. */
  step(step: number): void {
    const { after = 0, decay = 0 } = this.spec?.options ?? {}
    const { count, begins } = this.state
    switch (this.spec?.name) {
      case 'ema':
        if (step > after) this.take(count === 0 ? 1 : 1 - decay)
        return
      case 'asgd':
        if (step > after) this.take(1 / (count + 1))
        return
      case 'nt-asgd':
        if (begins) this.take(1 / (count + 1))
    }
  }

  /** Told of each pass that has ended: how many have. */
  pass(passes: number): void {
    if (this.spec?.name !== 'swa') return
    const { after = 0, every = 1 } = this.spec.options
    if (passes > after && (passes - after - 1) % every === 0) this.take(1 / (this.state.count + 1))
  }

  private take(rate: number): void {
    this.weights ??= this.optimizer.average()
    this.weights.take(rate)
    ++this.state.count
  }

  /** Told of each regular validation that came to a number. */
  observe(loss: number): void {
    const { spec, state } = this
    if (spec?.name !== 'nt-asgd' || state.begins) return
    const { patience = 0 } = spec.options
    state.begins = state.least !== null && loss > state.least
    state.latest = [...state.latest, loss]
    if (state.latest.length <= patience) return
    const [oldest, ...latest] = state.latest as [number, ...number[]]
    state.least = Math.min(oldest, state.least ?? oldest)
    state.latest = latest
  }

  /** Losses over other data mean nothing beside those before. */
  forgetLosses(): void {
    this.state.least = null
    this.state.latest = []
  }

  /** Runs `body` with the average in the place of the weights, if there is one. */
  async within<T>(body: () => Promise<T>): Promise<T> {
    if (this.weights === null) return body()
    this.weights.show()
    try {
      return await body()
    } finally {
      this.weights.hide()
    }
  }

  /** The weights are the average from now on, if there is one. */
  adopt(): void {
    this.weights?.adopt()
  }

  /** What a checkpoint needs, besides the average; null where none is taken. */
  toJSON(): AverageState | null {
    return this.spec === undefined ? null : { ...this.state }
  }

  /**
   * Goes on from the state of an average of the same kind. Called while the average stands in the weights' place.
   */
  restore(saved: AverageState | null | undefined): void {
    if (this.spec === undefined || saved?.name !== this.spec.name) return
    this.state = { ...saved }
    if (saved.count === 0) return
    this.weights ??= this.optimizer.average()
    this.weights.restore()
  }

  dispose(): void {
    this.weights?.dispose()
  }
}
