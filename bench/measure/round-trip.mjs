// How far apart two cores are: nanoseconds for a cache line to go from one to the other and back. A hypervisor
// moves virtual processors about, and two that share an L3 cache are four to five times as close as two that do
// not, which work that is shared between threads feels; so a row tells how far they were apart.
import { parentPort, Worker, workerData } from 'node:worker_threads'

const [TRIPS, BATCHES] = [4000, 15]

/** Takes turns with the other thread, which makes the even moves; gives nanoseconds a round. */
function play(shared, odd) {
  const times = []
  for (let batch = 0, move = odd; batch < BATCHES; ++batch) {
    const began = performance.now()
    for (let trip = 0; trip < TRIPS; ++trip, move += 2) {
      while (Atomics.load(shared, 0) !== move);
      Atomics.store(shared, 0, move + 1)
    }
    times.push(((performance.now() - began) * 1e6) / TRIPS)
  }
  return times.sort((a, b) => a - b)
}

/** The median over batches. */
export async function roundTrip() {
  const shared = new Int32Array(new SharedArrayBuffer(64))
  const worker = new Worker(new URL(import.meta.url), { workerData: shared })
  await new Promise((resolve) => worker.once('message', resolve))
  const times = play(shared, 0)
  await worker.terminate()
  return Math.round(times[BATCHES >> 1])
}

if (workerData instanceof Int32Array) {
  parentPort.postMessage('ready')
  play(workerData, 1)
}
