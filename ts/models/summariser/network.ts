import { Dropout, Embedding, Linear, Module } from '../../nn'
import type { Recurrent } from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import * as ops from '../../ops'
import type { Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import { featuresOf } from '../parts/recurrent-options'
import { embeddingDeviation, makeStack } from '../parts/stack'
import { FEATURES } from './features'
import type { SummariserNetworkOptions } from './options'

/** What documents are to the network, on the device. */
export interface DocumentTensors {
  /** i32 [steps, sentences]: tokens of the batch's sentences. */
  ids: Tensor
  /** i32 [sentences] */
  lengths: Tensor
  /** [sentences, {@link FEATURES}] */
  features: Tensor
  /** i32 [most sentences, documents]: which sentence is there; any past a document's end. */
  places: Tensor
  /** i32 [documents]: sentences of each. */
  counts: Tensor
  /** `[documents, most sentences]`: 0, and far below past a document's end. */
  mask: Tensor
}

/**
 * A sentence is the mean and the maximum of its tokens' vectors and a few figures ({@link FEATURES}); a stack reads those of
 * a document in both directions; a score is a sum over both. Parameters: `embedding.weight`, `rnn.weight_ih_l0` and so on
 * under PyTorch's names, `output.weight`, `output.bias`.
 */
export class SummariserNetwork extends Module {
  readonly embedding: Embedding
  readonly rnn: Recurrent | ResidualStack
  readonly output: Linear
  private readonly inputDropout: Dropout
  private readonly outputDropout: Dropout

  constructor(
    vocabulary: number,
    options: SummariserNetworkOptions,
    { seed, device }: { seed: number; device: DeviceOption },
  ) {
    super()
    const { embedding, hidden, layers, dropout, precision, init } = options
    const deviation = embeddingDeviation(embedding)
    this.embedding = new Embedding(vocabulary, embedding, {
      ...{ device, deviation, dropout: options.embeddingDropout },
    })
    const input = 2 * embedding + FEATURES
    const sizes = { input, hidden, layers, bidirectional: true }
    this.rnn = makeStack({ ...options, residual: false }, sizes, device)
    this.output = new Linear(input + 2 * featuresOf(options), 1, { device, precision })
    this.inputDropout = new Dropout(dropout)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed, init)
  }

  /**
   * Logarithms of the shares of a document's sentences: [documents, most sentences]. `before`: sentences of the batch's
   * other documents that precede these.
   */
  forward({ ids, lengths, features, places, counts, mask }: DocumentTensors, before = 0): Tensor {
    const tokens = this.embedding.forward(ids)
    const pooled = (['mean', 'max'] as const).map((how) => ops.poolTime(tokens, how, lengths))
    const read = this.inputDropout.forward(ops.concat(pooled, -1), {
      ...{ batchAxis: 0, first: before },
    })
    const sentences = ops.concat([read, features], -1)
    const x = ops.embedding(places, sentences) as typeof sentences
    const { output } = this.rnn.forward(x, { lengths: counts })
    const y = this.outputDropout.forward(output)
    const scores = this.output.forward(ops.concat([x, y], -1))
    const [most, documents] = scores.shape as [number, number]
    const turned = ops.transpose(ops.reshape(scores, [most, documents]))
    return ops.logSoftmax(ops.add(turned, mask))
  }
}
