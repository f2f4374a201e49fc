import { appendFile } from 'node:fs/promises'
import type { RnnativeError } from '../errors'
import { ioError } from '../io/files'

/** Bytes that wait for a disk that does not take them; more of them would fill the memory. */
const MAX_PENDING = 64 * 1024 * 1024

/**
 * A file that is appended to and never waited for: what comes while a write is under way goes with the next. After an
 * error it takes no more; `check` and `flushed` throw it (`ERR_IO`).
 */
export class AppendedFile {
  private pending: Buffer[] = []
  private bytes = 0
  private writing: Promise<void> | null = null
  private error: RnnativeError | null = null

  constructor(
    private readonly op: string,
    readonly path: string,
  ) {}

  write(bytes: Buffer): void {
    if (this.error !== null) return
    this.bytes += bytes.length
    if (this.bytes > MAX_PENDING) return this.fail(new Error('the disk does not keep up'))
    this.pending.push(bytes)
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
        const bytes = Buffer.concat(this.pending)
        this.pending = []
        this.bytes = 0
        await appendFile(this.path, bytes)
      }
    } catch (error) {
      this.fail(error as Error)
    } finally {
      this.writing = null
    }
  }

  private fail(error: Error): void {
    this.error = ioError(this.op, this.path, error)
    this.pending = []
  }
}
