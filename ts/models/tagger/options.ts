import { ModelSchema } from '../../file-schema'
import { choice, count, flag, fraction, Schema } from '../../schema'
import type { Given, Made, Only } from '../../schema'
import {
  checkVariant,
  checkZoneout,
  learningOptions,
  stackOptions,
  variantOptions,
} from '../parts/recurrent-options'

const CHARACTERS = ['none', 'lstm', 'conv'] as const

/** Where letters are read. */
const spelt: Only = [
  'characters that are read',
  ({ characters }: { characters: unknown }) => characters !== 'none',
]

/** A tagger: vectors of words, a recurrent stack in both directions, a conditional random field. */
export const taggerOptions = new ModelSchema(
  'sequence tagger',
  'rnnative.SequenceTagger',
  {
    ...stackOptions({ about: 'recurrent layers, each in both directions', default: 1 }),
    ...variantOptions(),
    /** Lample et al. 2016; Ma & Hovy 2016. */
    characters: choice(CHARACTERS, {
      about:
        "how a word's letters are read: not at all, by an LSTM in both directions, or by convolution",
      default: 'lstm',
    }),
    letterEmbedding: count({ about: "size of a letter's vector", default: 25, only: spelt }),
    letterHidden: count({
      about: "units that read a word's letters, of each direction",
      default: 25,
      only: spelt,
    }),
    shapes: flag({
      about: 'read the shape of words: capitals, digits, punctuation',
      default: true,
    }),
    crf: flag({
      about: 'weigh tags against their neighbours, by a conditional random field',
      default: true,
    }),
    ...learningOptions(),
  },
  (options, refuse) => {
    checkVariant(options, refuse)
    checkZoneout(options, refuse)
  },
)

/** How `fit` reads sentences. */
export const taggerFitOptions = new Schema('fit', {
  batch: count({ about: 'sentences of a batch', default: 32 }),
  rareWords: fraction({
    about: 'share of words seen once that are read as unknown while training',
    default: 0.5,
  }),
})

export type TaggerOptions = Given<typeof taggerOptions.rows>
export type TaggerReadingOptions = Given<typeof taggerFitOptions.rows>
/** What makes up a network; `config.json` holds it, and the seed. */
export type TaggerNetworkOptions = Omit<Made<typeof taggerOptions.rows>, 'seed'>
