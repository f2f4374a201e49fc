import type { AbortSignalLike } from '../signal'
import { RnnativeError } from '../errors'
import { isIterable } from '../kinds'

/** Events kept for a consumer that has not come for them; beyond it the oldest go. */
const CAPACITY = 1024

/** What a run is given by the model that begins it. */
export interface RunContext<E> {
  /** Hands out an event; `important` ones are the last to be dropped when nobody reads. */
  emit(event: E, important?: boolean): void
  /** Whether the run has been asked to stop, by `abort`, `break` or the signal. */
  readonly stopping: boolean
  /** Calls `listener` once when the run is asked to stop; the function it gives takes that back. */
  onStop(listener: () => void): () => void
}

/**
 * Work in progress, which began when the object was made. Await it for its result, or iterate over
 * its events:
 *
 * ```ts
 * for await (const { step, loss } of run) if (loss < 1) break
 * ```
 *
 * Leaving the loop early stops the run and waits for it to end. The run never waits for a consumer:
 * 1,024 events are kept, then the oldest are dropped (those with a validation last). An error is
 * thrown once from the loop, or from `await` without one.
 */
export class Run<E, R> implements AsyncIterable<E>, PromiseLike<R> {
  private readonly result: Promise<R>
  private readonly events: { event: E; important: boolean }[] = []
  private finished = false
  private iterated = false
  private wake: (() => void) | null = null
  private readonly stopped = new AbortController()

  constructor(body: (context: RunContext<E>) => Promise<R>, signal?: AbortSignalLike) {
    const stops = this.stopped.signal
    const follow = () => this.abort()
    if (signal?.aborted) follow()
    signal?.addEventListener('abort', follow)
    this.result = body({
      emit: (event, important = false) => this.emit(event, important),
      get stopping() {
        return stops.aborted
      },
      onStop(listener) {
        stops.addEventListener('abort', listener)
        return () => stops.removeEventListener('abort', listener)
      },
    }).finally(() => {
      signal?.removeEventListener('abort', follow)
      this.finished = true
      this.wake?.()
    })
  }

  private emit(event: E, important: boolean): void {
    if (this.events.length === CAPACITY) {
      const oldest = this.events.findIndex((entry) => !entry.important)
      this.events.splice(Math.max(0, oldest), 1)
    }
    this.events.push({ event, important })
    this.wake?.()
  }

  /** Asks the run to stop; it then resolves with what it has reached. */
  abort(): void {
    this.stopped.abort()
  }

  then<A = R, B = never>(
    onfulfilled?: ((value: R) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result.then(onfulfilled, onrejected)
  }

  /** As a promise's. */
  catch<B = never>(onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.result.catch(onrejected)
  }

  /** As a promise's. */
  finally(onfinally?: (() => void) | null): Promise<R> {
    return this.result.finally(onfinally)
  }

  /** The events from the first one kept; can be asked for once (`ERR_BUSY`). */
  [Symbol.asyncIterator](): AsyncGenerator<E, void, void> {
    if (this.iterated)
      throw new RnnativeError('ERR_BUSY', '[run] its events are being read already')
    this.iterated = true
    this.result.catch(() => undefined) // the loop throws it
    return this.read()
  }

  private async *read(): AsyncGenerator<E, void, void> {
    try {
      for (;;) {
        const next = this.events.shift()
        if (next !== undefined) yield next.event
        else if (this.finished) break
        else await new Promise<void>((resolve) => (this.wake = resolve))
      }
      await this.result
    } finally {
      this.abort()
      await this.result.catch(() => undefined)
    }
  }
}

/** What a promise gives; null when the run is asked to stop before. What is there already is taken. */
export function unlessStopped<T>(
  promise: Promise<T>,
  context: Pick<RunContext<never>, 'stopping' | 'onStop'>,
): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(null)
    const forget = context.onStop(stop)
    if (context.stopping) setImmediate(stop)
    promise.then(resolve, reject).finally(forget)
  })
}

/** What comes until the run is asked to stop, even while it waits for more. */
export const untilStopped = <T>(
  items: Iterable<T> | AsyncIterable<T>,
  context: RunContext<never>,
): Iterable<T> | AsyncIterable<T> => {
  const given = items as Partial<AsyncIterable<T>> | null | undefined
  if (given?.[Symbol.asyncIterator] !== undefined)
    return stoppable(items as AsyncIterable<T>, context)
  return isIterable(items) ? ending(items as Iterable<T>, context) : items
}

function* ending<T>(items: Iterable<T>, context: RunContext<never>): Generator<T, void, void> {
  for (const item of items) {
    if (context.stopping) return
    yield item
  }
}

async function* stoppable<T>(
  items: AsyncIterable<T>,
  context: RunContext<never>,
): AsyncGenerator<T, void, void> {
  const iterator = items[Symbol.asyncIterator]()
  let done = false
  try {
    while (!context.stopping) {
      const next = await new Promise<IteratorResult<T> | null>((resolve, reject) => {
        const forget = context.onStop(() => resolve(null))
        iterator.next().then(resolve, reject).finally(forget)
      })
      done = next?.done === true
      if (next === null || next.done) return
      yield next.value
    }
  } finally {
    // Not awaited: a source that stalls would hold this up.
    if (!done) iterator.return?.().catch(() => undefined)
  }
}
