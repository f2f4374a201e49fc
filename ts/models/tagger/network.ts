import { CRF, Dropout, Embedding, Linear, LSTM, Module, type CRFScores } from '../../nn'
import type { Recurrent } from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import type { Precision } from '../../precision'
import { zeros, type Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import * as ops from '../../ops'
import { featuresOf } from '../parts/recurrent-options'
import { embeddingDeviation, makeStack } from '../parts/stack'
import type { TaggerNetworkOptions } from './options'
import { TagSet, type TaggerVocabulary } from './vocabulary'

/** Reads the letters of distinct words: [letters, words] to [words, features]. */
abstract class Letters extends Module {
  readonly embedding: Embedding
  abstract readonly features: number

  constructor(count: number, embedding: number, device: DeviceOption) {
    super()
    const deviation = embeddingDeviation(embedding)
    this.embedding = new Embedding(count + 1, embedding, { device, deviation })
  }

  abstract forward(letters: Tensor, lengths: Tensor): Tensor
}

/** The last states of both directions (Lample et al. 2016). */
class LettersInTurn extends Letters {
  readonly rnn: LSTM
  readonly features: number

  constructor(
    count: number,
    { letterEmbedding: input, letterHidden: hidden, precision }: TaggerNetworkOptions,
    device: DeviceOption,
  ) {
    super(count, input, device)
    this.rnn = new LSTM({
      ...{ input, hidden, bidirectional: true, forgetBias: 1 },
      device,
      precision,
    })
    this.features = 2 * hidden
  }

  forward(letters: Tensor, lengths: Tensor): Tensor {
    const { h } = this.rnn.forward(this.embedding.forward(letters), { lengths }).state
    return ops.reshape(ops.permute(h, [1, 0, 2]), [letters.shape[1] as number, this.features])
  }
}

/** Each letter with its neighbours, the maximum over the word (Ma & Hovy 2016). */
class LettersAtOnce extends Letters {
  readonly output: Linear
  readonly features: number

  constructor(
    count: number,
    { letterEmbedding, letterHidden, precision }: TaggerNetworkOptions,
    device: DeviceOption,
  ) {
    super(count, letterEmbedding, device)
    this.features = 2 * letterHidden
    this.output = new Linear(3 * letterEmbedding, this.features, { device, precision })
  }

  forward(letters: Tensor, lengths: Tensor): Tensor {
    const x = ops.maskTime(this.embedding.forward(letters), lengths)
    const [steps, words, features] = x.shape as [number, number, number]
    const nothing = zeros([1, words, features], { device: x.device })
    const around = ops.concat([nothing, x, nothing], 0)
    const beside = ops.concat(
      [ops.slice(around, 0, 0, steps), x, ops.slice(around, 0, 2, steps)],
      -1,
    )
    return ops.poolTime(this.output.forward(beside), 'max', lengths)
  }
}

/** What a tag's score comes from, of a batch, on the device. */
export type TaggerInputs = readonly Tensor[]

/**
 * Vectors of words, of their letters and shapes; a stack in both directions; a score for each tag. Parameters:
 * `words.weight`, `shapes.weight`, `letters.embedding.weight`, `letters.rnn.weight_ih_l0` (or
 * `letters.output.weight`), `rnn.weight_ih_l0` and so on under PyTorch's names, `output.weight`,
 * `field.transitions`, `field.start`, `field.end`.
 */
export class TaggerNetwork extends Module {
  readonly words: Embedding
  readonly shapes: Embedding | null
  readonly letters: Letters | null
  readonly rnn: Recurrent | ResidualStack
  readonly output: Linear
  /** null: each tag has a softmax of its own. */
  readonly field: CRF | null
  private readonly tags: TagSet
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(
    vocabulary: TaggerVocabulary,
    options: TaggerNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    const { embedding, hidden, layers, characters, dropout, precision, init } = options
    const { scheme, types, words, letters, shapes } = vocabulary
    this.tags = new TagSet(scheme, types)
    const deviation = embeddingDeviation(embedding)
    this.words = new Embedding(words.length + 1, embedding, { device, deviation })
    const shape = Math.min(SHAPE, shapes.length + 1)
    this.shapes = options.shapes ? new Embedding(shapes.length + 1, shape, { device }) : null
    this.letters = lettersOf(characters, letters.length, options, device)
    const input = embedding + (this.shapes ? shape : 0) + (this.letters?.features ?? 0)
    const sizes = { input, hidden, layers, bidirectional: true }
    this.rnn = makeStack({ ...options, residual: false }, sizes, device)
    const count = this.tags.tags.length
    this.output = new Linear(2 * featuresOf(options), count, {
      device,
      precision: precision satisfies Precision,
    })
    this.field = options.crf ? new CRF(count, { device, allowed: this.tags.allowed }) : null
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed, init)
  }

  /** Scores of tags: [steps, rows, tags]. */
  emissions([words, shapes, which, lengths, letters, wordLengths]: TaggerInputs): Tensor {
    const parts = [this.words.forward(words as Tensor)]
    if (this.shapes) parts.push(this.shapes.forward(shapes as Tensor))
    if (this.letters) {
      const spelt = this.letters.forward(letters as Tensor, wordLengths as Tensor)
      parts.push(ops.embedding(which as Tensor, spelt) as (typeof parts)[0])
    }
    const x = this.inputDropout.forward(
      parts.length > 1 ? ops.concat(parts, -1) : (parts[0] as Tensor),
    )
    const { output } = this.rnn.forward(x, { lengths: lengths as Tensor })
    const y = this.output.forward(this.outputDropout.forward(output))
    return this.field ? y : ops.logSoftmax(y)
  }

  /** Nats of each row's tags, all of its words: [rows]. */
  losses(inputs: TaggerInputs): Tensor {
    const [lengths, tags] = [inputs[3] as Tensor, inputs[6] as Tensor]
    const emissions = this.emissions(inputs)
    if (this.field) return ops.neg(this.field.forward(emissions, tags, { lengths }))
    const losses = ops.crossEntropyLosses(emissions, tags).losses
    return ops.sum(ops.maskTime(losses, lengths), 0)
  }

  /** What neighbours count, for decoding: what is not allowed is never found. */
  async scores(): Promise<CRFScores> {
    if (this.field) return this.field.scores()
    const { allowed } = this.tags
    const tags = this.tags.tags.length
    const scores = (ok: readonly boolean[] | undefined, length: number) =>
      Float64Array.from({ length }, (_, i) => (ok?.[i] === false ? -Infinity : 0))
    return {
      tags,
      transitions: scores(allowed?.transitions.flat(), tags * tags),
      start: scores(allowed?.start, tags),
      end: scores(allowed?.end, tags),
    }
  }
}

/** Size of a shape's vector. */
const SHAPE = 10

const LETTERS = { none: null, lstm: LettersInTurn, conv: LettersAtOnce }

function lettersOf(
  characters: TaggerNetworkOptions['characters'],
  count: number,
  options: TaggerNetworkOptions,
  device: DeviceOption,
): Letters | null {
  const kind = LETTERS[characters]
  return kind && new kind(count, options, device)
}
