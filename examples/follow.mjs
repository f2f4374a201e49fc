// What the demos share: following a run as it learns.
import { watch } from 'rnnative'

/** A number for people: whole, in groups of three digits. */
export const count = (n) => Math.round(n).toLocaleString('en')

/** A watcher for a demo: a bar on a terminal, else a line every 5 seconds. */
export function progress() {
  if (process.stderr.isTTY) return watch.bar()
  let told = 0
  let plan
  return {
    begin: (begun) => void (plan = begun),
    event({ step, loss, seconds, itemsPerSecond, unit }) {
      if (seconds - told < 5) return
      told = seconds
      const left = Math.max(0, plan.maxSeconds - seconds).toFixed(0)
      console.log(
        `step ${step}: loss ${loss.toFixed(3)}, ${count(itemsPerSecond)} ${unit}/s, ${left} s left`,
      )
    },
  }
}

/** A run's result, and its curves for a report. */
export async function follow(run) {
  const curves = { training: [], validation: [] }
  for await (const { step, loss, validation } of run) {
    curves.training.push({ step, loss })
    if (validation) curves.validation.push({ step, loss: validation.loss })
  }
  return { ...(await run), curves }
}
