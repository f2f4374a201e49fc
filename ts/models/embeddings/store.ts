/**
 * Numbers of words in the order of a text, which every pass reads again: text is read and split once. What is more than
 * memory should hold goes to a file without a name, which ends with the process, however that ends.
 */
import { open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ioError, temporaryName } from '../../io/files'

/** Numbers of a block. */
const BLOCK = 1 << 18
/** Blocks in memory: 256 MiB. */
const HELD = 256

export class IdStore {
  private readonly held: Int32Array[] = []
  private file: FileHandle | null = null
  private written = 0
  private block = new Int32Array(BLOCK)
  private at = 0

  constructor(private readonly most = HELD) {}

  /** Whether `add` needs `flush` first. */
  get full(): boolean {
    return this.at === BLOCK
  }

  add(id: number): void {
    this.block[this.at++] = id
  }

  async flush(): Promise<void> {
    const block = this.block.subarray(0, this.at)
    this.block = new Int32Array(BLOCK)
    this.at = 0
    if (this.held.length < this.most) this.held.push(block)
    else await this.write(block)
  }

  private async write(block: Int32Array): Promise<void> {
    const path = temporaryName(join(tmpdir(), 'rnnative-words'))
    try {
      if (this.file === null) {
        this.file = await open(path, 'wx+', 0o600)
        await rm(path)
      }
      const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength)
      for (let done = 0; done < bytes.length;) {
        const left = bytes.length - done
        const { bytesWritten } = await this.file.write(bytes, done, left, this.written)
        done += bytesWritten
        this.written += bytesWritten
      }
    } catch (error) {
      throw ioError('write', path, error)
    }
  }

  /** All of them, from the first; after the last `flush`. */
  async *read(): AsyncGenerator<Int32Array> {
    yield* this.held
    const { file } = this
    if (file === null) return
    for (let at = 0; at < this.written;) {
      const bytes = new Uint8Array(Math.min(4 * BLOCK, this.written - at))
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, at + done)
        if (bytesRead === 0) throw ioError('read', tmpdir(), new Error('a file of ours ends early'))
        done += bytesRead
      }
      at += bytes.length
      yield new Int32Array(bytes.buffer)
    }
  }

  async close(): Promise<void> {
    await this.file?.close()
    this.file = null
  }
}
