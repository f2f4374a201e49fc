import { SingleBar } from 'cli-progress'
import type { RunPlan, TrainingEvent, Watcher } from '../train'
import { formatCount, formatSeconds } from './output'

/** What of a `tty.WriteStream` is asked for. */
export interface Terminal {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export interface BarOptions {
  /** A terminal to draw on. Default: standard error. */
  stream?: Terminal | undefined
}

/** The widest and the narrowest that the bar itself may be. */
const WIDTH = 24
const NARROW = 8

/** Bars on terminals now: each takes its line away for what is written and draws it again. */
const drawn = new Set<(write: () => void) => void>()

/** Writes what would else run into a bar on the same terminal. */
export function aboveBars(write: () => void): void {
  let all = write
  for (const around of drawn) {
    const inner = all
    all = () => around(inner)
  }
  all()
}

/**
 * A bar on a terminal with loss, speed and time left, in one line of its width; nothing where there is no
 * terminal.
 */
export function bar({ stream = process.stderr }: BarOptions = {}): Watcher {
  if (!stream.isTTY) return { event: () => undefined }
  let plan: RunPlan | null = null
  let payload: Payload | null = null
  let line = ''
  const single = new SingleBar({
    stream: stream as NodeJS.WritableStream,
    format: (_options, _state, shown) => (line = fitLine(shown as Payload, stream.columns || 80)),
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    gracefulExit: false,
  })
  const around = (write: () => void) => {
    single.stop()
    write()
    if (payload !== null) single.start(1, payload.share, payload)
  }
  return {
    begin(begun) {
      plan = begun
      payload = null
    },
    event(event) {
      const left = secondsLeft(event, plan)
      const share = Number.isFinite(left) ? event.seconds / (event.seconds + left) : 0
      const validation = event.validation?.loss ?? payload?.validation ?? null
      payload = { event, validation, left, share }
      if (drawn.has(around)) single.update(share, payload)
      else single.start(1, share, payload)
      drawn.add(around)
    },
    end() {
      if (!drawn.delete(around)) return
      single.stop()
      stream.write(`${line}\n`)
    },
  }
}

interface Payload {
  event: TrainingEvent
  /** The last validation loss. */
  validation: number | null
  left: number
  /** Of the run that is done; 0 where its end is not known. */
  share: number
}

/** The line at the first way of writing it that fits: what is told least well goes first. */
function fitLine({ event, validation, left, share }: Payload, columns = 80): string {
  const percent = `${Math.floor(share * 100)}%`.padStart(4)
  const loss = `loss ${event.loss.toFixed(4)}`
  const validated = validation === null ? '' : validation.toFixed(4)
  const rest = [
    `${formatCount(event.itemsPerSecond)} ${event.unit}/s`,
    `${Number.isFinite(left) ? formatSeconds(left) : '?'} left`,
  ]
  const long = validated && `${loss} (validation ${validated})`
  const short = validated ? `${loss} (${validated})` : loss
  const ways = [
    [percent, `epoch ${event.epoch}`, long || short, ...rest],
    [percent, `epoch ${event.epoch}`, short, ...rest],
    [percent, short, ...rest],
  ].map((parts) => parts.join(' | '))
  const text = ways.find((way) => way.length + NARROW < columns) ?? ways.at(-1) ?? ''
  const width = Math.min(WIDTH, columns - 1 - text.length)
  if (width < NARROW) return text.slice(0, columns)
  const done = Math.round(share * width)
  return `${'\u2588'.repeat(done)}${'\u2591'.repeat(width - done)} ${text}`
}

/** Until the limit that comes first, at the pace of this run; infinite where there is none. */
function secondsLeft({ seconds, step }: TrainingEvent, plan: RunPlan | null): number {
  if (plan === null) return Infinity
  const { steps, maxSeconds, begun } = plan
  const perStep = (seconds - begun.seconds) / (step - begun.step)
  const bySteps = steps === null ? Infinity : (steps - step) * perStep
  return Math.max(0, Math.min(bySteps, (maxSeconds ?? Infinity) - seconds))
}
