import { isListOf, isObject, MOST_UNITS } from '../../check'
import { ModelSchema } from '../../file-schema'
import { choice, count, custom, flag, fraction, positive, Schema } from '../../schema'
import type { Given, Made } from '../../schema'
import {
  checkVariant,
  checkZoneout,
  learningOptions,
  readingOptions,
  stackOptions,
  variantOptions,
} from '../parts/recurrent-options'

/** One label of several; any number of them; one of labels that have an order. */
const TASKS = ['multi-class', 'multi-label', 'ordinal'] as const
/** One label of several, any number of labels, or one of an order. */
export type ClassifierTaskName = (typeof TASKS)[number]

/** The last states, of each direction; mean and maximum over the steps; an average that a learned query weighs. */
const POOLINGS = ['last', 'mean', 'max', 'attention'] as const
/** How a text's states become one vector. */
export type Pooling = (typeof POOLINGS)[number]

/** How sentences of a document are merged: means of their probabilities, those weighed by TF-IDF, shares of votes. */
export const DOCUMENT_MERGES = ['mean', 'weighted', 'vote'] as const
/** How a document's sentences become one decision. */
export type DocumentMerge = (typeof DOCUMENT_MERGES)[number]

const distinct = (list: readonly unknown[]): boolean => new Set(list).size === list.length

const isPoolings = (x: unknown): boolean =>
  isListOf(x, (one) => POOLINGS.includes(one as Pooling)) &&
  (x as unknown[]).length > 0 &&
  distinct(x as unknown[])

const isLabels = (x: unknown): boolean =>
  isListOf(x, (one) => typeof one === 'string') && (x as unknown[]).length > 0

export const labels = custom<readonly string[]>()(
  {
    expected: 'a list of labels, each once',
    valid: (x) => isLabels(x) && distinct(x as unknown[]),
    argument: '<labels>',
    read: (text) => text.split(','),
  },
  { about: 'all labels, parted by commas, of ordinal ones the lowest first', required: true },
)

/** A classifier: embedding, recurrent stack, pooling, output projection. */
export const classifierOptions = new ModelSchema(
  'text classifier',
  'rnnative.TextClassifier',
  {
    labels: { ...labels, flag: null },
    task: choice(TASKS, {
      about: 'whether a text has one label, any number of them, or one of an order',
      default: 'multi-class',
    }),
    ...stackOptions({ about: 'recurrent layers', default: 1 }),
    ...readingOptions(),
    ...variantOptions(),
    bidirectional: flag({ about: 'read texts in both directions', default: true }),
    /** How a text's states become one vector: by one of these, or by several side by side. */
    pooling: custom<readonly Pooling[]>()(
      {
        expected: `a list of ${POOLINGS.join(', ')}, each once`,
        valid: isPoolings,
        argument: '<names>',
        read: (text) => text.split(','),
      },
      {
        about: `what becomes of a text's steps, joined: ${POOLINGS.join(', ')}`,
        default: ['mean', 'max'] as readonly Pooling[],
        defaultText: 'mean,max',
      },
    ),
    /** What is pooled is then what each step makes of all steps by the products of their outputs. */
    selfAttention: flag({ about: 'outputs attend to each other before pooling', default: false }),
    fields: count({
      about: 'texts of an example, read alike and joined',
      default: 1,
      flag: null,
      most: 64,
    }),
    maxLength: count({
      about: 'most tokens of a text; the others are cut off',
      defaultText: 'none is cut',
      most: MOST_UNITS,
    }),
    cut: choice(['end', 'beginning'], {
      about: 'where texts are cut',
      default: 'end',
      only: ['maxLength', ({ maxLength }: { maxLength?: unknown }) => maxLength != null],
    }),
    /** One mask for all steps of a text (Gal & Ghahramani 2016). */
    recurrentDropout: fraction({
      about: "share of a state's units dropped while training, the same over the steps",
      default: 0,
    }),
    ...learningOptions(),
    /** What logits are divided by, as `calibrate` found it. */
    temperature: positive({ about: 'what logits are divided by', default: 1, flag: null }),
  },
  (options, refuse) => {
    const { task, labels } = options
    const enough = task === 'multi-label' || labels.length > 1
    refuse('labels', enough, `at least 2 of a ${task} classifier`, labels)
    checkVariant(options, refuse)
    checkZoneout(options, refuse)
  },
)

/** What an example counts in the loss, by label; `balanced`: each label as much as any other. */
export type ClassWeights = 'balanced' | Readonly<Record<string, number>>

const isWeight = (x: unknown): boolean => typeof x === 'number' && x >= 0 && x < Infinity

/** As a command line has it: `balanced`, `spam=4,ham=1`. */
function readWeights(text: string): unknown {
  if (text === 'balanced') return text
  const entries = text.split(',').map((word): [string, number] => {
    const at = word.lastIndexOf('=')
    return [word.slice(0, at), at < 0 ? NaN : Number(word.slice(at + 1))]
  })
  return Object.fromEntries(entries)
}

/** How `fit` learns from examples. */
export const classifierFitOptions = new Schema(
  'fit',
  {
    batch: count({ about: 'examples of a step', defaultText: '32' }),
    batchTokens: count({ about: 'in place of --batch: about so many tokens of a step' }),
    /** Balanced: as rare labels are, in inverse proportion. Of several labels: of those that an example has. */
    classWeights: custom<ClassWeights>()(
      {
        expected: "'balanced', or numbers of at least 0 by label",
        valid: (x) => x === 'balanced' || (isObject(x) && Object.values(x).every(isWeight)),
        argument: '<weights>',
        read: readWeights,
      },
      { about: 'weights of labels in the loss: balanced, or as in spam=4,ham=1', defaultText: '1' },
    ),
    labelSmoothing: fraction({ about: 'share of probability spread over all labels', default: 0 }),
  },
  ({ batch, batchTokens }, refuse) =>
    refuse(
      'batch',
      batch === undefined || batchTokens === undefined,
      'none beside batchTokens',
      batch,
    ),
)

export type ClassifierOptions = Given<typeof classifierOptions.rows>
export type ClassifierLearningOptions = Given<typeof classifierFitOptions.rows>
/** What makes up a network; `config.json` holds it, the seed and the temperature. */
export type ClassifierNetworkOptions = Omit<
  Made<typeof classifierOptions.rows>,
  'seed' | 'temperature'
>
