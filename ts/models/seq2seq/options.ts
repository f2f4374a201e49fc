import { MOST_LAYERS, MOST_UNITS } from '../../check'
import { readNamed } from '../../named'
import type { AttentionKind } from '../../nn'
import { atLeastZero, choice, count, custom, flag, fraction, group } from '../../schema'
import { ModelSchema } from '../../file-schema'
import { Schema, type Given, type Made, type Refuse } from '../../schema'
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
import { create, type SamplingSchedule, type SamplingScheduleJSON } from './scheduled-sampling'

type Attention = AttentionKind | 'none'

// prettier-ignore
const ATTENTION = [
  'additive', 'dot', 'scaled-dot', 'general', 'concat', 'none',
] as const satisfies readonly Attention[]

/** How the decoder's first state comes from the encoder's last; `zero`: not at all. */
const BRIDGES = ['copy', 'dense', 'zero'] as const
/** How the decoder's first state comes from the encoder's last. */
export type BridgeKind = (typeof BRIDGES)[number]

/** `target`: the output projection shares the target's embedding; `all`: the source's, too. */
const TIED = ['none', 'target', 'all'] as const
/** Which tables of vectors are one. */
export type TiedEmbeddings = (typeof TIED)[number]

/** Whether a query is multiplied with the memory as it is. */
const needsEqualSizes = (attention: Attention): boolean =>
  attention === 'dot' || attention === 'scaled-dot'

export const encoderRows = {
  /** In both directions as Bahdanau et al. 2015. */
  bidirectional: flag({
    ...{ about: 'read sources in both directions', default: false, flag: 'bidirectional' },
  }),
  layers: count({
    about: "the encoder's layers",
    default: ({ layers }: { layers: number }) => layers,
    defaultText: 'as --layers',
    most: MOST_LAYERS,
  }),
  /**
   * Units of a layer and direction. Default: as the decoder, or half of it where a bidirectional encoder
   * meets `dot` or `scaled-dot` attention, which needs memory and query of one size.
   */
  hidden: count({
    about: "units of an encoder's layer and direction",
    default: (
      { hidden, attention }: { hidden: number; attention: Attention },
      { bidirectional }: { bidirectional: boolean },
    ) => (bidirectional && needsEqualSizes(attention) ? Math.floor(hidden / 2) : hidden),
    defaultText: 'as --hidden, or half',
    most: MOST_UNITS,
  }),
}

type Encoder = Made<typeof encoderRows>

const rows = {
  ...stackOptions({ about: 'recurrent layers of encoder and decoder', default: 1 }),
  ...readingOptions(),
  ...variantOptions(),
  /**
   * Without input feeding, additive attention precedes a step and its context is fed to it (Bahdanau et
   * al. 2015); the other kinds follow the step (Luong et al. 2015).
   */
  attention: choice(ATTENTION, { about: 'kind of attention', default: 'additive' }),
  encoder: group(encoderRows, 'the encoder'),
  /** Speech frames, regions of a picture; brought to the embedding's size by a layer. */
  sourceFeatures: count({
    about: 'numbers of a step, where sources are sequences of vectors in place of texts',
    defaultText: 'sources are texts',
    ...{ flag: null, most: MOST_UNITS },
  }),
  /** Sutskever et al. 2014. */
  reverseSource: flag({ about: 'read sources backwards', default: false }),
  bridge: choice(BRIDGES, {
    about: "the decoder's first state: the encoder's last as it is, through a layer, or zeros",
    default: (given: { hidden: number; encoder: Encoder }): BridgeKind =>
      given.encoder.bidirectional || given.encoder.hidden !== given.hidden ? 'dense' : 'copy',
    defaultText: 'copy, or dense where the two differ',
  }),
  attentionSize: count({
    about: 'hidden units of additive scores',
    default: ({ hidden }: { hidden: number }) => hidden,
    defaultText: 'as --hidden',
    most: MOST_UNITS,
  }),
  /** See et al. 2017; the gate is of what the output projection takes. */
  copy: flag({
    ...{ about: 'copy words of the source, whether known or not', default: false },
    formerly: false,
  }),
  /** h~, which joins state and context (Luong et al. 2015). */
  inputFeeding: flag({ about: 'feed what was attended to into the next step', default: false }),
  /** Cho et al. 2014. */
  feedSummary: flag({
    ...{ about: "feed the encoder's last output to every step; without attention", default: false },
  }),
  /** Wu et al. 2016; a decoder attends with its lowest layer then. */
  residual: flag({ about: 'layers add their input to their output', default: false }),
  tieEmbeddings: choice(TIED, {
    about: "the output shares the target's embedding, or all share one",
    default: 'none',
  }),
  ...learningOptions(),
  /** Of all products, in training, where 'int8' is refused, and inference; saved with the model. */
  precision: inferencePrecision(),
}

interface EncoderSizes {
  encoder: { hidden: number; bidirectional: boolean }
  projection?: number | undefined
}
/** Features of the memory. */
export const memoryOf = ({ encoder, projection }: EncoderSizes): number =>
  (encoder.bidirectional ? 2 : 1) * featuresOf({ hidden: encoder.hidden, projection })

/** What options must be to each other. */
export function seq2seqRules(options: Made<typeof rows>, refuse: Refuse): void {
  const { encoder, hidden, projection, attention, bridge, inputFeeding, feedSummary } = options
  const sizes = `encoder and decoder differ in size (${encoder.hidden} and ${hidden})`
  const fits = bridge !== 'copy' || encoder.hidden === hidden
  refuse('bridge', fits, `dense or zero where ${sizes}`, bridge)
  const query = featuresOf(options)
  const memory = memoryOf(options)
  const unequal = `another kind where the memory has ${memory} features and the query ${query}`
  refuse('attention', memory === query || !needsEqualSizes(attention), unequal, attention)
  const attends = attention !== 'none'
  refuse('inputFeeding', attends || !inputFeeding, 'false without attention', inputFeeding)
  checkVariant(options, refuse)
  checkZoneout(options, refuse)
  checkPrecisionOf(options, refuse)
  const { sourceFeatures, tieEmbeddings, copy } = options
  refuse('copy', attends || !copy, 'false without attention', copy)
  refuse('copy', sourceFeatures === undefined || !copy, 'false where sources are vectors', copy)
  const apart = tieEmbeddings !== 'all' || sourceFeatures === undefined
  refuse('tieEmbeddings', apart, 'none or target where sources are vectors', tieEmbeddings)
  const narrower = projection === undefined || projection < encoder.hidden
  refuse('projection', narrower, `fewer than the encoder's ${encoder.hidden} units`, projection)
  refuse('feedSummary', !attends || !feedSummary, 'false with attention', feedSummary)
}

/** Encoder, bridge, decoder. */
export const seq2seqOptions = new ModelSchema('seq2seq', 'rnnative.Seq2Seq', rows, seq2seqRules)

/** How `fit` learns from pairs. */
export const seq2seqFitOptions = new Schema('fit', {
  batchTokens: count({ about: 'real tokens of a step, sources and targets', default: 4096 }),
  labelSmoothing: fraction({
    about: 'share of probability spread over all tokens',
    default: 0,
  }),
  confidencePenalty,
  /** See et al. 2017; coverage is no part of the attention's scores. */
  coverage: atLeastZero({
    about: 'weight of attention to what was attended to before, in the loss',
    default: 0,
  }),
  /** How often the decoder reads true tokens (Bengio et al. 2015); always unless given. */
  scheduledSampling: custom<SamplingSchedule>()(
    {
      expected: 'a schedule of scheduledSampling',
      valid: (value) => typeof (value as SamplingSchedule | null)?.truth === 'function',
      argument: '<schedule>',
      // `linear:steps=2000,min=0.5`
      read: (text) => create(readNamed(text) as unknown as SamplingScheduleJSON),
    },
    { about: 'let the decoder read its own tokens, more and more, such as linear:steps=2000' },
  ),
  maxLength: count({
    about: 'leave out pairs with more tokens on either side',
    defaultText: 'none is left out',
  }),
  references: choice(['first', 'each'], {
    about: 'of several targets learn the first, or each',
    default: 'first',
  }),
})

/**
 * Options of the encoder.
 *
 * @interface
 */
export type EncoderOptions = Given<typeof encoderRows>
/**
 * Options of a {@link Seq2Seq} but for tokenizers and device.
 *
 * @interface
 */
export type Seq2SeqOptions = Given<typeof rows>
export type Seq2SeqNetworkOptions = Omit<Made<typeof rows>, 'seed'>
export type Seq2SeqLearningOptions = Given<typeof seq2seqFitOptions.rows>
