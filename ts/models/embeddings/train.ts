/** Passes over a text: chunks go to the engine one ahead of what it works on, so that neither waits for the other. */
import { embedTrain } from '../../ops/embed-train'
import type { EmbedChunk, EmbedLists, EmbedTables, EmbedTrainOptions } from '../../ops/embed-train'
import { streamKey } from '../../tensor/random'
import type { RunContext } from '../../train'

/** How far a fit has come. */
export interface EmbeddingEvent {
  /** The pass over the text, from 1. */
  epoch: number
  /** Words of the vocabulary that were read so far. */
  words: number
  /** Of all words that will be. */
  progress: number
  /** Words of the vocabulary read in a second, of late. */
  wordsPerSecond: number
  /** Mean negative log-likelihood of a prediction: of the word and its negatives together. */
  loss: number
  /** In force now. */
  learningRate: number
  /** Since it began. */
  seconds: number
}

/** What `fit` gives of vectors. */
export interface EmbeddingResult {
  /** Whether all passes were made. */
  stopped: 'finished' | 'aborted'
  /** Passes over the text. */
  epochs: number
  /** Words of the vocabulary that were read. */
  words: number
  /** Different words that have vectors. */
  vocabulary: number
  /** Of the last words that were read; null: of none. */
  loss: number | null
  /** Of learning, the reading of the text left out. */
  seconds: number
}

/** Of a run that learned nothing. */
export const NOTHING: EmbeddingResult = {
  ...{ stopped: 'aborted', epochs: 0, words: 0, vocabulary: 0, loss: null, seconds: 0 },
}

/** What a pass goes through. */
export interface Passes {
  chunks(): AsyncIterable<EmbedChunk>
  /** Words of one. */
  readonly tokens: number
}

export interface Plan {
  epochs: number
  lr: number
  seed: number
  options: Omit<EmbedTrainOptions, 'lrBegin' | 'lrEnd' | 'random'>
}

/** The learning rate falls to this share of what it was. */
const LEAST = 1e-4
/** Chunks that are enqueued. */
const AHEAD = 3

interface Sent {
  epoch: number
  words: number
  rate: number
  losses: Promise<ArrayLike<number>>
}

/** Trains tables in place, until it is done or asked to stop. */
export async function trainTables(
  tables: EmbedTables,
  lists: EmbedLists,
  passes: Passes,
  plan: Plan,
  context: Pick<RunContext<EmbeddingEvent>, 'emit' | 'stopping'>,
): Promise<Omit<EmbeddingResult, 'vocabulary'>> {
  const key = streamKey(plan.seed, 'embeddings')
  const total = plan.epochs * passes.tokens
  const began = performance.now()
  const sent: Sent[] = []
  let [step, words, epochs] = [0, 0, 0]
  let loss: number | null = null
  let last = { words: 0, at: began }

  const rateAt = (read: number) => plan.lr * Math.max(LEAST, 1 - read / total)
  const hear = async () => {
    const { epoch, words, rate, losses } = sent.shift() as Sent
    const [mean, predictions] = (await losses) as [number, number]
    if (predictions > 0) loss = mean
    const now = performance.now()
    const wordsPerSecond = ((words - last.words) * 1000) / Math.max(1e-3, now - last.at)
    last = { words, at: now }
    context.emit({
      ...{ epoch, words, progress: words / total, wordsPerSecond, loss: loss ?? 0 },
      ...{ learningRate: rate, seconds: (now - began) / 1000 },
    })
  }
  try {
    for (let epoch = 1; epoch <= plan.epochs && !context.stopping; ++epoch) {
      for await (const chunk of passes.chunks()) {
        if (context.stopping) break
        const rate = rateAt(words)
        words += chunk.tokens.length
        const options = { ...plan.options, lrBegin: rate, lrEnd: rateAt(words) }
        const random = { key, step: step++, sampleBase: 0 }
        const made = embedTrain({ ...options, random }, tables, chunk, lists)
        const losses = made.data().finally(() => made.dispose())
        losses.catch(() => undefined) // awaited in its turn
        sent.push({ epoch, words, rate, losses })
        if (sent.length >= AHEAD) await hear()
      }
      if (!context.stopping) epochs = epoch
    }
  } finally {
    while (sent.length > 0) await hear()
  }
  const seconds = (performance.now() - began) / 1000
  return { stopped: epochs === plan.epochs ? 'finished' : 'aborted', epochs, words, loss, seconds }
}
