import { checkPath } from '../check'
import { expect } from '../errors'
import type { TrainingEvent, Watcher } from '../train'
import { EventFile } from './event-file'
import { prepare } from './prepare'
import { eventEncoder, scalarValue, SESSION_START, textValue, type Value } from './event-format'

/** What {@link tensorboard} gives: a watcher that writes what TensorBoard reads. */
export interface TensorBoard extends Required<Watcher> {
  /**
   * Writes a text, such as a sample of what the model writes, at the last step told, or at `step`. TensorBoard
   * shows it as Markdown.
   */
  text(tag: string, text: string, step?: number): void
}

/**
 * Writes event files that TensorBoard reads, also while the run goes on: one more file in the directory for
 * every run, so that a resumed one goes on where the last one was. Each step has `train/loss`,
 * `train/gradient_norm`, `train/learning_rate`, `train/items_per_second`, the measures, `train/penalty/…` and,
 * where weights are pruned, `train/sparsity`; each validation
 * `validation/loss` and its measures.
 *
 * Takes the packages protobufjs and @node-rs/crc32, which are not installed with rnnative: without them
 * `ERR_ARGUMENT`. A directory that cannot be written in is an `ERR_IO`, now; what goes wrong later drops the
 * watcher and lets the run go on.
 */
export function tensorboard(directory: string): TensorBoard {
  checkPath('tensorboard', 'directory', directory)
  const encode = eventEncoder()
  prepare('tensorboard', directory)
  let file: EventFile | null = null
  let last = 0
  // A text may come before the run and after it.
  const open = () => (file ??= new EventFile(directory, encode))
  return {
    begin({ begun }) {
      last = begun.step
      file = new EventFile(directory, encode)
      file.event(last + 1, SESSION_START)
    },
    event(event) {
      last = event.step
      open().check()
      open().event(last, { summary: { value: scalars(event) } })
    },
    async end() {
      await file?.flushed()
    },
    text(tag, text, step = last) {
      expect('tensorboard', 'tag', typeof tag === 'string' && tag !== '', 'a name', tag)
      expect('tensorboard', 'text', typeof text === 'string', 'a string', text)
      expect('tensorboard', 'step', Number.isSafeInteger(step), 'a whole number', step)
      open().event(step, { summary: { value: [textValue(tag, text)] } })
    },
  }
}

function scalars(event: TrainingEvent): Value[] {
  const { loss, gradientNorm, learningRate, itemsPerSecond, validation } = event
  const { measures = {}, penalties = {}, sparsity } = event
  const train = { loss, gradient_norm: gradientNorm, learning_rate: learningRate }
  const speed = { items_per_second: itemsPerSecond }
  return [
    ...named('train', {
      ...measures,
      ...train,
      ...speed,
      ...(sparsity !== undefined && { sparsity }),
    }),
    ...named('train/penalty', penalties),
    ...named('validation', validation ? { ...validation.measures, loss: validation.loss } : {}),
  ]
}

const named = (group: string, values: Readonly<Record<string, number>>): Value[] =>
  Object.entries(values).map(([name, value]) => scalarValue(`${group}/${name}`, value))
