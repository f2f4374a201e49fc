import { ModelSchema } from '../../file-schema'
import { flag, group, Schema, type Given, type Made } from '../../schema'
import { encoderRows, seq2seqFitOptions, seq2seqOptions, seq2seqRules } from '../seq2seq/options'

/** Sources are texts, and words are copied by attention. */
const PLAIN = { sourceFeatures: undefined, feedSummary: false, copy: true }
const { sourceFeatures: _vectors, feedSummary: _fed, copy: _copies, ...rows } = seq2seqOptions.rows

/** Encoder, bridge, decoder, as those of a `Seq2Seq` that copies. */
export const abstractiveOptions = new ModelSchema(
  'summariser',
  'rnnative.AbstractiveSummariser',
  {
    lowerCase: flag({ about: 'read and write small letters alone', default: false }),
    ...rows,
    encoder: group(
      { ...encoderRows, bidirectional: { ...encoderRows.bidirectional, fallback: () => true } },
      'the encoder',
    ),
    /** Which tables of vectors are one. Default: `all`. */
    tieEmbeddings: { ...rows.tieEmbeddings, fallback: () => 'all' },
  },
  (options, refuse) => seq2seqRules({ ...options, ...PLAIN }, refuse),
)

const {
  labelSmoothing: _smooth,
  confidencePenalty: _confidence,
  scheduledSampling: _scheduled,
  ...learning
} = seq2seqFitOptions.rows

/** How `fit` learns from documents. */
export const abstractiveFitOptions = new Schema('fit', learning)

export type AbstractiveRows = Given<typeof abstractiveOptions.rows>
export type AbstractiveLearningOptions = Given<typeof abstractiveFitOptions.rows>
/** What makes up a network; `config.json` holds it and the seed. */
export type AbstractiveNetworkOptions = Omit<Made<typeof abstractiveOptions.rows>, 'seed'>
