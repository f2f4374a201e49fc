import type { Watcher } from '../train'
import { aboveBars } from '../watch/bar'
import { formatLoss } from '../watch/output'

/** Nats a token that nothing has which learns: a token in e^100 would be the right one. */
const DIVERGED = 100

const note = (text: string): void => aboveBars(() => void process.stderr.write(`note: ${text}\n`))

/** Says on stderr when a run goes astray, and at its end where it has not come back. */
export function tellDivergence(): Watcher {
  let told = false
  let loss = 0
  return {
    event({ step, ...event }) {
      loss = Math.max(event.loss, event.validation?.loss ?? 0)
      if (told || loss < DIVERGED) return
      told = true
      note(
        `step ${step}: a loss of ${formatLoss(loss)} nats, the run diverges: ` +
          'try a lower --learning-rate or --clip-norm',
      )
    },
    end() {
      if (loss >= DIVERGED) note(`the run has diverged, to a loss of ${formatLoss(loss)} nats`)
    },
  }
}
