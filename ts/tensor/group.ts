/** The ranks of a run: processes that mpirun started, as far as they compute together. See native/comm/comm.h. */
import { existsSync } from 'node:fs'
import { RnnativeError } from '../errors'
import { messageOf } from '../kinds'
import { launchedRank, mpiLibrary } from '../mpirun'
import { native, type DeviceName } from '../native/index'
import type { Precision } from '../precision'
import type { Tensor } from './tensor'

declare module '../native/index' {
  interface NativeAddon {
    /** Opens the library and waits until all ranks have come. `timeout`: seconds without a sign of another. */
    groupOpen(
      library: string,
      timeout: number,
    ): Promise<{ rank: number; size: number; name: string }>
    /** What belongs to one step; greater than any before. */
    groupTicket(): number
    /** See {@link Sums.add}. */
    groupSum(tensor: N, bf16: boolean, ticket: number, divides: boolean): void
    /** Those of earlier tickets that have not begun never do so. */
    groupBegin(ticket: number): void
    groupWait(device: DeviceName, ticket: number): void
    /** What each rank gave. */
    groupGather(bytes: Uint8Array): Promise<Uint8Array[]>
    /** What rank `root` gave. */
    groupBroadcast(bytes: Uint8Array, root: number): Promise<[Uint8Array]>
    groupBarrier(): Promise<unknown>
    /** Ends all ranks. */
    groupAbort(message: string): void
    /** Waits for the others to leave as well, or ends them where `status` is not 0. */
    groupClose(status: number): void
  }
}

/**
 * Numbers of a step that become their sums over ranks, beside what is computed meanwhile. What was added and has not
 * begun when those of another step do never is.
 */
export interface Sums {
  /**
   * From here in queue order, `tensor` is not to be touched before {@link settle}. All ranks add alike. The first
   * is one number, by which all others are divided. A tensor that could not be computed counts as NaN.
   */
  add(tensor: Tensor): void
  /** All ranks make this step. */
  begin(): void
  /**
   * What is enqueued from here on sees the sums, the same bits on each rank. A promise where that has to be waited
   * for.
   */
  settle(): Promise<void> | null
}

/** All ranks make the same calls in the same order: of `sums` in one, of the others in another. */
export interface Group {
  /** This process's number, from 0. */
  readonly rank: number
  /** How many processes there are. */
  readonly size: number
  /** What moves the bytes, such as `Open MPI 4.1.4, thread level multiple`. */
  readonly name: string
  /** Those of a step that may follow. `precision`: what gradients are rounded to on their way. */
  sums(device: DeviceName, precision: Precision): Sums
  /** What each rank gave. */
  gather(bytes: Uint8Array): Promise<Uint8Array[]>
  /** What rank `root` gave; nobody else's is looked at. */
  broadcast(bytes: Uint8Array, root: number): Promise<Uint8Array>
  /** Resolves once all have come here. */
  barrier(): Promise<void>
  /** Ends the processes of all ranks, with a message on standard error. */
  abort(message: string): void
}

/** Seconds after which a rank that gives no sign is taken for lost. */
const TIMEOUT = 30

let opened: Promise<Group | null> | undefined

/** The group of this process, which stays open until it ends; null where it was started alone. `ERR_UNSUPPORTED`. */
export const openGroup = (): Promise<Group | null> =>
  (opened ??= launchedRank() === null ? Promise.resolve(null) : openMpi())

/** @internal Whoever started this process. */
export async function openMpi(): Promise<Group> {
  const library = mpiLibrary()
  const fail = (problem: string, cause?: unknown) =>
    new RnnativeError(
      'ERR_UNSUPPORTED',
      `[parallel] ${problem}: npx rnnative build mpi builds it for the MPI that is installed here`,
      { cause },
    )
  if (!existsSync(library)) throw fail(`mpirun started this process, but there is no ${library}`)
  const given = Number(process.env['RNNATIVE_MPI_TIMEOUT'] ?? TIMEOUT)
  const timeout = given > 0 && given < Infinity ? Math.max(1, given) : TIMEOUT
  const found = await native.groupOpen(library, timeout).catch((error: unknown) => {
    throw fail(messageOf(error).replace(/^\[\w+\] /, ''), error)
  })
  process.on('exit', (status) => native.groupClose(status & 255))
  return {
    ...found,
    sums(device, precision) {
      const ticket = native.groupTicket()
      let first = true
      return {
        add({ handle }) {
          native.groupSum(handle, precision === 'bf16', ticket, first)
          first = false
        },
        begin: () => native.groupBegin(ticket),
        settle: () => (native.groupWait(device, ticket), null),
      }
    },
    gather: (bytes) => native.groupGather(bytes),
    broadcast: async (bytes, root) => (await native.groupBroadcast(bytes, root))[0],
    barrier: async () => void (await native.groupBarrier()),
    abort: (message) => native.groupAbort(message),
  }
}
