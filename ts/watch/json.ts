import type { Watcher } from '../train'
import type { LinesOptions } from './lines'
import { streamOf } from './output'

/**
 * A line of JSON for each event, for programs: `{ event: 'start', ... }` with the {@link RunPlan}, its facts among
 * its fields; `{ event: 'step', ... }` as {@link TrainingEvent} has it; `{ event: 'end', ... }` with the
 * {@link TrainingResult}. A number that is not finite is null. An error is left to whoever awaits the run.
 */
export function json(options: LinesOptions = {}): Watcher {
  const stream = streamOf('json', options, process.stdout)
  const print = (event: string, value: object) =>
    stream.write(`${JSON.stringify({ event, ...value })}\n`)
  return {
    begin: ({ facts, ...plan }) => void print('start', { ...facts, ...plan }),
    event: (event) => void print('step', event),
    end: (outcome) => void ('result' in outcome && print('end', outcome.result)),
  }
}
