import { RnnativeError } from '../../errors'
import { tensor } from '../create'
import { native } from '../native'
import { checkShape, formatShape, shapeError } from '../shape'
import { Tensor } from '../tensor'
import { checkDevice, checkReal, result } from './support'
import { embedding } from './layers'
import { reshape } from './shape'

/** Adds `values[i]` to the score of token `tokens[i]` after row `rows[i]`; -Infinity forbids it. */
export interface Penalties {
  rows: Int32Array | readonly number[]
  tokens: Int32Array | readonly number[]
  values: Float64Array | Float32Array | readonly number[]
}

export interface TopkOptions {
  /** Hypotheses of a sentence, one after another among the rows. Default 1. */
  beams?: number | undefined
  k: number
  penalties?: Penalties | null | undefined
}

export interface TopkResult {
  /** i32 [sentences, k], best first: beam * vocabulary + token; -1 where no more are possible. */
  indices: Tensor
  /** [sentences, k]; -Infinity with an index of -1. */
  scores: Tensor
}

/**
 * The k best continuations of each sentence's hypotheses. logits: [rows, vocabulary]; scores: [rows],
 * what each hypothesis has so far, -Infinity for one that must not go on. A continuation scores
 * `scores[row] + logSoftmax(logits[row])[token]` and its penalties. Records no gradients.
 */
export function topk(
  logits: Tensor,
  scores: Tensor,
  { beams = 1, k, penalties }: TopkOptions,
): TopkResult {
  const op = 'topk'
  checkReal(op, 'logits', logits)
  if (logits.dims !== 2)
    throw shapeError(op, 'logits', '[rows, vocabulary]', formatShape(logits.shape))
  const rows = logits.shape[0] as number
  checkDevice(op, logits, { scores })
  checkShape(op, 'scores', scores.shape, [rows])
  const count = penalties?.rows.length ?? 0
  const own: Tensor[] = []
  if (penalties && count > 0) {
    checkShape(op, 'penalties.tokens', [penalties.tokens.length], [count])
    checkShape(op, 'penalties.values', [penalties.values.length], [count])
    const { device } = logits
    own.push(
      tensor(Int32Array.from(penalties.rows), [count], { device }),
      tensor(Int32Array.from(penalties.tokens), [count], { device }),
      tensor(Float64Array.from(penalties.values), [count], { device, dtype: logits.dtype }),
    )
  }
  const at = (i: number) => own[i]?.handle ?? null
  const made = native.topk(logits.handle, scores.handle, beams, k, at(0), at(1), at(2))
  for (const x of own) x.dispose()
  const shape = [rows / beams, k]
  const indices = new Tensor({
    handle: made.indices,
    shape: Object.freeze([...shape]),
    dtype: 'i32',
    device: logits.device,
  })
  return { indices, scores: result(made.scores, shape, logits) }
}

/**
 * Rows of the batch in another order, as a search needs after it has chosen hypotheses: y[.., i, :] =
 * x[.., rows[i], :]. x: [batch, features] or [layers, batch, features].
 */
export function takeRows(x: Tensor, rows: Int32Array | readonly number[]): Tensor {
  checkReal('takeRows', 'x', x)
  if (x.dims !== 2 && x.dims !== 3)
    throw shapeError('takeRows', 'x', '[..., batch, features]', formatShape(x.shape))
  const [batch, features] = x.shape.slice(-2) as [number, number]
  const layers = x.dims === 3 ? (x.shape[0] as number) : 1
  for (const row of rows)
    if (!(Number.isInteger(row) && row >= 0 && row < batch))
      throw new RnnativeError(
        'ERR_INDEX',
        `[takeRows] rows: expected integers in 0..${batch - 1}, got ${row}`,
      )
  const ids = new Int32Array(layers * rows.length)
  for (let layer = 0; layer < layers; ++layer)
    rows.forEach((row: number, i: number) => (ids[layer * rows.length + i] = layer * batch + row))
  const lead = x.dims === 3 ? [layers, rows.length] : [rows.length]
  const flat = reshape(x, [layers * batch, features])
  const which = tensor(ids, lead, { device: x.device })
  const y = embedding(which, flat)
  for (const temporary of [flat, which]) temporary.dispose()
  return y
}
