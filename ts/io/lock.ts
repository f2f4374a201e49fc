/** A file that says which process works in a directory. One that was killed leaves it, which the next sees. */
import { randomBytes } from 'node:crypto'
import { open, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, whole } from '../check'
import { discard, unless } from './files'

export interface Holder {
  pid: number
  host: string
  /** When it began, as the kernel counts it: another process may get the same pid. */
  started: string | null
}

/** The locks of a directory: whose checkpoints go there, and who saves a model there. */
export const RUN_LOCK = '.run.lock'
export const SAVE_LOCK = '.save.lock'

const OVER = '.over'
/** Whether a file is a lock or what is left of taking one over. */
export const isLock = (name: string): boolean => /^\.(run|save)\.lock(\.over)*$/.test(name)

const POLL = 20 // ms
const TAKING = 5000 // ms
/** So often a lock may be seen without content, as its writer is about to write it; then he was killed there. */
const UNWRITTEN = 50

/** The error that tells who has the lock. */
type Busy = (holder: Holder) => Error

const readText = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch(unless('ENOENT', null))

/** The boot and the tick in which a process began, or that it is dead; null where that cannot be read. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // Behind the command's name, which may hold anything: from the state, field 3, on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'dead' : `${boot.trim()} ${fields[19]}`
  } catch {
    return null
  }
}

/** Of another host nothing can be told: its processes count as alive. */
async function isAlive({ pid, host, started }: Holder): Promise<boolean> {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const found = await startOf(pid)
  return started === null || found === null || found === started
}

function parseHolder(text: string | null): Holder | null {
  if (text === null) return null
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) && whole(json['pid'], 1) ? (json as unknown as Holder) : null
  } catch {
    return null
  }
}

/** What stands in locks of ours that could not be removed when they were done with, as on a failing disk. */
const leftBehind = new Set<string>()

async function release(path: string, text: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch {
    leftBehind.add(text)
  }
}

/** Makes the lock; false where there is one. */
async function create(path: string, text: string): Promise<boolean> {
  const file = await open(path, 'wx').catch(unless('EEXIST', null))
  if (file === null) return false
  try {
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    await release(path, text)
    throw error
  }
}

/** Removes a stale lock: under a lock of its own, lest it be the one that a quicker process has made meanwhile. */
async function remove(path: string, stale: string | null, busy: Busy): Promise<void> {
  const done = await lock(`${path}${OVER}`, busy, TAKING)
  if ((await readText(path)) === stale) await discard(path)
  await done()
}

/** Removes what one who was killed while taking over left: as any lock, lest its holder be alive. */
async function sweep(path: string, busy: Busy): Promise<void> {
  if ((await readText(path)) !== null) await (await lock(path, busy, TAKING))()
}

/**
 * Takes a lock, stale ones over; gives what releases it. Waits so many milliseconds for another holder and
 * then throws what `busy` makes of it.
 */
export async function lock(path: string, busy: Busy, wait = 0): Promise<() => Promise<void>> {
  const { pid } = process
  const own: Holder = { pid, host: hostname(), started: await startOf(pid) }
  const text = JSON.stringify({ ...own, token: randomBytes(8).toString('hex') })
  const until = performance.now() + wait
  for (let unwritten = 0; !(await create(path, text));) {
    const found = await readText(path)
    const holder = parseHolder(found)
    const stale =
      holder === null
        ? ++unwritten > UNWRITTEN
        : leftBehind.has(found as string) || !(await isAlive(holder))
    if (stale) await remove(path, found, busy)
    else if (holder !== null && performance.now() >= until) throw busy(holder)
    else await sleep(POLL)
  }
  try {
    await sweep(`${path}${OVER}`, busy)
  } catch (error) {
    await release(path, text)
    throw error
  }
  return () => release(path, text)
}
