import { native, type NativeInfo, type NativeMemory, type NativeProfileRow } from './native'

/** The instruction set in use, threads, limits and build of this process. */
export const info = (): NativeInfo => native.info()

/** Live tensors and bytes per device, the allocator's limit, and ops still queued. */
export const memory = (): NativeMemory => native.memory()

/** Sets the allocator's limit in bytes; 0 restores the default (from the cgroup and free memory). */
export const setMemoryLimit = (bytes: number): void => native.setMemoryLimit(bytes)

/** Sets the team's size, in queue order; 0 restores the default. Results do not depend on it. */
export const setThreads = (threads: number): void => native.setThreads(threads)

/** Resolves when all submitted work has run; rejects with the first failure that was not yet read. */
export const synchronize = (): Promise<void> => native.synchronize()

/** Runs `body` and tells how long its ops took on the engine, all of this process's included. */
export async function profile(body: () => unknown): Promise<NativeProfileRow[]> {
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
