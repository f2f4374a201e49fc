import { isObject, whole } from '../check'
import { expect } from '../errors'
import { noGrad } from '../tensor/autograd'
import type { Tensor } from '../tensor'

/** What a model says of the next token of every row. Whoever asked disposes both. */
export interface StepOutput {
  /** `[rows, vocabulary]`; log-probabilities are logits too, as a constant per row does not matter. */
  readonly logits: Tensor
  /** `[rows, positions]`: the attention of this step over the row's source; null without one. */
  readonly attention: Tensor | null
  /** `[rows, vocabulary]`: what a search adds to log-probabilities to rank by; see `withTerms`. */
  readonly bonus?: Tensor | null | undefined
}

/**
 * A decoding under way: the states of rows = sources × beams hypotheses, those of a source one after
 * another. It owns its states, and never what its model owns (an encoded source, parameters).
 */
export interface Decoding {
  /**
   * Reads one token per row, at first the model's `bos`, and predicts the next. Called without
   * recording of gradients; synchronous, so that steps are queued.
   */
  step(tokens: Int32Array): StepOutput
  /**
   * Row i goes on from the present row `rows[i]`; a source has `rows.length / sources.length` rows
   * from now on. Source i is the present number `sources[i]`: ascending, and fewer than before once
   * some have been decoded.
   */
  take(rows: Int32Array, sources: Int32Array): void
  /** Frees what it holds. */
  dispose(): void
  /** Where steps can be queued before it is known what was chosen in those before; a search then waits seldom. */
  readonly queued?: QueuedSteps | null | undefined
}

/** A decoding's `step` and `take` by what only its device knows. Sources stay as they are. */
export interface QueuedSteps {
  /** Tokens from `known` on, which the model writes and does not read, are read as `unknown`. Default: none are. */
  readonly reads?: { readonly known: number; readonly unknown: number } | undefined
  /** tokens: i32 [rows], below `known`. */
  step(tokens: Tensor): StepOutput
  /** rows: i32 [sources * beams], for any number of beams; each row of its own source. */
  take(rows: Tensor): void
}

/**
 * A model over a batch of sources (one empty source for a language model), to be decoded step by
 * step. A row must come out the same whatever the other rows are: searches rely on it.
 */
export interface StepModel {
  /** Tokens that may be predicted. */
  readonly vocabulary: number
  /** The token every hypothesis starts from. */
  readonly bos: number
  /** The token that ends it. */
  readonly eos: number
  /** Sources in the batch. */
  readonly sources: number
  /** Real positions of each source under the attention of a step; null without attention. */
  readonly sourceLengths: readonly number[] | null
  /** Steps after which a longer hypothesis is never ranked above what it extends. Default: 0, as of all without a bonus. */
  readonly risesUntil?: number | undefined
  /** Starts `sources * beams` rows. */
  start(beams: number): Decoding
}

/** Throws `ERR_ARGUMENT` for what is no {@link StepModel}. */
export function checkModel(op: string, model: StepModel): void {
  const valid =
    isObject(model) &&
    [model.vocabulary, model.bos, model.eos, model.sources].every((n) => whole(n, 0)) &&
    typeof model.start === 'function'
  expect(op, 'model', valid, 'a step model', model)
}

export function disposeOutput({ logits, attention, bonus }: StepOutput): void {
  logits.dispose()
  attention?.dispose()
  bonus?.dispose()
}

/** One step, its output disposed once `read` is done with it. */
export async function withStep<T>(
  decoding: Decoding,
  tokens: Int32Array,
  read: (output: StepOutput) => Promise<T>,
): Promise<T> {
  const output = noGrad(() => decoding.step(tokens))
  try {
    return await read(output)
  } finally {
    disposeOutput(output)
  }
}

/** Rows of all steps that are queued together, about: of a few rows it is waiting that takes the time. */
const ROWS_AT_ONCE = 32
/** Steps that are queued together at most: those after the last that was needed are made for nothing. */
const MOST_STEPS = 6

/** How many steps of so many rows to queue together, at least 1. */
export const queueLength = (rows: number): number =>
  Math.max(1, Math.min(MOST_STEPS, Math.floor(ROWS_AT_ONCE / rows)))

/** `take`, without recording of gradients, unless each of the `present` rows stays where it is. */
export function takeStates(
  decoding: Decoding,
  rows: Int32Array,
  sources: Int32Array,
  present: number,
): void {
  if (rows.length === present && rows.every((row, i) => row === i)) return
  noGrad(() => decoding.take(rows, sources))
}

/**
 * Which of `active` to go on with when `open` of them still need it: moving their sources together
 * pays only once a tenth of the rows are of no use.
 */
export const survivors = <T>(active: readonly T[], open: readonly T[]): readonly T[] =>
  open.length <= 0.9 * active.length ? open : active

/** Where each of `next`, some of `active` in their order, is among these. */
export function placesOf<T>(next: readonly T[], active: readonly T[]): Int32Array {
  let at = -1
  return Int32Array.from(next, (one) => (at = active.indexOf(one, at + 1)))
}
