/** The thread that draws, so that the event loop goes on. One serves all; it ends when it has had nothing to do for a while. */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface Wanted {
  number: number
  /** Null: nothing but the packages. */
  specification: object | null
}

export interface Drawn {
  number: number
  svg: string
  /** Why the packages could not be loaded. */
  missing?: unknown
  /** Why the drawing could not be made. */
  failed?: unknown
}

/** Milliseconds without a drawing. */
const IDLE = 2000

interface Waiting {
  resolve(drawn: Drawn): void
  reject(reason: unknown): void
}

class Thread {
  private readonly worker = new Worker(join(__dirname, 'drawing-thread.js'), { execArgv: [] })
  private readonly waiting = new Map<number, Waiting>()
  private asked = 0
  private idle: NodeJS.Timeout | null = null

  constructor(private readonly ended: () => void) {
    this.worker.on('message', (drawn: Drawn) => {
      const one = this.waiting.get(drawn.number)
      this.waiting.delete(drawn.number)
      if (drawn.failed === undefined) one?.resolve(drawn)
      else one?.reject(drawn.failed)
      if (this.waiting.size === 0) this.rest()
    })
    this.worker.on('error', (error) => this.end(error))
    this.worker.on('exit', () => this.end(new Error('the thread that draws ended')))
  }

  draw(specification: object | null): Promise<Drawn> {
    if (this.idle) clearTimeout(this.idle)
    this.worker.ref()
    const number = ++this.asked
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject })
      this.worker.postMessage({ number, specification } satisfies Wanted)
    })
  }

  /** Keeps no process alive, and no memory for long. */
  private rest(): void {
    this.worker.unref()
    this.idle = setTimeout(() => {
      this.ended()
      void this.worker.terminate()
    }, IDLE).unref()
  }

  private end(reason: unknown): void {
    this.ended()
    for (const { reject } of this.waiting.values()) reject(reason)
    this.waiting.clear()
  }
}

let thread: Thread | null = null

export function drawInThread(specification: object | null): Promise<Drawn> {
  if (thread === null) {
    const made: Thread = new Thread(() => {
      if (thread === made) thread = null
    })
    thread = made
  }
  return thread.draw(specification)
}
