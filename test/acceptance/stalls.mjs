/**
 * How long the event loop stood still while something was done: the longest time between two turns, in milliseconds.
 * `wall` is that time without what the thread waited for a processor that others had. `own` is what the thread computed
 * meanwhile, and the engine's, which a call may wait for: on a machine that others use, too, `wall` has what the garbage
 * collector's threads waited for them.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Nanoseconds that a thread has run, and waited in a run queue. */
const spentBy = (thread) =>
  readFileSync(`/proc/self/task/${thread}/schedstat`, 'latin1').split(' ').map(Number)

/** The engine's thread, where it has one yet. */
const engine = () =>
  readdirSync('/proc/self/task').find(
    (thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'latin1') === 'rnnative\n',
  )

function spent(other) {
  const [ran, waited] = spentBy(process.pid)
  const computed = ran + (other === undefined ? 0 : spentBy(other)[0])
  return { wall: performance.now() - waited / 1e6, own: computed / 1e6 }
}

export async function worstStall(work) {
  const other = engine()
  const worst = { own: 0, wall: 0 }
  let last = spent(other)
  const turn = () => {
    const now = spent(other)
    const wall = now.wall - last.wall
    worst.wall = Math.max(worst.wall, wall)
    worst.own = Math.max(worst.own, Math.min(wall, now.own - last.own))
    last = now
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
