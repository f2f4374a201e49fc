import { ModelSchema } from '../../file-schema'
import { atLeastZero, count, flag, fraction, Schema, type Given, type Made } from '../../schema'
import {
  checkVariant,
  confidencePenalty,
  checkZoneout,
  featuresOf,
  learningOptions,
  readingOptions,
  stackOptions,
  variantOptions,
} from '../parts/recurrent-options'

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
    /** One mask for all steps of a window (Gal & Ghahramani 2016). */
    recurrentDropout: fraction({
      about: "share of a state's units dropped while training, the same over the steps",
      ...{ default: 0, formerly: 0 },
    }),
    ...learningOptions(),
  },
  (options, refuse) => {
    const { tieWeights, embedding, projection } = options
    const features = featuresOf(options)
    const other = projection === undefined ? 'hidden' : 'projection'
    const sizes = `embedding and ${other} differ (${embedding} and ${features})`
    refuse('tieWeights', !tieWeights || embedding === features, `false where ${sizes}`, tieWeights)
    checkVariant(options, refuse)
    checkZoneout(options, refuse)
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

export type LanguagePenalties = Pick<
  Made<typeof languageFitOptions.rows>,
  'activationPenalty' | 'temporalPenalty' | 'confidencePenalty'
>

export type LanguageReadingOptions = Given<typeof languageFitOptions.rows>
export type LanguageOptions = Given<typeof languageOptions.rows>
/** What makes up a network; `config.json` holds it, and the seed. */
export type LanguageNetworkOptions = Omit<Made<typeof languageOptions.rows>, 'seed'>
