/** Long work on the event loop, in stretches that leave it to others in between. */
import { setImmediate } from 'node:timers/promises'

/** Milliseconds at a time. */
const STRETCH = 10

/** The last turn that somebody waits for. Each has one of his own: two stretches in one turn would be twice as long. */
let turns: Promise<void> = Promise.resolve()

export class Pauses {
  private began = performance.now()

  /** Whether others have waited long enough. */
  get due(): boolean {
    return performance.now() - this.began > STRETCH
  }

  async pause(): Promise<void> {
    turns = turns.then(() => setImmediate())
    await turns
    this.began = performance.now()
  }

  /** Others have the event loop meanwhile. */
  async waitFor(wait: Wait): Promise<void> {
    await wait()
    this.began = performance.now()
  }
}

/** What the next stretch of work had better wait for. Only work in stretches can. */
export type Wait = () => Promise<unknown>

/** The result of work that yields where it can pause, without a pause. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** The same with pauses, where they are due, and for each {@link Wait} that is yielded. */
export async function inStretches<T>(
  work: Generator<unknown, T>,
  pauses = new Pauses(),
): Promise<T> {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (typeof value === 'function') await pauses.waitFor(value as Wait)
    else if (pauses.due) await pauses.pause()
  }
}

/** What `make` makes of each. Yields in between, and where `make` does. */
export function* eachIn<T, R>(
  all: readonly T[],
  make: (one: T, index: number) => Generator<undefined | void, R>,
): Generator<undefined | void, R[]> {
  const made: R[] = []
  for (const [i, one] of all.entries()) {
    made.push(yield* make(one, i))
    yield
  }
  return made
}

/** The same work, before each stretch of which `checkGoing` may throw. */
export function* heeding<Y, T>(work: Generator<Y, T>, checkGoing: () => void): Generator<Y, T> {
  for (;;) {
    checkGoing()
    const { done, value } = work.next()
    if (done) return value
    yield value
  }
}
