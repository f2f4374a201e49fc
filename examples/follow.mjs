// What the demos share: following a run as it learns.
import { TrainingBar } from '#dist/watch/bar.js'

/** A number for people: whole, in groups of three digits. */
export const count = (n) => Math.round(n).toLocaleString('en')

/**
 * Awaits a run of so many seconds, with a bar on a terminal, else with a line every 5 seconds: its
 * result, and its curves for a report.
 */
export async function follow(run, maxSeconds) {
  const curves = { training: [], validation: [] }
  const bar = process.stderr.isTTY ? new TrainingBar({ seconds: maxSeconds }) : null
  let told = 0
  for await (const event of run) {
    const { step, loss, seconds, tokensPerSecond } = event
    curves.training.push({ step, loss })
    if (event.validation) curves.validation.push({ step, loss: event.validation.loss })
    bar?.update(event)
    if (bar || seconds - told < 5) continue
    told = seconds
    const left = Math.max(0, maxSeconds - seconds)
    console.log(
      `step ${step}: loss ${loss.toFixed(3)}, ${count(tokensPerSecond)} tokens/s, ${left.toFixed(0)} s left`,
    )
  }
  bar?.stop()
  return { ...(await run), curves }
}
