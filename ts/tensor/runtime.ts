import { checkFunction } from '../check'
import { native, type DeviceName, type NativeInfo } from '../native/index'
import type { NativeMemory, NativeProfileRow } from '../native/index'

/** The instruction set in use, threads, limits and build of this process. */
export const info = (): NativeInfo => native.info()

/** Live tensors and bytes per device, the limit of the host's memory, and ops still queued. */
export const memory = (): NativeMemory => native.memory()

/** Limits the host's memory, in bytes; 0 restores the default (from the cgroup and free memory). */
export const setMemoryLimit = (bytes: number): void => native.setMemoryLimit(bytes)

/** @internal Bytes that all tensors of a device may take together. */
export const memoryOf = (device: DeviceName): number =>
  device === 'cuda' ? native.cudaProbe().memory : native.memory().limit

/** Sets the team's size, in queue order; 0 restores the default. Results do not depend on it. */
export const setThreads = (threads: number): void => native.setThreads(threads)

/** Resolves when all submitted work has run; rejects with the first failure that was not yet read. */
export const synchronize = (): Promise<void> => native.synchronize()

/**
 * Runs `body` and tells how long its ops took on the engine, all of this process's included. Steps of
 * `fit` that run as CUDA graphs count as one op, `program`.
 */
export async function profile(body: () => unknown): Promise<NativeProfileRow[]> {
  checkFunction('profile', 'body', body)
  native.profileStart()
  try {
    await body()
    await native.synchronize()
  } catch (error) {
    await native.profileStop()
    throw error
  }
  return native.profileStop()
}

/**
 * GFLOP/s of this process's CPU backend at its best, on all threads of the team: f32 multiply-adds that
 * stay in registers, each counted as two operations. Takes about `seconds` (at most 1) of all threads.
 * A yardstick for measurements made beside it, since clocks change and machines are shared.
 */
export async function peakGflops(seconds = 0.2): Promise<number> {
  const scalar = native.peak('cpu', seconds)
  try {
    return (await native.read(scalar))[0] as number
  } finally {
    native.dispose(scalar)
  }
}
