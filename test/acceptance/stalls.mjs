/**
 * How long the event loop stood still while something was done: the longest time between two turns, without what the
 * thread waited for a processor that others had.
 */
import { readFileSync } from 'node:fs'

/** Nanoseconds that this thread, the process's first, has waited in a run queue. */
const waited = () => Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1])

export async function worstStall(work) {
  let worst = 0
  let [last, queued] = [performance.now(), waited()]
  const turn = () => {
    const [now, wait] = [performance.now(), waited()]
    worst = Math.max(worst, now - last - (wait - queued) / 1e6)
    ;[last, queued] = [now, wait]
  }
  const timer = setInterval(turn, 1)
  try {
    await work()
  } finally {
    await new Promise((resolve) => setTimeout(resolve, 5))
    clearInterval(timer)
  }
  return worst
}
