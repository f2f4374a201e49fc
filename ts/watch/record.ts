import { join } from 'node:path'
import { checkPath } from '../check'
import { expect } from '../errors'
import { EVENTS_FILE } from '../io/model-directory'
import type { TrainingEvent, Watcher } from '../train'
import { AppendedFile } from './appended-file'
import { prepare } from './prepare'

/** What tells a run's story to `rnnative watch`. */
export interface RunRecord extends Required<Watcher> {
  /** A text, such as a sample of what the model writes, at the last step told. */
  text(tag: string, text: string): void
}

/** Milliseconds between two looks at the process's memory. */
const LOOKING = 1000

/**
 * Writes `events.jsonl` into a directory, as a rule that of the run's checkpoints, for `rnnative watch`: lines as
 * {@link json} has them, numbers to seven digits, with the process's memory in bytes. Every run is appended; who reads
 * takes the last one, and what it resumed. Nothing is written, nor the directory made, before the first step.
 */
export function record(directory: string): RunRecord {
  checkPath('record', 'directory', directory)
  const file = new AppendedFile('record', join(directory, EVENTS_FILE))
  let [last, looked] = [0, -Infinity]
  /** Written with what comes first. */
  let start: string | null = null
  const line = (event: string, value: object) =>
    `${JSON.stringify({ event, ...value }, (_, inner: unknown) => short(inner))}\n`
  const write = (text: string) => {
    if (start !== null) prepare('record', directory)
    file.check()
    file.write(Buffer.from((start ?? '') + text))
    start = null
  }
  return {
    begin({ facts, ...plan }) {
      last = plan.begun.step
      // On a line of its own, also where a process that was killed has left half of one.
      start = `\n${line('start', { time: Date.now() / 1000, ...facts, ...plan })}`
    },
    event(event) {
      last = event.step
      const now = performance.now()
      const look = now - looked > LOOKING
      if (look) looked = now
      write(line('step', { ...told(event), ...(look && { memory: process.memoryUsage.rss() }) }))
    },
    async end(outcome) {
      const result = 'result' in outcome ? outcome.result : { stopped: 'error' }
      if (start === null) write(line('end', { time: Date.now() / 1000, ...result }))
      await file.flushed()
    },
    text(tag, text) {
      expect('record', 'tag', typeof tag === 'string' && tag !== '', 'a name', tag)
      expect('record', 'text', typeof text === 'string', 'a string', text)
      write(line('text', { step: last, tag, text }))
    },
  }
}

/** Of a step, what its plan has not told. */
function told(event: TrainingEvent & { tokens?: number; tokensPerSecond?: number }): object {
  const { unit: _, tokens: _t, tokensPerSecond: _s, ...own } = event
  return own
}

const short = (value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value
