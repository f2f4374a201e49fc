import { ModelSchema } from '../../file-schema'
import { count, fraction, positive, Schema, type Given, type Made } from '../../schema'
import {
  checkVariant,
  checkZoneout,
  learningOptions,
  stackOptions,
  variantOptions,
} from '../parts/recurrent-options'

/** A summariser: vectors of sentences, a recurrent stack over those of a document, a score for each. */
export const summariserOptions = new ModelSchema(
  'summariser',
  'rnnative.Summariser',
  {
    ...stackOptions({ about: 'recurrent layers over sentences, in both directions', default: 1 }),
    ...variantOptions(),
    /** Of tokens, where a sentence is read: all in it count alike. */
    embeddingDropout: fraction({
      about: 'share of tokens whose vectors are left out of a step while training',
      default: 0,
    }),
    ...learningOptions(),
  },
  (options, refuse) => {
    checkVariant(options, refuse)
    checkZoneout(options, refuse)
  },
)

/** How `fit` reads documents. */
export const summariserFitOptions = new Schema('fit', {
  batch: count({ about: 'documents of a batch', default: 16 }),
  sharpness: positive({
    about: 'how much more a better sentence is wanted than a worse one',
    default: 10,
  }),
})

export type SummariserOptions = Given<typeof summariserOptions.rows>
export type SummariserLearningOptions = Given<typeof summariserFitOptions.rows>
/** What makes up a network; `config.json` holds it, and the seed. */
export type SummariserNetworkOptions = Omit<Made<typeof summariserOptions.rows>, 'seed'>
