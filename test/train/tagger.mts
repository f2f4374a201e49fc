import { data, nn, ops, optim, Trainer } from 'rnnative'
import type { DeviceName, Tensor, TrainerOptions } from 'rnnative'

/** A word, and the class to be found for it: whether the word before was odd. */
export interface Example {
  words: number[]
  tags: number[]
}

const WORDS = 12

export function makeExamples(count: number, seed = 1): Example[] {
  let state = seed
  const draw = (below: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return (state >> 8) % below
  }
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 1 + draw(9) }, () => draw(WORDS))
    return { words, tags: words.map((_, i) => (words[i - 1] ?? 0) % 2) }
  })
}

export class Tagger extends nn.Module {
  readonly embedding: nn.Embedding
  readonly dropout: nn.Dropout
  readonly lstm: nn.LSTM
  readonly output: nn.Linear

  constructor({ dropout = 0, seed = 5, device = 'cpu' as DeviceName } = {}) {
    super()
    this.embedding = new nn.Embedding(WORDS, 6, { device })
    this.lstm = new nn.LSTM({ input: 6, hidden: 8, device })
    this.output = new nn.Linear(8, 2, { device })
    this.dropout = new nn.Dropout(dropout)
    this.reset(seed)
  }

  forward(words: Tensor, lengths: Tensor): Tensor {
    const x = this.dropout.forward(this.embedding.forward(words))
    return this.output.forward(this.lstm.forward(x, { lengths }).output)
  }
}

export const examples = makeExamples(60)
export const held = makeExamples(20, 7)

const pad = { tags: -100 }
export const feedOf = (all: data.Examples<Example>, options: data.BatchesOptions<Example> = {}) =>
  data.batches(all, { rows: 8, pad, ...options })

type Batch = data.Collated<Example>

export function makeTrainer(
  tagger: Tagger,
  options: Partial<TrainerOptions<Batch, Tensor, never>> = {},
): Trainer<Batch, Tensor> {
  return new Trainer({
    module: tagger,
    feed: feedOf(examples),
    loss: ({ words, tags, lengths }) => {
      const output = tagger.forward(words, lengths)
      const { losses, weights } = ops.crossEntropyLosses(output, tags)
      return { sum: ops.sum(losses), count: ops.sum(weights), output }
    },
    seed: 3,
    ...options,
  })
}

/** Right tags, and all of them. */
export function accuracy({ tags, lengths }: { tags: Tensor; lengths: Tensor }, logits: Tensor) {
  const right = ops.sum(ops.equal(ops.argmax(logits), tags))
  return { accuracy: { sum: right, count: ops.sum(lengths) } }
}

export const settings = { optimizer: optim.adam({ lr: 0.02 }), epochs: 3 }

export async function weightsOf(module: nn.Module): Promise<number[]> {
  const read = await Promise.all(module.parameters().map((parameter) => parameter.data()))
  return read.flatMap((values) => [...values])
}
