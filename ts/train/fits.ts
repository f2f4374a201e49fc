import { RnnativeError } from '../errors'
import { openRunDirectory, type RunDirectory } from '../io/run-directory'
import { isAbortSignal } from '../kinds'
import { settle } from './ending'
import type { TrainingEvent, TrainingOptions, TrainingResult } from './options'
import { Ranks } from './ranks'
import { Run, type RunContext } from './run'

/** What a fit needs of a {@link TrainingLoop}. */
export interface Fit {
  run(context: RunContext<TrainingEvent>, ranks: Ranks | null): Promise<TrainingResult>
  dispose(): void
}

/** The fits of a model, one at a time. */
export class Fits {
  private running: Run<TrainingEvent, TrainingResult> | null = null
  private busy = false

  /**
   * Begins a fit that learns from items of this unit; rejects with `ERR_BUSY` while another runs. `make`
   * gives null where the run was asked to stop before its data was read.
   */
  begin(
    unit: string,
    options: TrainingOptions,
    make: (context: RunContext<TrainingEvent>) => Fit | Promise<Fit | null>,
  ): Run<TrainingEvent, TrainingResult> {
    const { busy } = this
    // Whatever it is: `make` refuses what is no object.
    const { signal, checkpoint, parallel } = { ...(options as TrainingOptions | null) }
    const stop = isAbortSignal(signal) ? signal : undefined
    const run: Run<TrainingEvent, TrainingResult> = new Run(async (context) => {
      if (busy)
        throw new RnnativeError(
          'ERR_BUSY',
          '[fit] another fit of this model is running; await or abort it',
        )
      this.busy = true
      let directory: RunDirectory | null = null
      let ranks: Ranks | null = null
      // Made at the call: what it was given may change after it.
      const making = (async () => make(context))()
      making.catch(() => undefined) // awaited below
      try {
        if (parallel === true) ranks = await Ranks.open()
        // Before the data has been read to its end, let alone learned from.
        if (checkpoint !== undefined && (ranks?.first ?? true))
          directory = await openRunDirectory(checkpoint, options)
        const fit = await making
        if (fit === null) {
          await ranks?.fail(new RnnativeError('ERR_ABORTED', '[fit] asked to stop before it began'))
          return settle(nothing(unit), stop)
        }
        return await fit.run(context, ranks)
      } catch (error) {
        run.abort()
        await ranks?.fail(error)
        throw error
      } finally {
        ranks?.close()
        // Each comes about whatever becomes of those before it.
        try {
          ;(await making.catch(() => null))?.dispose()
        } finally {
          try {
            await directory?.close()
          } finally {
            this.busy = false
          }
        }
      }
    }, stop)
    if (!busy) this.running = run
    return run
  }

  /** Stops a running fit and waits for its end. */
  async stop(): Promise<void> {
    this.running?.abort()
    await this.running?.catch(() => undefined)
  }
}

/** Of a run that ended before it began. */
const nothing = (unit: string): TrainingResult => ({
  ...{ stopped: 'aborted', step: 0, epochs: 0, unit, items: 0 },
  ...(unit === 'tokens' && { tokens: 0 }),
  ...{ seconds: 0, loss: null, validation: null, best: null, checkpoint: null },
})
