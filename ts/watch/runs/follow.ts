/** Files that grow, read from where the last look ended. */
import { open } from 'node:fs/promises'
import type { Pauses } from '../../pauses'

/** Bytes that are read at a time. */
const PIECE = 1 << 20

/** Most bytes of what is no whole line or record yet. */
const MOST_REST = 1 << 26

/** Takes what has come; gives how many of its bytes made whole lines or records. */
export type Take = (bytes: Buffer) => number

export class Follower {
  private offset = 0
  private rest: Buffer = Buffer.alloc(0)
  private inode = 0

  constructor(
    private readonly path: string,
    private readonly take: Take,
    /** Called where the file is another than before, or shorter. */
    private readonly restart: () => void,
  ) {}

  /** Reads what is new, at most so many bytes; whether there is more. A file that has gone has nothing new. */
  async look(pauses: Pauses, most = Infinity): Promise<boolean> {
    const file = await open(this.path, 'r').catch(() => null)
    if (file === null) return false
    try {
      const { size, ino } = await file.stat()
      if ((this.inode !== 0 && ino !== this.inode) || size < this.offset) {
        this.offset = 0
        this.rest = Buffer.alloc(0)
        this.restart()
      }
      this.inode = ino
      const end = Math.min(size, this.offset + most)
      const buffer = Buffer.allocUnsafe(Math.min(PIECE, Math.max(0, end - this.offset)))
      while (this.offset < end) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, this.offset)
        if (bytesRead === 0) break
        this.offset += bytesRead
        const bytes = Buffer.concat([this.rest, buffer.subarray(0, bytesRead)])
        const rest = bytes.subarray(this.take(bytes))
        // What is that long is no line of ours.
        this.rest = rest.length > MOST_REST ? Buffer.alloc(0) : Buffer.from(rest)
        if (pauses.due) await pauses.pause()
      }
      return this.offset < size
    } finally {
      await file.close()
    }
  }
}

/** Lines of bytes, each without its end. */
export const lines =
  (each: (line: string) => void): Take =>
  (bytes) => {
    const end = bytes.lastIndexOf('\n') + 1
    for (const line of bytes.toString('utf8', 0, end).split('\n')) if (line !== '') each(line)
    return end
  }
