import { ALONE, shareOf, type Share } from './feed'
import { IGNORED, type Window } from './streams'

/** Tokens that a stream reads before it is scored, so that its state has settled. */
const CONTEXT = 256
/** Scored tokens a stream should have at least, to be worth its context. */
const SCORED = 1024
const MAX_STREAMS = 64

/** Of each row the place in the text of its first input. */
export interface EvaluationWindow extends Window {
  places: readonly number[]
}

/**
 * Cuts a text into windows that score every token but the first once. For speed the text is read by
 * several streams side by side; each but the first starts with CONTEXT tokens that an earlier stream
 * scores, so that the result differs from reading in one go by less than a thousandth.
 *
 * All streams have the same length: stream b reads from b * stride on, stream 0 is scored from its
 * beginning and the others from their CONTEXT-th token on. Ranks share the streams.
 */
export function* evaluationWindows(
  tokens: Int32Array,
  steps: number,
  share: Share = ALONE,
): Generator<EvaluationWindow> {
  const total = tokens.length - 1 // predictions
  const all = Math.max(1, Math.min(MAX_STREAMS, Math.floor((total - CONTEXT) / SCORED)))
  const context = all === 1 ? 0 : CONTEXT
  const stride = Math.ceil((total - context) / all)
  const length = context + stride
  const [firstRow, endRow] = shareOf(all, share)
  const rows = endRow - firstRow
  if (rows === 0) return
  for (let begin = 0; begin < length; begin += steps) {
    const count = Math.min(steps, length - begin)
    const inputs = new Int32Array(count * rows)
    const targets = new Int32Array(count * rows).fill(IGNORED)
    for (let row = 0; row < rows; ++row)
      for (let step = 0; step < count; ++step) {
        const source = (firstRow + row) * stride + begin + step
        if (source >= total) break
        inputs[step * rows + row] = tokens[source] as number
        if (firstRow + row === 0 || begin + step >= context)
          targets[step * rows + row] = tokens[source + 1] as number
      }
    const places = Array.from({ length: rows }, (_, row) => (firstRow + row) * stride + begin)
    yield { begin, steps: count, rows, inputs, targets, places }
  }
}
