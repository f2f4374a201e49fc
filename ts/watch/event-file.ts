import { appendFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { RnnativeError } from '../errors'
import { FILE_VERSION, type EventBody, type EventEncoder } from './event-format'

/** Records that wait for a disk that does not take them; more of them would fill the memory. */
const MAX_PENDING = 64 * 1024 * 1024

/** Made by this process, so that no two have one name. */
let files = 0

/**
 * A new file of events that is appended to and never waited for: what comes while a write is under way goes
 * with the next. After an error it takes no more; `check` and `flushed` throw it (`ERR_IO`).
 */
export class EventFile {
  private readonly path: string
  private readonly encode: EventEncoder
  private pending: Buffer[] = []
  private bytes = 0
  private writing: Promise<void> | null = null
  private error: RnnativeError | null = null

  constructor(directory: string, encode: EventEncoder) {
    // TensorBoard reads files in the order of their names, and takes any that has "tfevents" in it.
    const time = (Date.now() / 1000).toFixed(3)
    this.path = join(
      directory,
      `events.out.tfevents.${time}.${hostname()}.${process.pid}.${++files}`,
    )
    this.encode = encode
    this.write(0, FILE_VERSION)
  }

  write(step: number, body: EventBody): void {
    if (this.error !== null) return
    const record = this.encode(step, body)
    this.bytes += record.length
    if (this.bytes > MAX_PENDING) return this.fail(new Error('the disk does not keep up'))
    this.pending.push(record)
    this.writing ??= this.drain()
  }

  check(): void {
    if (this.error !== null) throw this.error
  }

  /** Resolves when all is written. */
  async flushed(): Promise<void> {
    await this.writing
    this.check()
  }

  private async drain(): Promise<void> {
    try {
      while (this.pending.length > 0) {
        const records = Buffer.concat(this.pending)
        this.pending = []
        this.bytes = 0
        await appendFile(this.path, records)
      }
    } catch (error) {
      this.fail(error as Error)
    } finally {
      this.writing = null
    }
  }

  private fail(cause: Error): void {
    this.error = new RnnativeError('ERR_IO', `[tensorboard] ${this.path}: ${cause.message}`, {
      cause,
    })
    this.pending = []
  }
}
