import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { memory, synchronize, type DeviceName } from 'rnnative'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Storages in use once the queue is empty; those left to the collector count until it runs. */
export async function liveStorages(device: DeviceName = 'cpu'): Promise<number> {
  await synchronize()
  return memory().devices[device]?.tensors ?? 0
}

/** Runs the garbage collector and the finalizers, so that leftovers of earlier tests do not count. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; ++i) {
    collect()
    await setImmediate()
  }
}
