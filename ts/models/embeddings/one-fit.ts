import { RnnativeError } from '../../errors'
import type { AbortSignalLike } from '../../signal'
import { Run, type RunContext } from '../../train'

/** The fits of a model of vectors, one at a time, and its end. */
export class OneFit<E, R extends { stopped: 'finished' | 'aborted' }> {
  private running: Run<E, R> | null = null
  private busy = false
  private disposed = false

  begin(
    signal: AbortSignalLike | null | undefined,
    /** Of a run that was asked to stop before it learned anything. */
    nothing: R,
    body: (context: RunContext<E>) => Promise<R>,
  ): Run<E, R> {
    const { busy } = this
    const run = new Run<E, R>(async (context) => {
      this.checkUsable('fit')
      if (busy)
        throw new RnnativeError(
          'ERR_BUSY',
          '[fit] another fit of this model is running; await or abort it',
        )
      this.busy = true
      try {
        const result = await body(context).catch((error: unknown): R => {
          if (error !== STOPPED) throw error
          return nothing
        })
        if (result.stopped === 'aborted' && signal?.aborted) throw aborted(signal)
        return result
      } finally {
        this.busy = false
      }
    }, signal ?? undefined)
    if (!busy) this.running = run
    return run
  }

  checkUsable(op: string): void {
    if (this.disposed)
      throw new RnnativeError('ERR_DISPOSED', `[${op}] the model has been disposed`)
  }

  /** Stops a running fit and waits for its end; whether this is the first call. */
  async dispose(): Promise<boolean> {
    if (this.disposed) return false
    this.disposed = true
    this.running?.abort()
    await this.running?.catch(() => undefined)
    return true
  }
}

export const aborted = (signal: AbortSignalLike): RnnativeError =>
  new RnnativeError('ERR_ABORTED', '[fit] aborted', { cause: signal.reason })

const STOPPED = new Error('stopped')

/** Throws, to end the reading of a text, where a run was asked to stop. */
export const goingOn = (context: Pick<RunContext<never>, 'stopping'>) => (): void => {
  if (context.stopping) throw STOPPED
}
