import { ModelSchema } from '../../file-schema'
import { MOST_THREADS, MOST_UNITS } from '../../check'
import { atLeastZero, choice, count, positive, Schema, wholeNumber } from '../../schema'
import type { Given, Made, Only, Refuse } from '../../schema'

/** More are never drawn for a word. */
const MOST_NEGATIVE = 64
/** Bytes of a letter's parts are hashed into 32 bits. */
const MOST_BUCKETS = 2 ** 28

export const EMBEDDING_MODELS = ['skipgram', 'cbow', 'fasttext', 'item2vec'] as const
/** Whose vectors are learned, and from what: word2vec's two kinds, fastText's with parts of words, or item2vec's of sets. */
export type EmbeddingModel = (typeof EMBEDDING_MODELS)[number]

const byModel =
  <T>(own: Partial<Record<EmbeddingModel, T>>, others: T) =>
  ({ model }: { model: EmbeddingModel }): T =>
    own[model] ?? others

/** What words, documents and labels have in common. */
export const tableRows = {
  dim: count({ about: 'numbers of a vector', default: 100, most: MOST_UNITS }),
  minCount: count({ about: 'leave words out that occur less often', default: 5 }),
}

/** Letters of words' parts; only embeddings know models. */
const ofFastText =
  (least: number) =>
  ({ model }: { model?: EmbeddingModel }): number =>
    model === 'fasttext' ? least : 0

export const partRows = {
  minPart: wholeNumber({
    about: 'letters of the shortest parts of words; 0: words have none',
    default: ofFastText(3) as never as number,
    defaultText: '0; of embed train --model fasttext 3',
  }),
  maxPart: wholeNumber({
    about: 'letters of the longest parts',
    default: ofFastText(6) as never as number,
    defaultText: '0; of embed train --model fasttext 6',
  }),
  buckets: count({
    about: 'numbers that parts and n-grams are hashed to',
    ...{ default: 2_000_000, most: MOST_BUCKETS },
  }),
}

export const checkParts = (
  { minPart, maxPart }: { minPart: number; maxPart: number },
  refuse: Refuse,
): void =>
  refuse(
    'minPart, maxPart',
    minPart === 0 ? maxPart === 0 : maxPart >= minPart,
    'both above 0, the second at least as large, or 0 both',
    [minPart, maxPart],
  )

export const lossRow = choice(['negative', 'hierarchical'], {
  about: 'by what a word is told from all others: some drawn at random, or a Huffman tree',
  default: 'negative',
})

/** Where words are drawn against which others are told. */
export const drawn: Only = [
  'the loss negative',
  ({ loss }: { loss: unknown }) => loss === 'negative',
]

export const negativeRow = count({
  about: 'words that are drawn for each that is predicted',
  ...{ default: 5, most: MOST_NEGATIVE, only: drawn },
})

export const embeddingOptions = new ModelSchema(
  'embeddings',
  'rnnative.Embeddings',
  {
    /** What predicts what. */
    model: choice(EMBEDDING_MODELS, {
      about:
        'what predicts what: skipgram a word those near it, cbow those near it a word; fasttext ' +
        'skipgram of the parts of words; item2vec all of a basket each other',
      default: 'skipgram',
    }),
    ...tableRows,
    window: count({
      about: 'words before and after that are near',
      default: byModel({ item2vec: 2 ** 20 }, 5) as never as number,
      defaultText: '5; item2vec: all of a basket',
      most: 2 ** 30,
    }),
    loss: lossRow,
    negative: negativeRow,
    sample: atLeastZero({
      about: 'share of the text above which a word is left out at times; 0: never',
      default: byModel({ fasttext: 1e-4 }, 1e-3) as never as number,
      defaultText: '0.001; fasttext: 0.0001',
    }),
    power: atLeastZero({
      about: 'negatives are drawn by their counts to this power',
      default: byModel({ fasttext: 0.5 }, 0.75) as never as number,
      defaultText: '0.75; fasttext: 0.5',
      only: drawn,
    }),
    ...partRows,
    seed: wholeNumber({ about: 'of initial values and all that is drawn', default: 1 }),
  },
  checkParts,
)

/**
 * Options of {@link Embeddings}.
 *
 * @interface
 */
export type EmbeddingOptions = Given<typeof embeddingOptions.rows>
export type EmbeddingSettings = Made<typeof embeddingOptions.rows>

/** Of a fit; the learning rate's default depends on the model. */
export const fitRows = {
  epochs: count({ about: 'passes over the text', default: 5 }),
  lr: positive({
    about: 'learning rate at the beginning; it falls to 0 at the end',
    defaultText: '0.025; cbow and fasttext: 0.05',
  }),
  threads: count({
    about: 'threads that learn at a time; with one the same seed gives the same bits',
    defaultText: "all of the engine's",
    most: MOST_THREADS,
  }),
}

export const embeddingFitOptions = new Schema('fit', fitRows)

export type EmbeddingFitRows = Given<typeof fitRows>
