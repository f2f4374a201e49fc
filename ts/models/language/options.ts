import { ModelSchema } from '../../file-schema'
import { isListOf, whole } from '../../check'
import { numberOf } from '../../named'
import { atLeastZero, choice, count, custom, flag, fraction, positive, Schema } from '../../schema'
import type { Given, Made, Only } from '../../schema'
import {
  checkPrecisionOf,
  checkVariant,
  confidencePenalty,
  checkZoneout,
  featuresOf,
  inferencePrecision,
  learningOptions,
  readingOptions,
  stackOptions,
  variantOptions,
} from '../parts/recurrent-options'

/** How the words that may come next are told: see docs/vocabularies.md. */
export const SOFTMAX_NAMES = ['full', 'adaptive', 'sampled'] as const

const of = (name: (typeof SOFTMAX_NAMES)[number]): Only => [
  `softmax ${name}`,
  ({ softmax }: { softmax: string }) => softmax === name,
]

const isRising = (x: unknown): boolean =>
  isListOf(x, (cutoff) => whole(cutoff, 1)) &&
  (x as number[]).length > 0 &&
  (x as number[]).every((cutoff, i, all) => i === 0 || cutoff > (all[i - 1] as number))

/** A language model: embedding, recurrent stack, output projection. */
export const languageOptions = new ModelSchema(
  'language model',
  'rnnative.LanguageModel',
  {
    ...stackOptions({ about: 'recurrent layers', default: 2 }),
    ...readingOptions(),
    ...variantOptions(),
    /** Press & Wolf 2017. */
    tieWeights: flag({ about: 'share the weights of embedding and output', default: false }),
    /** See `nn.AdaptiveSoftmax` and `nn.SampledSoftmax`. */
    softmax: choice(SOFTMAX_NAMES, {
      about: 'how the next token is told: of a large vocabulary in parts, or beside samples',
      ...{ default: 'full', formerly: 'full' },
    }),
    cutoffs: custom<readonly number[]>()(
      {
        expected: 'rising whole numbers above 0, one at least',
        words: 'rising whole numbers as in 2000,10000',
        valid: isRising,
        argument: '<ids>',
        read: (text) => text.split(',').map(numberOf),
      },
      {
        about: 'ids where the clusters of an adaptive softmax begin: 2000,10000',
        defaultText:
          'those of 2000, 10000, 50000 and 250000 below half of the vocabulary, or its quarter',
        only: of('adaptive'),
      },
    ),
    divisor: positive({
      about: 'what the features of each cluster are divided by, once more than those before',
      ...{ default: 4, formerly: 4, only: of('adaptive') },
    }),
    samples: count({
      about: 'tokens drawn for a step of a sampled softmax',
      defaultText: '8192, at most a quarter of the vocabulary',
      only: of('sampled'),
    }),
    /** One mask for all steps of a window (Gal & Ghahramani 2016). */
    recurrentDropout: fraction({
      about: "share of a state's units dropped while training, the same over the steps",
      ...{ default: 0, formerly: 0 },
    }),
    ...learningOptions(),
    /** Of all products, in training, where 'int8' is refused, and inference; saved with the model. */
    precision: inferencePrecision(),
  },
  (options, refuse) => {
    const { tieWeights, embedding, projection, softmax } = options
    const features = featuresOf(options)
    const other = projection === undefined ? 'hidden' : 'projection'
    const sizes = `embedding and ${other} differ (${embedding} and ${features})`
    refuse('tieWeights', !tieWeights || embedding === features, `false where ${sizes}`, tieWeights)
    const words = 'false with an adaptive softmax, whose output has no row for each token'
    refuse('tieWeights', !tieWeights || softmax !== 'adaptive', words, tieWeights)
    checkVariant(options, refuse)
    checkZoneout(options, refuse)
    checkPrecisionOf(options, refuse)
  },
)

/** How `fit` reads a text. */
export const languageFitOptions = new Schema('fit', {
  /** How far back gradients flow. State is carried on. */
  steps: count({ about: 'tokens that gradients flow back', default: 50 }),
  batch: count({ about: 'streams read side by side', defaultText: '50, fewer for short texts' }),
  accumulate: count({
    about: 'compute the batch in so many parts, for less memory and the same result',
    default: 1,
  }),
  /** AR of Merity et al. 2017: of the top layer's outputs after dropout. */
  activationPenalty: atLeastZero({
    about: "weight of the mean square of the top layer's outputs in the loss",
    default: 0,
  }),
  /** TAR of Merity et al. 2017: of the same before dropout. */
  temporalPenalty: atLeastZero({
    about: 'weight of the mean square of their change from token to token',
    default: 0,
  }),
  confidencePenalty,
})

/** Where clusters begin unless it is said, as far as they do below half of the vocabulary; else at a quarter. */
const CUTOFFS = [2000, 10_000, 50_000, 250_000]

const SAMPLES = 8192

/** The options of a softmax that depend on the vocabulary, where they were not given. */
export function softmaxFor<
  Options extends Pick<LanguageNetworkOptions, 'softmax' | 'cutoffs' | 'samples'>,
>(options: Options, vocabulary: number): Options {
  const { softmax, cutoffs, samples } = options
  if (softmax === 'sampled' && samples === undefined)
    return { ...options, samples: Math.max(1, Math.min(SAMPLES, Math.floor(vocabulary / 4))) }
  if (softmax !== 'adaptive' || cutoffs !== undefined) return options
  const usual = CUTOFFS.filter((cutoff) => 2 * cutoff < vocabulary)
  return { ...options, cutoffs: usual.length > 0 ? usual : [Math.ceil(vocabulary / 4)] }
}

export type LanguagePenalties = Pick<
  Made<typeof languageFitOptions.rows>,
  'activationPenalty' | 'temporalPenalty' | 'confidencePenalty'
>

export type LanguageReadingOptions = Given<typeof languageFitOptions.rows>
export type LanguageOptions = Given<typeof languageOptions.rows>
/** What makes up a network; `config.json` holds it, and the seed. */
export type LanguageNetworkOptions = Omit<Made<typeof languageOptions.rows>, 'seed'>
