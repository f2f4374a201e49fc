import { ModelSchema } from '../../file-schema'
import { choice, type Given, type Made } from '../../schema'
import { seq2seqOptions, seq2seqRules } from '../seq2seq/options'

/** What is written of a text that was read: itself; or of its first half the second. */
const TASKS = ['repeat', 'next'] as const

/** A classifier's layers read forward and add nothing to their outputs; what copies need not remember. */
const PLAIN = { reverseSource: false, residual: false, sourceFeatures: undefined, copy: false }
const {
  reverseSource: _reversed,
  residual: _added,
  sourceFeatures: _vectors,
  copy: _copies,
  ...rows
} = seq2seqOptions.rows

/** Encoder, bridge, decoder, as those of a `Seq2Seq`. */
export const autoencoderOptions = new ModelSchema(
  'autoencoder',
  'rnnative.Autoencoder',
  {
    task: choice(TASKS, {
      about: 'repeat texts, or tell the second half of each from the first',
      default: 'repeat',
    }),
    ...rows,
    /** With it nothing needs to be remembered: it copies. */
    attention: { ...rows.attention, fallback: () => 'none' },
    /** Which tables of vectors are one. Default: `all`. */
    tieEmbeddings: { ...rows.tieEmbeddings, fallback: () => 'all' },
  },
  (options, refuse) => seq2seqRules({ ...options, ...PLAIN }, refuse),
)

/** What it learns: to `repeat` a text, or what comes `next`. */
export type AutoencoderTask = (typeof TASKS)[number]
export type AutoencoderRows = Given<typeof autoencoderOptions.rows>
/** What makes up a network, and what it learns; `config.json` holds it and the seed. */
export type AutoencoderNetworkOptions = Omit<Made<typeof autoencoderOptions.rows>, 'seed'>
