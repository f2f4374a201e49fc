/**
 * What the ranks of a run tell each other, beside the sums of their gradients. All do so at the same places, which have
 * names; one that cannot go on tells that instead, and all end with its error.
 */
import { deserialize, serialize } from 'node:v8'
import type { Share } from '../data/feed'
import { RnnativeError, type ErrorCode } from '../errors'
import { isError } from '../kinds'
import type { Precision } from '../precision'
import type { DeviceName } from '../tensor'
import { openGroup, type Group, type Sums } from '../tensor/group'

/** What one rank says at a place. */
interface Said {
  place: string
  value?: unknown
  failed?: { code: string; message: string }
}

/** Who opens groups: tests put some in its place that need no MPI. */
let opener: () => Promise<Group | null> = openGroup

/** For tests; gives who it was before. */
export function openGroupsBy(other: typeof opener): typeof opener {
  const before = opener
  opener = other
  return before
}

/** Errors that all ranks know of. */
const told = new WeakSet<object>()

const isKnown = (error: unknown): error is object => typeof error === 'object' && error !== null

/** Whether all ranks know of an error, so that one of them may tell it. */
export const isTold = (error: unknown): boolean => isKnown(error) && told.has(error)

/** Groups that a run has. */
const inUse = new WeakSet<Group>()

export class Ranks implements Share {
  /** Whether all have agreed to stop. */
  stopping = false
  /** Whether nobody waits for this one any more: all know that one cannot go on, or have come to the end. */
  private known = false

  private constructor(private readonly group: Group) {}

  /** The ranks that this process is one of; null where it is the only one. `ERR_BUSY` where another run has them. */
  static async open(): Promise<Ranks | null> {
    const group = await opener()
    if (group === null || group.size === 1) return null
    if (inUse.has(group))
      throw new RnnativeError(
        'ERR_BUSY',
        '[fit] parallel: another run of this process has the ranks; await or abort it',
      )
    inUse.add(group)
    return new Ranks(group)
  }

  close(): void {
    inUse.delete(this.group)
  }

  get rank(): number {
    return this.group.rank
  }

  get size(): number {
    return this.group.size
  }

  /** Whether this is the rank that writes, and tells. */
  get first(): boolean {
    return this.rank === 0
  }

  /** Of a step that may follow. */
  sums(device: DeviceName, precision: Precision): Sums {
    return this.group.sums(device, precision)
  }

  /** What all say at this place, by rank. Throws what one of them failed with. */
  async exchange<T>(place: string, value: T): Promise<T[]> {
    const all = await this.gather({ place, value })
    const failed = all.findIndex((said) => said.failed !== undefined)
    if (failed >= 0) {
      throw this.ended(failureOf(failed, all[failed] as Said))
    }
    const other = all.findIndex((said) => said.place !== place)
    if (other >= 0) {
      const at = (rank: number) => `rank ${rank} is at ${(all[rank] as Said).place}`
      throw this.ended(
        new RnnativeError(
          'ERR_ARGUMENT',
          `[fit] parallel: expected all ranks to do the same, but ${at(this.rank)} and ${at(other)}; ` +
            'give them the same data and options',
          { details: { rank: other } },
        ),
      )
    }
    return all.map((said) => said.value as T)
  }

  /** What `make` gives on the first rank, where alone it is called. */
  async tell<T>(place: string, make: () => Promise<T>): Promise<T> {
    await this.exchange(place, null)
    let said: Said = { place }
    let thrown: unknown
    if (this.first)
      try {
        said = { place, value: await make() }
      } catch (error) {
        thrown = error
        said = { place, failed: plain(error) }
      }
    const bytes = this.first ? serialize(said) : new Uint8Array()
    const heard = deserialize(await this.group.broadcast(bytes, 0)) as Said
    if (heard.failed === undefined) return (this.first ? said.value : heard.value) as T
    throw this.ended(this.first ? thrown : failureOf(0, heard))
  }

  /** Of an error that all ranks see. */
  private ended(error: unknown): unknown {
    this.known = true
    if (isKnown(error)) told.add(error)
    return error
  }

  /** All have come to the end: what follows is each one's own. */
  part(): void {
    this.known = true
  }

  /** Tells the others that this one cannot go on, unless they know. */
  async fail(error: unknown): Promise<void> {
    if (this.known) return
    this.ended(error)
    await this.gather({ place: 'its end', failed: plain(error) })
  }

  private async gather(said: Said): Promise<Said[]> {
    const all = await this.group.gather(serialize(said))
    return all.map((bytes) => deserialize(bytes) as Said)
  }
}

const plain = (error: unknown): NonNullable<Said['failed']> => {
  const { code } = (error ?? {}) as { code?: unknown }
  return {
    code: error instanceof RnnativeError ? error.code : String(code ?? 'ERR_INTERNAL'),
    message: isError(error) ? error.message : String(error),
  }
}

/** Of another rank. */
const failureOf = (rank: number, { failed }: Said): RnnativeError =>
  new RnnativeError(
    (failed?.code ?? 'ERR_INTERNAL') as ErrorCode,
    `[fit] parallel: rank ${rank}: ${failed?.message ?? ''}`,
    { details: { rank } },
  )
