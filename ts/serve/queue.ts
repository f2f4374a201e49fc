/** Requests that wait: for a bounded time and number, and those that are alike leave together. */
import { RnnativeError } from '../errors'
import type { AbortSignalLike } from '../signal'
import { checkGoing } from '../check'
import type { Verb, VerbOptions } from './verb'

/** What was asked, and who waits for it. */
export interface Waiting {
  readonly verb: Verb
  readonly options: VerbOptions
  /** Of what runs together: the same verb and the same options. */
  readonly key: string
  readonly input: unknown
  /** Milliseconds, as `performance.now()` has them. */
  readonly since: number
  readonly signal: AbortSignalLike | undefined
  resolve(result: unknown): void
  reject(reason: unknown): void
}

/** The same of the same options, whatever order they were written in. */
export const keyOf = (verb: string, options: VerbOptions): string =>
  JSON.stringify([verb, Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))])

export const aborted = (signal: AbortSignalLike): unknown => {
  try {
    checkGoing('ask', signal)
  } catch (error) {
    return error
  }
  return signal.reason
}

/** First come, first served, as far as batches go. */
export class Queue {
  private waiting: Waiting[] = []

  constructor(private readonly most: number) {}

  get size(): number {
    return this.waiting.length
  }

  /** Since when the first one has waited; null where there is none. */
  get oldest(): number | null {
    return this.waiting[0]?.since ?? null
  }

  /** Of those that would leave together with the first. */
  get alike(): number {
    const [first] = this.waiting
    return first ? this.waiting.filter(({ key }) => key === first.key).length : 0
  }

  /** Throws `ERR_BUSY` where there is no room for so many more. */
  checkRoom(more: number): void {
    if (this.waiting.length + more <= this.most) return
    throw new RnnativeError(
      'ERR_BUSY',
      `[ask] queue: expected at most ${this.most} that wait, got ${this.waiting.length + more}`,
      { details: { waiting: this.waiting.length, maxQueue: this.most } },
    )
  }

  add(one: Waiting): void {
    this.waiting.push(one)
  }

  /** False where it has left already. */
  remove(one: Waiting): boolean {
    const at = this.waiting.indexOf(one)
    if (at >= 0) this.waiting.splice(at, 1)
    return at >= 0
  }

  /** The first, and those like it, up to so many. */
  take(most: number): Waiting[] {
    const [first] = this.waiting
    const taken = new Set(this.waiting.filter(({ key }) => key === first?.key).slice(0, most))
    this.waiting = this.waiting.filter((one) => !taken.has(one))
    return [...taken]
  }
}
