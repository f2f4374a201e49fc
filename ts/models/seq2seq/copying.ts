/** A decoder that repeats words of its source: a pointer-generator (See et al. 2017). */
import { asRead, copiesOf, type Copies, type Source } from '../../data'
import type { StepModel } from '../../decode'
import { expect } from '../../errors'
import type { Linear } from '../../nn'
import * as ops from '../../ops'
import { Pauses } from '../../pauses'
import { tensor, type Tensor } from '../../tensor'
import type { Tokenizer } from '../../text'
import type { DecoderOutput } from './decoder'

/** Words that pairs of a batch copy, on its device. */
export interface CopyTensors {
  /** i32 [positions, rows]: see `Copies.ids`. */
  ids: Tensor
  /** i32 [time, rows]: outputs, those that can only be copied among them. */
  outputs: Tensor
}

/** `[time, rows]`: above 0 where a word is rather written than copied. */
function gatesOf(gate: Linear, features: Tensor): Tensor {
  return ops.reshape(gate.forward(features), features.shape.slice(0, 2))
}

/** Nats of outputs that are written or copied. `losses`: of those that are written. */
export function copyingLosses(
  losses: Tensor,
  { features, weights }: DecoderOutput,
  gate: Linear,
  words: CopyTensors & { lengths: Tensor; vocabulary: number },
): Tensor {
  const { ids, outputs, lengths, vocabulary } = words
  const gates = gatesOf(gate, features)
  const options = { gates, weights: weights as Tensor, ids, lengths, vocabulary }
  return ops.pointerLosses(losses, outputs, options)
}

/** A model that reads sources and may copy of them. */
interface Reader {
  readonly source: Tokenizer | null
  readonly target: Tokenizer
  readonly reverseSource: boolean
  readonly options: { readonly copy: boolean }
}

/** What each member may copy of each text; null where nothing is copied. `ERR_ARGUMENT` where members differ. */
export async function copiesOfAll(
  op: string,
  members: readonly Reader[],
  texts: readonly Source[],
): Promise<Copies[][] | null> {
  if (members.every(({ options }) => !options.copy)) return null
  const [first] = members as readonly [Reader]
  const alike = members.every(
    ({ options, source }) => options.copy && first.source && source?.cutsAs(first.source),
  )
  expect(op, 'models', alike, 'models that all copy, from words of one kind', 'others')
  const pauses = new Pauses()
  const all: Copies[][] = []
  for (const { source, target, reverseSource } of members) {
    const own: Copies[] = []
    for (const text of texts) {
      if (source === null) break
      own.push(await copiesOf(text as string, { source, target, reverseSource }, pauses))
    }
    all.push(own)
  }
  return all
}

/** What may be copied from the sources of a step model. */
export class Copying {
  /** Words of the vocabulary and of the source that has most others. */
  readonly width: number

  constructor(
    private readonly sources: readonly Copies[],
    private readonly vocabulary: { size: number; unknown: number },
  ) {
    const most = sources.reduce((count, { words }) => Math.max(count, words.length), 0)
    this.width = vocabulary.size + most
  }

  /**
   * Logarithms of the probabilities of all words: [1, rows, width]. logits: [1, rows, vocabulary]; `places`: which of the
   * sources are still decoded.
   */
  predict(
    logits: Tensor,
    { features, weights }: DecoderOutput,
    gate: Linear,
    { places, lengths }: { places: readonly number[]; lengths: readonly number[] },
  ): Tensor {
    const [, rows, size] = logits.shape as [number, number, number]
    const looks = weights as Tensor
    const steps = looks.shape[2] as number
    const ids = new Int32Array(steps * places.length)
    for (const [i, place] of places.entries())
      for (const [at, id] of (this.sources[place] as Copies).ids.entries())
        ids[at * places.length + i] = id
    const y = ops.pointerMixture(ops.logSoftmax(ops.reshape(logits, [rows, size])), {
      ...{ gates: gatesOf(gate, features), weights: looks, width: this.width, lengths },
      ids: tensor(ids, [steps, places.length], { device: logits.device }),
    })
    return ops.reshape(y, [1, rows, this.width])
  }

  /** A step model of these words, whose decoder does not know all of them. */
  reading(model: StepModel): StepModel {
    const { vocabulary } = this
    const { bos, eos, sources, sourceLengths } = model
    return {
      ...{ vocabulary: this.width, bos, eos, sources, sourceLengths },
      start(beams) {
        const decoding = model.start(beams)
        const { queued } = decoding
        const { size, unknown } = vocabulary
        return {
          step: (tokens) => decoding.step(asRead(tokens, vocabulary)),
          take: (rows, places) => decoding.take(rows, places),
          dispose: () => decoding.dispose(),
          queued: queued && { ...queued, reads: { known: size, unknown } },
        }
      },
    }
  }
}
