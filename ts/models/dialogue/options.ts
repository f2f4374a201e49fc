import { ModelSchema } from '../../file-schema'
import { fraction, Schema, wholeNumber, type Given, type Made } from '../../schema'
import { seq2seqFitOptions, seq2seqOptions, seq2seqRules } from '../seq2seq/options'

const { sourceFeatures: _vectors, copy: _copies, ...rows } = seq2seqOptions.rows

/** Encoder, bridge, decoder, as those of a `Seq2Seq`, and what is read of a conversation. */
export const dialogueOptions = new ModelSchema(
  'dialogue',
  'rnnative.Dialogue',
  {
    context: wholeNumber({
      about: 'turns that are read before the line that is answered',
      ...{ default: 2, most: 1024 },
    }),
    ...rows,
    /** Which tables of vectors are one. Default: `all`. */
    tieEmbeddings: { ...rows.tieEmbeddings, fallback: () => 'all' },
  },
  (options, refuse) => seq2seqRules({ ...options, sourceFeatures: undefined, copy: false }, refuse),
)

const { references: _, ...learning } = seq2seqFitOptions.rows

/** How `fit` learns from conversations. */
export const dialogueFitOptions = new Schema('fit', {
  ...learning,
  /** What a penalty without a language model rests on. */
  blank: fraction({
    about: 'share of answers that are learned without what was said before, too',
    default: 0.1,
  }),
})

export type DialogueRows = Given<typeof dialogueOptions.rows>
export type DialogueLearningOptions = Given<typeof dialogueFitOptions.rows>
/** What makes up a network; `config.json` holds it and the seed. */
export type DialogueNetworkOptions = Omit<Made<typeof dialogueOptions.rows>, 'seed'>
