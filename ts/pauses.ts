/** Long work on the event loop, in stretches that leave it to others in between. */
import { setImmediate } from 'node:timers/promises'

/** Milliseconds at a time. */
const STRETCH = 15

export class Pauses {
  private began = performance.now()

  /** Whether others have waited long enough. */
  get due(): boolean {
    return performance.now() - this.began > STRETCH
  }

  async pause(): Promise<void> {
    await setImmediate()
    this.began = performance.now()
  }
}

/** The result of work that yields where it can pause, without a pause. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** The same with pauses, where they are due. */
export async function inStretches<T>(work: Generator<unknown, T>, pauses = new Pauses()): Promise<T> {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (pauses.due) await pauses.pause()
  }
}
