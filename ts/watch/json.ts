import type { Watcher } from '../train'
import type { LinesOptions } from './lines'
import { outputOf } from './stream'

/**
 * A line of JSON for each event, for programs: `{ event: 'start', ... }` with the {@link RunPlan}, its facts among
 * its fields; `{ event: 'step', ... }` as {@link TrainingEvent} has it; `{ event: 'end', ... }` with the
 * {@link TrainingResult}. A number that is not finite is null. An error is left to whoever awaits the run.
 */
export function json(options: LinesOptions = {}): Watcher {
  const output = outputOf('json', options, process.stdout)
  const print = (event: string, value: object) =>
    output.write(`${JSON.stringify({ event, ...value })}\n`)
  return {
    begin: ({ facts, ...plan }) => print('start', { ...facts, ...plan }),
    event: (event) => print('step', event),
    end(outcome) {
      if ('result' in outcome) print('end', outcome.result)
      output.end()
    },
  }
}
