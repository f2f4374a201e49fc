import { isListOf, isObject } from '../../check'
import { CALENDAR, type CalendarFeature } from '../../data/series/calendar'
import { parseFrequency, type Frequency } from '../../data/series/frequency'
import { ModelSchema } from '../../file-schema'
import { choice, count, custom, flag, fraction, positive, Schema, text } from '../../schema'
import type { Given, Made, Only } from '../../schema'
import { checkVariant, checkZoneout, learningOptions } from '../parts/recurrent-options'
import { stackOptions, variantOptions } from '../parts/recurrent-options'

export const FORECASTER_MODELS = ['direct', 'seq2seq', 'deepar', 'segments'] as const
/** How steps ahead are made: see the guide to forecasting. */
export type ForecasterModel = (typeof FORECASTER_MODELS)[number]
export const DISTRIBUTIONS = ['gaussian', 'student-t', 'negative-binomial'] as const
/** What a `deepar` model predicts parameters of. */
export type Distribution = (typeof DISTRIBUTIONS)[number]
const ATTENTIONS = ['additive', 'dot', 'scaled-dot', 'general', 'concat'] as const

const isName = (x: unknown): boolean => typeof x === 'string' && x !== ''

const names = {
  expected: 'a list of column names, each once',
  valid: (x: unknown) =>
    isListOf(x, isName) && new Set(x as string[]).size === (x as string[]).length,
  argument: '<columns>',
  read: (words: string): unknown => words.split(','),
}
const NONE: readonly string[] = []
const columns = (about: string) =>
  custom<readonly string[]>()(names, { about, default: NONE, defaultText: 'none' })

export const isLevel = (x: unknown): boolean => typeof x === 'number' && x > 0 && x < 1
const inOrder = (x: readonly number[]): boolean =>
  x.every((level, i) => i === 0 || level > (x[i - 1] as number))

/** Levels of quantiles. */
export const levels = {
  expected: 'a list of numbers between 0 and 1, the smaller first',
  valid: (x: unknown) =>
    isListOf(x, isLevel) && (x as number[]).length > 0 && inOrder(x as number[]),
  argument: '<levels>',
  read: (words: string): unknown => words.split(',').map(Number),
}

interface Sizes {
  model: ForecasterModel
  context: number
  horizon: number
}

/** The largest whole share of both that is at most 48. */
function usualSegment({ context, horizon }: Sizes): number {
  for (let size = Math.min(48, context, horizon); size > 1; --size)
    if (context % size === 0 && horizon % size === 0) return size
  return 1
}

/** Of a window, which is in memory whole. */
const MOST_STEPS = 2 ** 20

const ofModel = (name: ForecasterModel): Only => [
  `the model ${name}`,
  ({ model }: { model: unknown }) => model === name,
]
const ofLoss = (name: string): Only => [
  `the loss ${name}`,
  ({ loss }: { loss: unknown }) => loss === name,
]

const { embedding: _, ...stack } = stackOptions({ about: 'recurrent layers', default: 1 })

/** Numbers over time, and what comes next. */
export const forecasterOptions = new ModelSchema(
  'forecaster',
  'rnnative.Forecaster',
  {
    /** How it is built: see {@link Forecaster}. */
    model: choice(FORECASTER_MODELS, { about: 'kind of model', default: 'direct' }),
    /** What is forecast. */
    targets: custom<readonly string[]>()(
      { ...names, valid: (x) => names.valid(x) && (x as string[]).length > 0 },
      { about: 'columns to forecast', required: true, flag: 'target' },
    ),
    time: text({ about: 'column of time stamps', required: true, argument: '<column>' }),
    series: text({ about: 'column that tells several series apart', argument: '<column>' }),
    covariates: columns('columns that are known up to now'),
    known: columns('columns that are known ahead, too: their rows go on past the last target'),
    /** All values of each, in the order of their vectors. */
    categories: custom<Readonly<Record<string, readonly string[]>>>()(
      {
        expected: 'lists of strings by column',
        valid: (x) =>
          isObject(x) &&
          Object.values(x).every((of) => isListOf(of, (value) => typeof value === 'string')),
        argument: null,
        read: () => ({}),
      },
      { about: 'columns that stay the same in a series', default: {}, flag: null },
    ),
    /** Of their time stamps. Segments do without unless asked. */
    calendar: custom<readonly CalendarFeature[]>()(
      {
        expected: `a list of ${CALENDAR.join(', ')}`,
        valid: (x) => isListOf(x, (name) => CALENDAR.includes(name as CalendarFeature)),
        argument: '<features>',
        read: (words) => (words === 'none' ? [] : words.split(',')),
      },
      {
        about: `features of time stamps: ${CALENDAR.join(', ')}, or none`,
        default: ({ model }: Sizes): readonly CalendarFeature[] =>
          model === 'segments' ? [] : ['hour', 'weekday', 'month'],
        defaultText: 'hour,weekday,month, none of segments',
      },
    ),
    context: count({ about: 'steps that it looks back', required: true, most: MOST_STEPS }),
    horizon: count({ about: 'steps that it looks ahead', required: true, most: MOST_STEPS }),
    /** Of `segments`. */
    segment: count({
      about: 'steps of a segment, which context and horizon are multiples of',
      ...{ default: usualSegment, defaultText: 'at most 48', only: ofModel('segments') },
    }),
    loss: choice(['mse', 'mae', 'huber', 'quantile'], {
      about: 'what is made small, but of deepar',
      default: 'mse',
    }),
    huberDelta: positive({
      about: 'error from which huber is linear',
      default: 1,
      only: ofLoss('huber'),
    }),
    quantiles: custom<readonly number[]>()(levels, {
      about: 'levels of the loss quantile',
      default: [0.1, 0.5, 0.9],
      only: ofLoss('quantile'),
      flag: 'quantile-levels',
    }),
    distribution: choice(DISTRIBUTIONS, {
      about: 'of each step, of deepar',
      default: 'gaussian',
      only: ofModel('deepar'),
    }),
    /** `series`: mean 0 and deviation 1 over what is learned; `window`: divided by the mean magnitude of a window. */
    scaling: choice(['series', 'window', 'none'], {
      about: 'what numbers are scaled by: the series as it is learned, or each window',
      default: ({ model }: Sizes) => (model === 'deepar' ? 'window' : 'series'),
      defaultText: 'window of deepar, else series',
    }),
    /** What a window's targets are told from. */
    offset: choice(['last', 'mean', 'season', 'none'], {
      about:
        'what targets are told from: the last value, the mean of the context, or a season before',
      default: ({ model }: Sizes) => (model === 'deepar' ? 'none' : 'last'),
      defaultText: 'none of deepar, else last',
    }),
    season: count({
      about: 'steps until the same comes again',
      defaultText: 'a day, week or year',
    }),
    /** Of `seq2seq`. */
    attention: choice(ATTENTIONS, {
      about: "attention's scores, of seq2seq",
      default: 'additive',
      only: ofModel('seq2seq'),
    }),
    embedding: count({
      about: "size of a category's vector",
      default: 8,
      only: [
        'categories',
        ({ categories }: { categories?: object | null }) =>
          Object.keys(categories ?? {}).length > 0,
      ],
    }),
    frequency: custom<string>()(
      {
        expected: "a time such as 'hour' or '15 minutes'",
        valid: (x) => typeof x === 'string' && parseFrequency(x) !== null,
        argument: '<time>',
        read: (words) => words,
      },
      {
        about: "from step to step, such as 'hour' or '15 minutes'",
        defaultText: 'as most rows are',
      },
    ),
    timeZone: text({
      about: 'of the clocks whose stamps tell no offset, such as Europe/Berlin',
      argument: '<name>',
    }),
    fill: flag({
      about: 'sort rows, take the last of several at a time and steps without a row as missing',
      default: false,
    }),
    ...stack,
    /** Kind of cell. Default: `gru`. */
    cell: { ...stack.cell, fallback: () => 'gru' },
    ...variantOptions(),
    recurrentDropout: fraction({
      about: "share of a state's units dropped while training, the same over the steps",
      default: 0,
    }),
    ...learningOptions(),
  },
  (options, refuse) => {
    const { model, context, horizon, segment, covariates, known, targets, categories } = options
    if (model === 'segments') {
      const fits = context % segment === 0 && horizon % segment === 0
      refuse('segment', fits, `a share of context and horizon (${context} and ${horizon})`, segment)
    }
    const all = [...targets, ...covariates, ...known, ...Object.keys(categories)]
    const twice = all.find((name, i) => all.indexOf(name) !== i)
    refuse('columns', twice === undefined, 'each in one place', twice)
    if (model === 'deepar') {
      refuse(
        'covariates',
        covariates.length === 0,
        'none with deepar, which looks at what is known',
        covariates,
      )
      refuse(
        'loss',
        options.loss === 'mse',
        'none with deepar, which learns likelihoods',
        options.loss,
      )
      refuse('offset', options.offset !== 'season', 'another with deepar', options.offset)
      const counts = options.distribution === 'negative-binomial'
      refuse(
        'scaling',
        !counts || options.scaling === 'window',
        'window of counts',
        options.scaling,
      )
      refuse('offset', !counts || options.offset === 'none', 'none of counts', options.offset)
    }
    const drops = model !== 'seq2seq' || options.recurrentDropout === 0
    refuse('recurrentDropout', drops, '0 with seq2seq', options.recurrentDropout)
    checkVariant(options, refuse)
    checkZoneout(options, refuse)
  },
)

/** How `fit` reads series. */
export const forecasterFitOptions = new Schema('fit', {
  /** By time, the same moments for all series. */
  validation: fraction({
    about: 'share of time, before that of the test, to validate with',
    ...{ default: 0, flag: null },
  }),
  /** Not looked at by `fit`; `evaluate` begins there. */
  test: fraction({ about: 'share of time, the last, to test with', default: 0, flag: null }),
  stride: count({ about: 'steps between windows to learn', default: 1 }),
  validationStride: count({
    about: 'steps between windows to validate with',
    default: 1,
    flag: 'valid-stride',
  }),
  batch: count({ about: 'windows of a batch', default: 32 }),
  accumulate: count({ about: 'compute a step in so many batches of that size', default: 1 }),
})

export type ForecasterRows = Given<typeof forecasterOptions.rows>
/** What a network is made of; `config.json` holds it, and the seed. */
export type ForecasterNetworkOptions = Omit<Made<typeof forecasterOptions.rows>, 'seed'>
export type ForecasterLearningOptions = Given<typeof forecasterFitOptions.rows>

/** What data looks like to a model. */
export const frequencyOf = ({ frequency }: ForecasterNetworkOptions): Frequency | undefined =>
  frequency === undefined ? undefined : (parseFrequency(frequency) ?? undefined)
