import { checkWhole, optionsOf, type Names } from '../check'
import { record, tracks } from '../tensor/autograd'
import { native, type Real } from '../native/index'
import { checkShape, shapeError } from '../tensor/shape'
import { tensor } from '../tensor/create'
import type { Tensor } from '../tensor/tensor'
import { borrowIntegers, checkDevice, checkInteger, checkReal, reals } from './support'
import type { Borrowed, Integers } from './support'

declare module '../native/index' {
  interface NativeAddon {
    /**
     * gates: [T, B], weights: [T, B, S], ids: i32 [S, sources], lengths: i32 [sources] or null, targets: i32 [T, B],
     * generated: [T, B]. Gives [T, B].
     */
    pointerLosses(
      gates: N,
      weights: N,
      ids: N,
      lengths: Maybe,
      vocabulary: number,
      targets: N,
      generated: N,
    ): N
    /** sinks: [dgenerated, dgates, dweights]. */
    pointerLossesBackward(
      gates: N,
      weights: N,
      ids: N,
      lengths: Maybe,
      vocabulary: number,
      targets: N,
      generated: N,
      dlosses: N,
      sinks: Sinks,
      add: number,
    ): void
    /** As of pointerLosses with a T of 1; logs: [B, vocabulary]. Gives [B, width]. */
    pointerMixture(
      gates: N,
      weights: N,
      ids: N,
      lengths: Maybe,
      vocabulary: number,
      logs: N,
      width: number,
    ): N
  }
}

/** What a mixture of writing and copying takes. */
export interface PointerOptions {
  /** What decides between writing and copying: [T, B], above 0 for writing. */
  gates: Tensor
  /** Attention: [T, B, S]. */
  weights: Tensor
  /**
   * The word at each position of a source: i32 [S, sources], from `vocabulary` on one that the source alone has.
   * Sources may be fewer than B, which then is so many rows for each, one after another.
   */
  ids: Tensor
  /** Positions of each source, beyond which nothing is copied; all unless given. */
  lengths?: Integers | null | undefined
}

/** Options of the mixture's loss. */
export interface PointerLossOptions extends PointerOptions {
  /** Words of the vocabulary. */
  vocabulary: number
}

/** Options of the mixture itself. */
export interface PointerMixtureOptions extends PointerOptions {
  /** All words, those of the sources alone included. */
  width: number
}

const NAMES: Names<PointerOptions> = { gates: true, weights: true, ids: true, lengths: true }

/** Checks what both have in common. */
function borrowLengths(op: string, first: Tensor, options: PointerOptions): Borrowed | null {
  const { gates, weights, ids, lengths = null } = options
  checkReal(op, 'gates', gates)
  checkReal(op, 'weights', weights)
  checkInteger(op, 'ids', ids)
  checkDevice(op, first, { gates, weights, ids })
  checkShape(op, 'weights', weights.shape, ['T', 'B', 'S'])
  const [time, batch, positions] = weights.shape as [number, number, number]
  checkShape(op, 'gates', gates.shape, [time, batch])
  checkShape(op, 'ids', ids.shape, [positions, 'sources'])
  const sources = ids.shape[1] as number
  if (sources === 0 ? batch > 0 : batch % sources !== 0)
    throw shapeError(op, 'ids', `sources that divide the ${batch} rows`, String(sources))
  const make = (data: Int32Array) => tensor(data, [sources], { device: first.device })
  return lengths === null ? null : borrowIntegers(op, 'lengths', lengths, sources, first, make)
}

/**
 * Nats of words that are written from a vocabulary or copied from a source (See et al. 2017): with s the logistic
 * function of the gate g,
 *
 *     -log(s(g) exp(-losses) + (1 - s(g)) * the attention on the positions that hold the word)
 *
 * losses: [T, B], the nats of each word under the vocabulary's softmax, of no account for words past it; words: i32
 * [T, B], 0 nats where negative. A word of the source alone that is hardly looked at counts as if 1e-37 were on it.
 * Of an empty source nothing is copied: s(g) is 1 there.
 */
export function pointerLosses(
  losses: Tensor,
  words: Tensor,
  options: PointerLossOptions,
): Tensor<Real> {
  const op = 'pointerLosses'
  const { gates, weights, ids, vocabulary } = optionsOf(op, options, { ...NAMES, vocabulary: true })
  checkReal(op, 'losses', losses)
  checkInteger(op, 'words', words)
  checkWhole(op, 'vocabulary', vocabulary, 1)
  const ends = borrowLengths(op, losses, options)
  checkDevice(op, losses, { words })
  checkShape(op, 'losses', losses.shape, gates.shape)
  checkShape(op, 'words', words.shape, gates.shape)
  const made = native.pointerLosses(
    gates.handle,
    weights.handle,
    ids.handle,
    ends?.tensor.handle ?? null,
    vocabulary,
    words.handle,
    losses.handle,
  )
  const y = reals(made, gates.shape, losses)
  if (tracks(losses, gates, weights))
    record({
      op,
      inputs: [losses, gates, weights],
      outputs: [y],
      save: [gates, weights, ids, ends?.tensor ?? null, words, losses],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.pointerLossesBackward(
          call.saved(0),
          call.saved(1),
          call.saved(2),
          call.savedOrNull(3),
          vocabulary,
          call.saved(4),
          call.saved(5),
          call.dy,
          sinks,
          bits,
        )
      },
    })
  ends?.release()
  return y
}

/**
 * Logarithms of the probabilities of all words, written or copied: see {@link pointerLosses}. logs: [B, vocabulary],
 * those of the vocabulary's softmax; gates and weights are of one step. Gives [B, width], without gradients.
 */
export function pointerMixture(logs: Tensor, options: PointerMixtureOptions): Tensor<Real> {
  const op = 'pointerMixture'
  const { gates, weights, ids, width } = optionsOf(op, options, { ...NAMES, width: true })
  checkReal(op, 'logs', logs)
  const ends = borrowLengths(op, logs, options)
  const [time, batch] = gates.shape as [number, number]
  if (time !== 1) throw shapeError(op, 'gates', 'one step', String(time))
  checkShape(op, 'logs', logs.shape, [batch, 'vocabulary'])
  const vocabulary = logs.shape[1] as number
  checkWhole(op, 'width', width, Math.max(1, vocabulary))
  const made = native.pointerMixture(
    gates.handle,
    weights.handle,
    ids.handle,
    ends?.tensor.handle ?? null,
    vocabulary,
    logs.handle,
    width,
  )
  ends?.release()
  return reals(made, [batch, width], logs)
}
