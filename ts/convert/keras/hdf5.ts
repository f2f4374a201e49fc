/**
 * HDF5 files, as far as weights need them, read and made in a thread by h5wasm. A file may be made to hold HDF5 up for
 * ever or to break its memory: then the thread is ended, and the next file has another.
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { RnnativeError, type ErrorCode } from '../../errors'
import { messageOf } from '../../kinds'

export const OP = 'keras'

export interface Dataset {
  shape: number[]
  data: Float32Array
}

export interface HDF5Contents {
  /** Floats by their paths. */
  datasets: Map<string, Dataset>
  /** The attribute `name` of groups by their paths; it is not read. */
  names: Map<string, string>
}

export type Wanted = { file: string; bytes: Uint8Array } | { contents: HDF5Contents }

export type Answer =
  | { contents: HDF5Contents }
  | { bytes: Uint8Array }
  | { code: ErrorCode; message: string }
  /** h5wasm itself is no more to be used. */
  | { broken: string }

/** Milliseconds that a file may take, and that each of its MiB may add. */
const LIMIT = 30_000
const LIMIT_PER_MIB = 1000

let thread: Worker | null = null

function ask(wanted: Wanted, limit: number): Promise<Answer> {
  const own = (thread ??= new Worker(join(__dirname, 'hdf5-thread.js'), { execArgv: [] }))
  return new Promise((resolve) => {
    const finish = (made: Answer): void => {
      clearTimeout(timer)
      own.off('message', finish).off('error', failing).off('exit', ending)
      own.unref()
      if ('broken' in made) {
        if (thread === own) thread = null
        own.on('error', () => undefined)
        void own.terminate()
      }
      resolve(made)
    }
    const failing = (error: unknown): void => finish({ broken: messageOf(error) })
    const ending = (): void => finish({ broken: 'its thread ended' })
    const timer = setTimeout(() => finish({ broken: `takes more than ${limit} ms` }), limit)
    own.on('message', finish).on('error', failing).on('exit', ending)
    own.ref()
    own.postMessage(wanted)
  })
}

let turn: Promise<unknown> = Promise.resolve()

/** One after another. What broke on a thread that had read others is tried once more, on a new one. */
async function inTurn(wanted: Wanted, bytes: number): Promise<Answer> {
  const limit = LIMIT + LIMIT_PER_MIB * Math.ceil(bytes / 2 ** 20)
  const own = turn.then(async () => {
    const fresh = thread === null
    const made = await ask(wanted, limit)
    return 'broken' in made && !fresh ? ask(wanted, limit) : made
  })
  turn = own
  return own
}

function failed(file: string, made: Answer): RnnativeError {
  if ('code' in made) return new RnnativeError(made.code, made.message)
  const why = 'broken' in made ? made.broken : 'no answer'
  return new RnnativeError('ERR_FORMAT', `[${OP}] ${file}: not a whole file of HDF5: ${why}`)
}

/** The floats of a file. `ERR_FORMAT`. */
export async function readHDF5(file: string, bytes: Uint8Array): Promise<HDF5Contents> {
  const made = await inTurn({ file, bytes }, bytes.length)
  if ('contents' in made) return made.contents
  throw failed(file, made)
}

/** A file of these numbers; groups get their attribute `name`. */
export async function makeHDF5(contents: HDF5Contents): Promise<Uint8Array> {
  const size = [...contents.datasets.values()].reduce((n, { data }) => n + data.byteLength, 0)
  const made = await inTurn({ contents }, size)
  if ('bytes' in made) return made.bytes
  throw failed('a file to be written', made)
}
