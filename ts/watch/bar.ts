import { SingleBar } from 'cli-progress'
import type { RunPlan, TrainingEvent, Watcher } from '../train'
import { formatCount, formatLoss, formatSeconds } from './output'
import { outputOf } from './stream'

/** What of a `tty.WriteStream` is asked for. */
export interface Terminal {
  /** Whether it can move back in a line. */
  readonly isTTY?: boolean | undefined
  /** How wide it is. */
  readonly columns?: number | undefined
  /** Writes at once. */
  write(text: string): unknown
}

/** Options of {@link bar}. */
export interface BarOptions {
  /** A terminal to draw on. Default: standard error. */
  stream?: Terminal | undefined
}

/** The widest and the narrowest that the bar itself may be. */
const WIDTH = 24
const NARROW = 8

/** Bars on terminals now: each takes its line away for what is written and draws it again. */
const drawn = new Map<(write: () => void) => void, Terminal>()

/** Cursor and line wrap, which a bar does without. */
const SHOW_AND_WRAP = '\x1b[?25h\x1b[?7h\n'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

function restore(): void {
  for (const terminal of new Set(drawn.values())) terminal.write(SHOW_AND_WRAP)
  drawn.clear()
}

/** Ends the process as the signal would have, unless somebody else heeds it. */
function restoreAtSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  restore()
  unguard()
  process.kill(process.pid, signal)
}

/** Restores terminals from now on where the process ends with a bar on one. */
function guard(): void {
  process.on('exit', restore)
  for (const signal of SIGNALS) process.on(signal, restoreAtSignal)
}

function unguard(): void {
  process.off('exit', restore)
  for (const signal of SIGNALS) process.off(signal, restoreAtSignal)
}

function draw(around: (write: () => void) => void, terminal: Terminal): void {
  if (drawn.size === 0) guard()
  drawn.set(around, terminal)
}

function undraw(around: (write: () => void) => void): boolean {
  const was = drawn.delete(around)
  if (was && drawn.size === 0) unguard()
  return was
}

/** Writes what would else run into a bar on the same terminal. */
export function aboveBars(write: () => void): void {
  let all = write
  for (const around of drawn.keys()) {
    const inner = all
    all = () => around(inner)
  }
  all()
}

/**
 * A bar on a terminal with loss, speed and time left, in one line of its width; nothing where there is no
 * terminal.
 */
export function bar(options: BarOptions = {}): Watcher {
  const output = outputOf<Terminal>('bar', options, process.stderr)
  const { stream } = output
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
    try {
      write()
    } finally {
      if (payload !== null) single.start(1, payload.share, payload)
    }
  }
  return {
    begin(begun) {
      output.begin()
      plan = begun
      payload = null
    },
    event(event) {
      if (output.isLost && undraw(around)) single.stop()
      output.check()
      const left = secondsLeft(event, plan)
      const share = Number.isFinite(left) ? event.seconds / (event.seconds + left) : 0
      const validation = event.validation?.loss ?? payload?.validation ?? null
      payload = { event, validation, left, share }
      if (drawn.has(around)) single.update(share, payload)
      else single.start(1, share, payload)
      if (!drawn.has(around)) draw(around, stream)
    },
    end() {
      if (undraw(around)) {
        single.stop()
        output.write(`${line}\n`)
      }
      output.end()
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
  const loss = `loss ${formatLoss(event.loss)}`
  const validated = validation === null ? '' : formatLoss(validation)
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
    [percent, loss, ...rest],
    [loss, ...rest],
    rest,
  ].map((parts) => parts.join(' | '))
  const text = (ways.find((way) => way.length + NARROW < columns) ??
    ways.find((way) => way.length < columns) ??
    ways.at(-1)) as string
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
