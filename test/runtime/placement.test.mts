import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import test from 'ava'
import { ops, randn, setThreads, synchronize } from 'rnnative'

const statusOf = (thread: string) => readFileSync(`/proc/self/task/${thread}/status`, 'utf8')

/** The processors that a thread of this process may run on, as a bit mask. */
function allowed(thread: string): bigint {
  const status = statusOf(thread)
  const mask = /^Cpus_allowed:\s+(\S+)/m.exec(status)?.[1] ?? ''
  return BigInt(`0x${mask.replaceAll(',', '')}`)
}

const linux = process.platform === 'linux' ? test.serial : test.serial.skip

linux('threads keep to the processors of the process, and are not tied to one', async (t) => {
  const whole = allowed(`${process.pid}`)
  using a = randn([64, 64], { seed: 1 })
  using b = randn([64, 64], { seed: 2 })
  const multiply = async (): Promise<void> => {
    for (let i = 0; i < 50; ++i) ops.matmul(a, b).dispose()
    await synchronize()
  }
  for (const threads of [2, 3, 2]) {
    setThreads(threads)
    for (let burst = 0; burst < 5; ++burst) {
      await multiply()
      for (const thread of readdirSync('/proc/self/task')) {
        const mask = allowed(thread)
        t.true(mask !== 0n && (mask & ~whole) === 0n)
      }
      await pause(20)
    }
  }
  setThreads(1)
  await multiply()
  // The team sleeps from now on; the engine's own thread is free again after a while.
  await pause(150)
  await multiply()
  for (const thread of readdirSync('/proc/self/task'))
    if (!statusOf(thread).includes('rnnative team')) t.is(allowed(thread), whole)
})
