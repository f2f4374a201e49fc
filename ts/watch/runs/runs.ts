/** The runs below a directory, found and read again and again while somebody looks. */
import { open, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { EVENTS_FILE } from '../../io/model-directory'
import { Pauses } from '../../pauses'
import { RunFiles } from './run-files'

/** How deep runs lie, and how many are looked for. */
const DEEPEST = 4
const MOST_RUNS = 500

/** Bytes of each file that are read before the next run has its turn. */
const TURN = 16 * 1024 * 1024

/** Milliseconds after which files are looked at again. */
const STALE = 500

const isBoard = (name: string): boolean => name.includes('tfevents')
const isJsonLines = (name: string): boolean => name.endsWith('.jsonl')

/** Whether a file begins like what `watch.json` writes, and is no data. */
async function isEvents(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return false
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.toString('utf8', 0, bytesRead).trimStart().startsWith('{"event":')
  } finally {
    await file.close()
  }
}

export class Runs {
  private readonly found = new Map<string, RunFiles>()
  private looking: Promise<void> | null = null
  private looked = -Infinity

  constructor(private readonly root: string) {}

  get all(): readonly RunFiles[] {
    return [...this.found.values()]
  }

  get(name: string): RunFiles | undefined {
    return this.found.get(name)
  }

  /** Reads what is new, unless that was just done. What takes long goes on behind; what there is so far can be shown. */
  async refresh(patience = 1000): Promise<void> {
    if (this.looking === null && performance.now() - this.looked < STALE) return
    this.looking ??= this.look().finally(() => {
      this.looking = null
      this.looked = performance.now()
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, patience)))
    await Promise.race([this.looking, late]).finally(() => clearTimeout(timer))
  }

  private async look(): Promise<void> {
    const pauses = new Pauses()
    await this.find(this.root, DEEPEST)
    for (let all = this.all; all.length > 0;) {
      const more: RunFiles[] = []
      for (const run of all) if (await run.look(pauses, TURN)) more.push(run)
      all = more
    }
  }

  private async find(directory: string, deep: number): Promise<void> {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
    const names = entries.map(({ name }) => name)
    const add = (path: string, own: (name: string) => boolean) => {
      const name = relative(this.root, path) || '.'
      if (this.found.has(name) || this.found.size >= MOST_RUNS) return
      this.found.set(name, new RunFiles(name, directory, own))
    }
    if (names.includes(EVENTS_FILE)) add(directory, (name) => name === EVENTS_FILE)
    else if (names.some(isBoard)) add(directory, isBoard)
    for (const only of names.filter((name) => isJsonLines(name) && name !== EVENTS_FILE))
      if (!this.found.has(relative(this.root, join(directory, only))))
        if (await isEvents(join(directory, only)))
          add(join(directory, only), (name) => name === only)
    if (deep === 0) return
    for (const entry of entries)
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
        await this.find(join(directory, entry.name), deep - 1)
  }
}
