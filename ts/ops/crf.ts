import { optionsOf, type Names } from '../check'
import { record, tracks } from '../tensor/autograd'
import { native, type Real } from '../native/index'
import { checkShape, shapeError } from '../tensor/shape'
import { tensor } from '../tensor/create'
import type { Tensor } from '../tensor/tensor'
import { borrowIntegers, checkDevice, checkInteger, checkReal, reals } from './support'
import type { Integers } from './support'

declare module '../native/index' {
  interface NativeAddon {
    /**
     * emissions: [T, B, K], transitions: [K, K], start and end: [K], tags: i32 [T, B], lengths: i32 [B] or
     * null. likelihoods: [B]; reserve is null unless training.
     */
    crf(
      emissions: N,
      transitions: N,
      start: N,
      end: N,
      tags: N,
      lengths: Maybe,
      training: boolean,
    ): { likelihoods: N; reserve: Maybe }
    /** sinks: [demissions, dtransitions, dstart, dend]. */
    crfBackward(
      emissions: N,
      transitions: N,
      start: N,
      end: N,
      tags: N,
      lengths: Maybe,
      reserve: N,
      dlikelihoods: N,
      sinks: Sinks,
      add: number,
    ): void
  }
}

/** Tags that a field may have. */
export const MOST_TAGS = 256

/** What {@link crf} takes besides emissions and tags. K: tags. */
export interface CrfOptions {
  /** Score of each pair of neighbours, [K, K]: from row to column. -Infinity forbids it. */
  transitions: Tensor
  /** Score of each first tag, and of each last one: [K]. */
  start: Tensor
  /** Score of each last tag: `[K]`. */
  end: Tensor
  /** Steps of each row, zero included; all steps unless given. What lies past them is not read. */
  lengths?: Integers | null | undefined
}

const NAMES: Names<CrfOptions> = { transitions: true, start: true, end: true, lengths: true }

/**
 * The log-likelihood of each row's tags in a linear-chain conditional random field (Lafferty et al. 2001): their
 * score less the log of the sum of exp(score) over all sequences of tags. A score is the sum of the row's
 * emissions at its tags, of the transitions between them, and of start and end. emissions: [T, B, K], K up
 * to 256; tags: i32 [T, B], each in 0..K-1 (else the result fails with `ERR_INDEX`). Gives [B]: 0 for rows of length
 * 0, -Infinity for tags that are forbidden.
 */
export function crf(emissions: Tensor, tags: Tensor, options: CrfOptions): Tensor<Real> {
  const { transitions, start, end, lengths = null } = optionsOf('crf', options, NAMES)
  checkReal('crf', 'emissions', emissions)
  checkInteger('crf', 'tags', tags)
  checkShape('crf', 'emissions', emissions.shape, ['T', 'B', 'K'])
  const [steps, batch, count] = emissions.shape as [number, number, number]
  if (count < 1 || count > MOST_TAGS)
    throw shapeError('crf', 'emissions', `1 to ${MOST_TAGS} tags`, String(count))
  for (const [name, x] of Object.entries({ transitions, start, end })) checkReal('crf', name, x)
  checkDevice('crf', emissions, { transitions, start, end, tags })
  checkShape('crf', 'transitions', transitions.shape, [count, count])
  checkShape('crf', 'start', start.shape, [count])
  checkShape('crf', 'end', end.shape, [count])
  checkShape('crf', 'tags', tags.shape, [steps, batch])
  const make = (data: Int32Array) => tensor(data, [batch], { device: emissions.device })
  const ends =
    lengths === null ? null : borrowIntegers('crf', 'lengths', lengths, batch, emissions, make)
  const training = tracks(emissions, transitions, start, end)
  const made = native.crf(
    emissions.handle,
    transitions.handle,
    start.handle,
    end.handle,
    tags.handle,
    ends?.tensor.handle ?? null,
    training,
  )
  const y = reals(made.likelihoods, [batch], emissions)
  if (training)
    record({
      op: 'crf',
      inputs: [emissions, transitions, start, end],
      outputs: [y],
      save: [emissions, transitions, start, end, tags, ends?.tensor ?? null],
      own: [made.reserve],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.crfBackward(
          call.saved(0),
          call.saved(1),
          call.saved(2),
          call.saved(3),
          call.saved(4),
          call.savedOrNull(5),
          call.saved(6),
          call.dy,
          sinks,
          bits,
        )
      },
    })
  ends?.release()
  return y
}
