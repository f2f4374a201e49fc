import { checkChoice, optionsOf, type Names } from '../check'
import { RnnativeError } from '../errors'
import { record, tracks } from '../tensor/autograd'
import { tensor } from '../tensor/create'
import { native, type Real } from '../native/index'
import { checkShape, formatShape, shapeError } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { borrowIntegers, checkDevice, checkReal, reals, type Integers } from './support'

/** How queries are scored against keys: RnScore in native/abi/backend.h. */
export type AttentionScore = 'additive' | 'dot' | 'scaled_dot'

declare module '../native/index' {
  interface NativeAddon {
    /**
     * queries: [Tq, B, A], keys: [Tk, B, A], values: [Tk, B, V]; v: [A] where score is 'additive', else
     * null; lengths: i32 [B] or null. context: [Tq, B, V], weights: [Tq, B, Tk].
     */
    attention(
      score: AttentionScore,
      queries: N,
      keys: N,
      values: N,
      v: Maybe,
      queryLengths: Maybe,
      memoryLengths: Maybe,
    ): { context: N; weights: N }
    /** sinks: [dqueries, dkeys, dvalues, dv]; weights as forward made them. */
    attentionBackward(
      score: AttentionScore,
      queries: N,
      keys: N,
      values: N,
      v: Maybe,
      queryLengths: Maybe,
      memoryLengths: Maybe,
      weights: N,
      dcontext: Maybe,
      dweights: Maybe,
      sinks: Sinks,
      add: number,
    ): void
  }
}

/** What {@link attention} takes besides tensors. */
export interface AttentionArguments {
  /**
   * `additive`: v · tanh(q + k) (Bahdanau et al. 2015), `dot`: q · k, `scaled_dot`: q · k / sqrt(A)
   * (Vaswani et al. 2017).
   */
  score: AttentionScore
  /** [A]; with additive scores only. */
  v?: Tensor | null | undefined
  /** Real queries of each row, 0..Tq; all unless given. */
  queryLengths?: Integers | null | undefined
  /** Real keys of each row, 0..Tk; all unless given. A row without any gets a context of zeros. */
  memoryLengths?: Integers | null | undefined
}

/** What {@link attention} gives. */
export interface AttentionResult {
  /** `[Tq, batch, V]`: values averaged by the weights. */
  context: Tensor<Real>
  /** `[Tq, batch, Tk]`: each query's distribution over the keys; zero past a length. */
  weights: Tensor<Real>
}

const NAMES: Names<AttentionArguments> = {
  ...{ score: true, v: true, queryLengths: true, memoryLengths: true },
}
const SCORES: readonly AttentionScore[] = ['additive', 'dot', 'scaled_dot']

function check(queries: Tensor, keys: Tensor, values: Tensor, settings: AttentionArguments): void {
  const op = 'attention'
  const { score, v = null } = optionsOf(op, settings, NAMES)
  checkChoice(op, 'score', score, SCORES)
  const steps = { queries, keys, values }
  for (const [name, x] of Object.entries(steps)) {
    checkReal(op, name, x)
    if (x.dims !== 3) throw shapeError(op, name, '[time, batch, features]', formatShape(x.shape))
  }
  checkDevice(op, queries, { keys, values, v })
  const [, batch, features] = queries.shape as [number, number, number]
  const [time] = keys.shape as [number, number, number]
  checkShape(op, 'keys', keys.shape, [time, batch, features])
  checkShape(op, 'values', values.shape, [time, batch, values.shape[2] as number])
  if (score === 'additive' && !v)
    throw new RnnativeError('ERR_ARGUMENT', `[${op}] v: expected a tensor with additive scores`)
  if (v) checkShape(op, 'v', v.shape, [features])
}

/**
 * Attention of whole sequences over a memory, fused: scores, mask, softmax and weighted average.
 * queries: [Tq, batch, A] and keys: [Tk, batch, A] are projected already; values: [Tk, batch, V].
 * What lies past a row's length is never read. Additive scores are formed again in backward, so memory
 * beyond the operands' grows with Tq × Tk, never with A.
 */
export function attention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  settings: AttentionArguments,
): AttentionResult {
  check(queries, keys, values, settings)
  const { score, v = null, queryLengths, memoryLengths } = settings
  const [steps, batch] = queries.shape as [number, number, number]
  const [time, , width] = values.shape as [number, number, number]
  const borrow = (name: string, lengths: Integers | null | undefined) =>
    lengths !== undefined && lengths !== null
      ? borrowIntegers('attention', name, lengths, batch, queries, (data) =>
          tensor(data, [batch], { device: queries.device }),
        )
      : null
  const queryEnds = borrow('queryLengths', queryLengths)
  const ends = borrow('memoryLengths', memoryLengths)
  const made = native.attention(
    score,
    queries.handle,
    keys.handle,
    values.handle,
    v?.handle ?? null,
    queryEnds?.tensor.handle ?? null,
    ends?.tensor.handle ?? null,
  )
  const context = reals(made.context, [steps, batch, width], queries)
  const weights = reals(made.weights, [steps, batch, time], queries)
  if (tracks(queries, keys, values, v))
    record({
      op: 'attention',
      inputs: [queries, keys, values, v],
      outputs: [context, weights],
      save: [queries, keys, values, v, queryEnds?.tensor ?? null, ends?.tensor ?? null, weights],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.attentionBackward(
          score,
          call.saved(0),
          call.saved(1),
          call.saved(2),
          call.savedOrNull(3),
          call.savedOrNull(4),
          call.savedOrNull(5),
          call.saved(6),
          call.gradient(0),
          call.gradient(1),
          sinks,
          bits,
        )
      },
    })
  queryEnds?.release()
  ends?.release()
  return { context, weights }
}
