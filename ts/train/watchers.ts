import { expect } from '../errors'
import { isPromise, messageOf } from '../kinds'
import type { Outcome, RunPlan, TrainingEvent, TrainingOptions, Watch, Watcher } from './options'

const isWatcher = (given: unknown): given is Watcher =>
  typeof given === 'object' &&
  given !== null &&
  (['begin', 'event', 'end'] as const).some(
    (name) => typeof (given as Watcher)[name] === 'function',
  )

/** The watchers of one run. Throws `ERR_ARGUMENT` for what is none. */
export class Watchers {
  private watching: Watcher[]
  private begun = false

  constructor(given: TrainingOptions['watch']) {
    const all = (Array.isArray(given) ? given : given === undefined ? [] : [given]) as Watch[]
    this.watching = all.map((one) => {
      if (typeof one === 'function') return { event: one }
      expect('fit', 'watch', isWatcher(one), 'watchers or functions', one)
      return one
    })
  }

  begin(plan: RunPlan): void {
    this.begun = true
    this.tell((watcher) => watcher.begin?.(plan))
  }

  event(event: TrainingEvent): void {
    this.tell((watcher) => watcher.event?.(event))
  }

  /** Resolves when all of them have ended, whatever they do. Nobody is told of a run that never began. */
  async end(outcome: Outcome): Promise<void> {
    if (!this.begun) return
    const ended = this.watching.map(async (watcher) => {
      try {
        await watcher.end?.(outcome)
      } catch (error) {
        warn(error)
      }
    })
    this.watching = []
    await Promise.all(ended)
  }

  private tell(call: (watcher: Watcher) => unknown): void {
    for (const watcher of this.watching) {
      const fail = (error: unknown) => {
        if (!this.watching.includes(watcher)) return
        this.watching = this.watching.filter((other) => other !== watcher)
        warn(error)
      }
      try {
        // A function that is async gives a promise, though nobody awaits it.
        const given = call(watcher)
        if (isPromise(given)) given.then(undefined, fail)
      } catch (error) {
        fail(error)
      }
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(
    `[fit] watch: a watcher failed and sees no more of the run: ${messageOf(error)}`,
    {
      code: 'RNNATIVE_WATCHER',
    },
  )
}
