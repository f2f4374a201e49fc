import { RnnativeError } from '../errors'

/** Targets of this value are not scored. */
export const IGNORED = -100

/** Inputs and targets, time-major: [steps, rows] each. */
export interface Window {
  /** Tokens of its streams that precede it. */
  begin: number
  steps: number
  rows: number
  inputs: Int32Array
  /** The token after each input. */
  targets: Int32Array
}

/**
 * One long text as `batch` parallel streams, cut into windows of `steps` tokens: row b of window w
 * continues row b of window w - 1, so that state carries over and only gradients are truncated. Where
 * the length is no multiple of `steps`, some windows are a step shorter, rather than the last one by
 * many: no step learns from a scrap of text, and memory for one shape serves them all. What does not
 * fill the streams evenly (fewer than `batch` tokens) is left out.
 *
 * Throws `ERR_EMPTY` when a stream is shorter than one window.
 */
export class TokenStreams {
  readonly batch: number
  readonly steps: number
  /** Predictions per stream in a pass over the text. */
  readonly length: number
  private readonly tokens: Int32Array

  constructor(tokens: Int32Array, { batch, steps }: { batch: number; steps: number }) {
    this.tokens = tokens
    this.batch = batch
    this.steps = steps
    this.length = Math.floor((tokens.length - 1) / batch)
    if (this.length < steps)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[fit] text: expected at least ${batch * steps + 1} tokens for one window of ` +
          `${batch} x ${steps}, got ${tokens.length}; use more text or a smaller batch`,
      )
  }

  /** Windows in a pass. */
  get windows(): number {
    return Math.ceil(this.length / this.steps)
  }

  private beginOf(window: number): number {
    return Math.floor((window * this.length) / this.windows)
  }

  /** Rows [firstRow, firstRow + rows) of one window; all rows unless given. */
  window(index: number, firstRow = 0, rows = this.batch): Window {
    const begin = this.beginOf(index)
    const steps = this.beginOf(index + 1) - begin
    const inputs = new Int32Array(steps * rows)
    const targets = new Int32Array(steps * rows)
    for (let row = 0; row < rows; ++row) {
      let source = (firstRow + row) * this.length + begin
      for (let at = row; at < inputs.length; at += rows) {
        inputs[at] = this.tokens[source++] as number
        targets[at] = this.tokens[source] as number
      }
    }
    return { begin, steps, rows, inputs, targets }
  }
}
