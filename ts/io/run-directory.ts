/** The directory of a run while it lasts: tried before anything is learned, and no other run's. */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { checkPath } from '../check'
import { RnnativeError } from '../errors'
import { checkpointIn } from './checkpoint'
import { makeDurableDirectory, removeEmpty } from './directories'
import { ioError } from './files'
import { lock, RUN_LOCK, type Holder } from './lock'

export interface RunDirectoryOptions {
  resume?: boolean | undefined
  overwrite?: boolean | undefined
}

/** Who holds it gives it back by `close`. */
export interface RunDirectory {
  close(): Promise<void>
}

/**
 * Makes a run's directory where it is missing, writes in it and locks it. `ERR_ARGUMENT` where it holds the
 * checkpoints of a run that is neither to be resumed nor to be overwritten, `ERR_BUSY` where another process or
 * another fit of this one has it, `ERR_IO` where it cannot be written in.
 */
export async function openRunDirectory(
  directory: string,
  { resume = false, overwrite = false }: RunDirectoryOptions,
): Promise<RunDirectory> {
  checkPath('fit', 'checkpoint', directory)
  const busy = ({ pid, host }: Holder) =>
    new RnnativeError(
      'ERR_BUSY',
      `[fit] checkpoint: ${directory} is in use by the run of process ${pid} on ${host} (${RUN_LOCK} there says so)`,
      { details: { pid, host } },
    )
  let made: string[] = []
  try {
    made = await makeDurableDirectory(directory)
    const home = await realpath(directory)
    const release = await lock(join(home, RUN_LOCK), busy)
    try {
      const found = await checkpointIn(home)
      if (found !== null && !resume && !overwrite)
        throw new RnnativeError(
          'ERR_ARGUMENT',
          `[fit] checkpoint: ${directory} holds a run with ${found}; resume continues it, overwrite replaces it`,
        )
    } catch (error) {
      await release()
      throw error
    }
    return {
      async close() {
        await release()
        removeEmpty(made)
      },
    }
  } catch (error) {
    removeEmpty(made)
    throw ioError('fit', directory, error)
  }
}
