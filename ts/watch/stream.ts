/** Where watchers write. Without a listener its loss would end the process, and a run with it. */
import { optionsOf } from '../check'
import { expect, type RnnativeError } from '../errors'
import { ioError } from '../io/files'

export interface Writes {
  write(text: string): unknown
}

interface Emitter extends Writes {
  write(text: string, written?: () => void): unknown
  on(name: 'error', listener: (error: Error) => void): unknown
  off(name: 'error', listener: (error: Error) => void): unknown
  listenerCount(name: 'error'): number
}

const isEmitter = (stream: Writes): stream is Emitter =>
  (['on', 'off', 'listenerCount'] as const).every(
    (name) => typeof (stream as Partial<Emitter>)[name] === 'function',
  )

/** A stream whose errors are heeded, for so many watchers. */
interface Heeded {
  users: number
  error: Error | null
  listener: (error: Error) => void
}

const heeded = new WeakMap<Writes, Heeded>()

function heed(stream: Emitter): Heeded {
  const found = heeded.get(stream)
  if (found) {
    ++found.users
    return found
  }
  const made: Heeded = { users: 1, error: null, listener: (error) => (made.error ??= error) }
  heeded.set(stream, made)
  stream.on('error', made.listener)
  return made
}

function forget(stream: Emitter, state: Heeded): void {
  if (--state.users > 0) return
  heeded.delete(stream)
  stream.off('error', state.listener)
}

/** What has become of an output: its reader has gone, its disk is full. */
export const lostOutput = (op: string, stream: unknown, error: unknown): RnnativeError =>
  ioError(
    op,
    stream === process.stdout
      ? 'standard output'
      : stream === process.stderr
        ? 'standard error'
        : 'stream',
    error,
  )

/**
 * A watcher's stream from `begin` to `end`. When it is lost the next write throws `ERR_IO`, which ends the watcher and
 * not its run; somebody else who listens to the stream's errors answers for them alone.
 */
export class Output<S extends Writes> {
  private state: Heeded | null = null
  private unwritten = 0
  private ended = false

  constructor(
    private readonly op: string,
    readonly stream: S,
  ) {}

  begin(): void {
    this.ended = false
    if (isEmitter(this.stream)) this.state ??= heed(this.stream)
    this.check()
  }

  get isLost(): boolean {
    const { stream, state } = this
    return isEmitter(stream) && !!state?.error && stream.listenerCount('error') === 1
  }

  check(): void {
    if (this.isLost) throw lostOutput(this.op, this.stream, this.state?.error)
  }

  write(text: string): void {
    this.begin()
    const { stream } = this
    if (!isEmitter(stream)) return void stream.write(text)
    ++this.unwritten
    stream.write(text, () => {
      --this.unwritten
      this.release()
    })
  }

  /** Errors of what is still to be written are heeded, too; nobody waits for it. */
  end(): void {
    this.ended = true
    this.release()
  }

  private release(): void {
    const { stream } = this
    if (!this.ended) return
    // A write that fails tells its callback first. Behind one that has failed others may wait for ever.
    setImmediate(() => {
      const { state, ended, unwritten } = this
      if (!ended || state === null || !isEmitter(stream)) return
      if (unwritten > 0 && state.error === null) return
      forget(stream, state)
      this.state = null
    })
  }
}

/** The stream that options name, or another; `ERR_ARGUMENT` for what cannot be written to. */
export function outputOf<S extends Writes>(
  op: string,
  options: { stream?: S | undefined },
  usual: S,
): Output<S> {
  const { stream = usual } = optionsOf(op, options, { stream: true })
  const writes = typeof (stream as Partial<S> | null)?.write === 'function'
  expect(op, 'stream', writes, 'a stream to write to', stream)
  return new Output(op, stream)
}
