/** The options that all families of recurrent models share. Each family says how many layers it has. */
import { MOST_LAYERS, MOST_ROWS, MOST_UNITS } from '../../check'
import { INIT_FORMS, readInitSpec, type InitSpec } from '../../init-spec'
import { numberOf, readNamed } from '../../named'
import { LINEAR_PRECISIONS, type LinearPrecision, type Precision } from '../../precision'
import { atLeastZero, choice, count, custom, flag, fraction } from '../../schema'
import { group, positive, wholeNumber, type Refuse } from '../../schema'
import { freshSeed } from '../../seed'
import { readThresholds, thresholdsForms, type ThresholdsSpec } from '../../thresholds'
import { readZoneout, ZONEOUT_FORMS, type ZoneoutSpec } from '../../zoneout'

/** In plain text, since help must not load the addon; a test holds it against the addon's list. */
export const CELL_NAMES = ['lstm', 'gru', 'rnn'] as const
/** A kind of cell. */
export type CellName = (typeof CELL_NAMES)[number]

const PRECISIONS = ['f32', 'bf16'] as const satisfies readonly Precision[]

const CELLS = { lstm: 'lstm', gru: 'gru', rnn: 'rnn_tanh' } as const

/** Whether there is a c beside h; in plain text as the names, and held against the addon's rows likewise. */
export const HAS_C: Readonly<Record<CellName, boolean>> = { lstm: true, gru: false, rnn: false }

/** The cell of that name. */
export const cellOf = (cell: CellName) => CELLS[cell]

/** The recurrent stack. */
export const stackOptions = (layers: { default: number; about: string }) => ({
  cell: choice(CELL_NAMES, { about: 'kind of cell', default: 'lstm' }),
  /** Recurrent layers on each other. */
  layers: count({ ...layers, most: MOST_LAYERS }),
  hidden: count({ about: 'units of a layer', default: 256, most: MOST_UNITS }),
  embedding: count({
    about: "size of a token's vector",
    default: ({ hidden }: { hidden: number }) => hidden,
    defaultText: 'as --hidden',
    most: MOST_UNITS,
  }),
})

/** What tokens are read as, beside {@link stackOptions}. */
export const readingOptions = () => ({
  /** See `nn.PositionEmbedding`; none unless given. */
  positions: choice(['learned', 'sinusoidal'], {
    about: "what is added to a token's vector for its position",
    defaultText: 'nothing',
  }),
  positionLimit: count({
    about: 'positions after which they begin again',
    ...{ default: 1024, formerly: 1024, most: MOST_ROWS },
    only: ['positions', ({ positions }: { positions?: unknown }) => positions != null],
  }),
  /** Gal & Ghahramani 2016, Merity et al. 2017. */
  embeddingDropout: fraction({
    about: 'share of tokens whose vectors are left out of a step while training',
    ...{ default: 0, formerly: 0 },
  }),
})

const PEEPHOLES = ['i', 'f', 'o'] as const
/** In plain text, as {@link CELL_NAMES}. */
export const ACTIVATION_NAMES = ['sigmoid', 'tanh', 'relu', 'hard_sigmoid', 'identity'] as const
const activation = (about: string, usual: Activation) =>
  choice(ACTIVATION_NAMES, { about, defaultText: usual })
type Activation = (typeof ACTIVATION_NAMES)[number]

const isPeephole = (x: unknown): boolean => PEEPHOLES.includes(x as 'i')

/** In plain text, as {@link CELL_NAMES}. */
export const GATE_NAMES: Readonly<Record<CellName, readonly string[]>> = {
  lstm: ['i', 'f', 'g', 'o'],
  gru: ['r', 'z', 'n'],
  rnn: ['h'],
}

/** As a command line has it: `f:1,i:-0.5`, `f:1,trainable`. */
const readThresholdsText = (text: string): unknown =>
  Object.fromEntries(
    text.split(',').map((word) => {
      const [name = '', value] = word.split(':').map((part) => part.trim())
      return value === undefined && name === 'trainable'
        ? [name, true]
        : [name, numberOf(value ?? '')]
    }),
  )

/** What makes another cell: see `nn.LSTMVariant`. */
export const variantOptions = () => ({
  peephole: custom<boolean | readonly (typeof PEEPHOLES)[number][]>()(
    {
      expected: 'true, false or a list of i, f and o',
      valid: (x) => typeof x === 'boolean' || (Array.isArray(x) && x.every(isPeephole)),
      argument: '<gates>',
      read: (text) => (text === 'all' ? true : text.split(',')),
    },
    { about: "gates of an LSTM that see its cell's state: all, or some of i,f,o" },
  ),
  coupled: flag({ about: "an LSTM's forget gate is 1 - i", default: false, formerly: false }),
  activations: group(
    {
      gate: activation('of the gates of an LSTM or a GRU', 'sigmoid'),
      candidate: activation('of the candidate, of an RNN the state', 'tanh'),
      output: activation("of an LSTM's state on its way to the output", 'tanh'),
    },
    'activations of the cell',
    {},
  ),
  gateClip: positive({ about: 'most that the sums of gates may be' }),
  cellClip: positive({ about: "most that an LSTM's state may be" }),
  projection: count({
    about: "features of an LSTM's output and recurrent input, fewer than units",
    defaultText: 'as --hidden',
  }),
  layerNorm: flag({
    about: "layer norm inside the cell's steps",
    default: false,
    formerly: false,
  }),
  thresholds: custom<ThresholdsSpec>()(
    {
      expected: thresholdsForms(),
      words: 'f:1,i:-0.5 and the like, trainable among them where they are learned',
      valid: (spec) => readThresholds(spec) !== null,
      argument: '<gates>',
      read: readThresholdsText,
    },
    { about: 'shifts of the sums of gates: f:1,i:-0.5, learned from there: f:1,trainable' },
  ),
})

/** Features of a layer's output and of the state h. */
export const featuresOf = (given: { hidden: number; projection?: number | undefined }): number =>
  given.projection ?? given.hidden

interface Variant {
  cell: CellName
  hidden: number
  projection?: number | undefined
  peephole?: unknown
  coupled: boolean
  activations: Readonly<Record<string, unknown>>
  gateClip?: unknown
  cellClip?: unknown
  thresholds?: unknown
}

/** Which of {@link variantOptions} are for that cell. */
const VARIANTS: Readonly<Record<CellName, readonly string[]>> = {
  lstm: [
    'peephole',
    'coupled',
    'projection',
    'gateClip',
    'cellClip',
    'gate',
    'candidate',
    'output',
  ],
  gru: ['gateClip', 'gate', 'candidate'],
  rnn: ['gateClip', 'candidate'],
}

/** A rule of schemas with {@link variantOptions}. */
export function checkVariant(options: Variant, refuse: Refuse): void {
  const { cell, hidden, coupled, activations, ...others } = options
  const { peephole, gateClip, cellClip, projection } = others
  const has = (name: string) => VARIANTS[cell].includes(name)
  for (const [name, value] of Object.entries({ peephole, gateClip, cellClip, projection }))
    refuse(name, has(name) || value === undefined, `none for the cell ${cell}`, value)
  for (const [name, value] of Object.entries(activations))
    refuse(
      `activations.${name}`,
      has(name) || value === undefined,
      `none for the cell ${cell}`,
      value,
    )
  refuse('coupled', has('coupled') || !coupled, `false for the cell ${cell}`, coupled)
  const narrower = projection === undefined || projection < hidden
  refuse('projection', narrower, `fewer than the ${hidden} units`, projection)
  const sees = Array.isArray(peephole) && peephole.includes('f')
  refuse('peephole', !coupled || !sees, 'no f where gates are coupled', peephole)
  const gates = GATE_NAMES[cell].filter((gate) => gate !== 'f' || !coupled)
  const shifts = options.thresholds === undefined || readThresholds(options.thresholds, gates)
  refuse('thresholds', shifts !== null, thresholdsForms(gates), options.thresholds)
}

/** As a command line has it: `uniform:0.1`, `orthogonal`. */
function readInit(text: string): unknown {
  const { name, options } = readNamed(text)
  return Object.keys(options).length === 0 ? name : { [name]: options[''] }
}

/**
 * An LSTM's forget gates begin open (Jozefowicz et al. 2015), unless all its values, biases included, are to
 * begin in one way.
 */
export const forgetBiasOf = (init: InitSpec | undefined): number | undefined =>
  typeof init === 'object' && ('uniform' in init || 'normal' in init) ? undefined : 1

/** Of `fit`, for all that predict tokens (Pereyra et al. 2017). */
export const confidencePenalty = atLeastZero({
  about: 'weight of the negative entropy of predictions in the loss, in nats',
  default: 0,
})

/** As a command line has it: `0.1`, `hidden=0.05,cell=0.5`. */
function readZoneoutText(text: string): unknown {
  const { options } = readNamed(`zoneout:${text}`)
  return '' in options ? options[''] : options
}

/** A rule of schemas with {@link learningOptions}. */
export function checkZoneout(
  { cell, zoneout }: { cell: CellName; zoneout: ZoneoutSpec },
  refuse: Refuse,
): void {
  const read = readZoneout(zoneout)
  const fits = read === null || read.both || read.cell === 0 || HAS_C[cell]
  refuse('zoneout', fits, `no cell part for the cell ${cell}, which has no c`, zoneout)
}

/** How it is trained and computed: the last rows of a schema. */
export const learningOptions = () => ({
  /** Of all weights: see `nn.InitSpec`. */
  init: custom<InitSpec>()(
    {
      expected: INIT_FORMS,
      words: 'uniform:0.1, normal:0.1, xavier or orthogonal, each with a number of at least 0',
      valid: (spec) => readInitSpec(spec) !== null,
      argument: '<init>',
      read: readInit,
    },
    {
      about: 'how weights begin: uniform:0.1, normal:0.1, xavier, orthogonal',
      defaultText: "each layer's usual way",
    },
  ),
  dropout: fraction({ about: 'share of connections dropped while training', default: 0 }),
  /** Of all recurrent layers (Merity et al. 2017). */
  weightDrop: fraction({
    about: 'share of recurrent weights left out of a step while training',
    ...{ default: 0, formerly: 0 },
  }),
  /** Of all recurrent layers: see `nn.ZoneoutSpec`. */
  zoneout: custom<ZoneoutSpec>()(
    {
      expected: ZONEOUT_FORMS,
      valid: (spec) => readZoneout(spec) !== null,
      argument: '<p>',
      read: readZoneoutText,
    },
    {
      about:
        "share of a state's units that a step leaves as they are: 0.1, or hidden=0.05,cell=0.5",
      ...{ default: 0, formerly: 0 },
    },
  ),
  /** Of all products, in training and inference; saved with the model. */
  precision: choice(PRECISIONS, {
    ...{ about: 'what to multiply in', default: 'f32', formerly: 'f32' },
  }),
  /** Of initial weights, dropout and the order of batches. Default: a new one each time. */
  seed: wholeNumber({
    about: 'of weights, dropout and order',
    default: freshSeed,
    defaultText: 'a new one',
  }),
})

/** `precision` of a family that multiplies in int8, too: a row in place of {@link learningOptions}'. */
export const inferencePrecision = () =>
  choice(LINEAR_PRECISIONS, {
    about: 'what to multiply in (int8: of a model that has learned)',
    ...{ default: 'f32', formerly: 'f32' },
  })

/** A rule of schemas with {@link inferencePrecision}. */
export function checkPrecisionOf(
  { precision, layerNorm }: { precision: LinearPrecision; layerNorm: boolean },
  refuse: Refuse,
): void {
  refuse('precision', precision !== 'int8' || !layerNorm, 'f32 or bf16 with layerNorm', precision)
}
