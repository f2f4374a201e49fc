import { checkWhole } from '../../check'
import { expect, RnnativeError } from '../../errors'
import type { AttentionKind } from '../../nn'
import { checkPrecision, type Precision } from '../../precision'
import type { CellName } from '../language/network'

/** How the decoder's first state comes from the encoder's last; `zero`: not at all. */
export type BridgeKind = 'copy' | 'dense' | 'zero'

/** `target`: the output projection shares the target's embedding; `all`: the source's, too. */
export type TiedEmbeddings = 'none' | 'target' | 'all'

export interface EncoderOptions {
  /** Default: as the decoder. */
  layers?: number | undefined
  /**
   * Units of a layer and direction. Default: as the decoder, or half of it where a bidirectional
   * encoder meets `dot` or `scaled-dot` attention, which needs memory and query of one size.
   */
  hidden?: number | undefined
  /** Reads the source in both directions (Bahdanau et al. 2015). Default false. */
  bidirectional?: boolean | undefined
}

/** What makes up a network, as a user gives it. */
export interface Seq2SeqOptions {
  /** Default 'lstm'. */
  cell?: CellName | undefined
  /** Layers of the decoder. Default 1. */
  layers?: number | undefined
  /** Units of a decoder's layer. Default 256. */
  hidden?: number | undefined
  /** Size of a token's vector, on both sides. Default: as `hidden`. */
  embedding?: number | undefined
  encoder?: EncoderOptions | undefined
  /** Sources are read backwards (Sutskever et al. 2014). Default false. */
  reverseSource?: boolean | undefined
  /** Default 'dense' after a bidirectional encoder or one of another size, else 'copy'. */
  bridge?: BridgeKind | undefined
  /**
   * Default 'additive'. Without input feeding, additive attention precedes a step and its context is
   * fed to it (Bahdanau et al. 2015); the other kinds follow the step (Luong et al. 2015).
   */
  attention?: AttentionKind | 'none' | undefined
  /** Hidden units of additive scores. Default: as `hidden`. */
  attentionSize?: number | undefined
  /** Feeds h~, which joins state and context, to the next step (Luong et al. 2015). Default false. */
  inputFeeding?: boolean | undefined
  /**
   * Feeds the encoder's last output to every step (Cho et al. 2014); only without attention. Default
   * false.
   */
  feedSummary?: boolean | undefined
  /**
   * Layers add their input to their output (Wu et al. 2016); a decoder attends with its lowest layer
   * then. Default false.
   */
  residual?: boolean | undefined
  /** Default 'none'. */
  tieEmbeddings?: TiedEmbeddings | undefined
  /** On embeddings, between layers, on the memory and before the output, while training. Default 0. */
  dropout?: number | undefined
  /** What products multiply in, in training and inference; saved with the model. Default 'f32'. */
  precision?: Precision | undefined
}

/** The same with every choice made; `config.json` holds it. */
export interface Seq2SeqNetworkOptions {
  cell: CellName
  layers: number
  hidden: number
  embedding: number
  encoder: { layers: number; hidden: number; bidirectional: boolean }
  reverseSource: boolean
  bridge: BridgeKind
  attention: AttentionKind | 'none'
  attentionSize: number
  inputFeeding: boolean
  feedSummary: boolean
  residual: boolean
  tieEmbeddings: TiedEmbeddings
  dropout: number
  precision: Precision
}

const ATTENTION = ['additive', 'dot', 'scaled-dot', 'general', 'concat', 'none']

/** Whether a query is multiplied with the memory as it is. */
const needsEqualSizes = (attention: AttentionKind | 'none'): boolean =>
  attention === 'dot' || attention === 'scaled-dot'

/** Fills in defaults; throws `ERR_ARGUMENT` for a value that makes no sense. */
export function resolveOptions(options: Seq2SeqOptions): Seq2SeqNetworkOptions {
  const { cell = 'lstm', layers = 1, hidden = 256, embedding = hidden, encoder = {} } = options
  const { attention = 'additive', precision = 'f32', dropout = 0 } = options
  const { bidirectional = false } = encoder
  const half = bidirectional && needsEqualSizes(attention)
  const { hidden: encoderHidden = half ? Math.floor(hidden / 2) : hidden } = encoder
  const dense = bidirectional || encoderHidden !== hidden
  const resolved: Seq2SeqNetworkOptions = {
    ...{ cell, layers, hidden, embedding, attention, dropout, precision },
    encoder: { layers: encoder.layers ?? layers, hidden: encoderHidden, bidirectional },
    reverseSource: options.reverseSource ?? false,
    bridge: options.bridge ?? (dense ? 'dense' : 'copy'),
    attentionSize: options.attentionSize ?? hidden,
    inputFeeding: options.inputFeeding ?? false,
    feedSummary: options.feedSummary ?? false,
    residual: options.residual ?? false,
    tieEmbeddings: options.tieEmbeddings ?? 'none',
  }
  checkOptions(resolved)
  return resolved
}

function checkOptions(options: Seq2SeqNetworkOptions): void {
  const op = 'seq2seq'
  const oneOf = (name: keyof Seq2SeqNetworkOptions, names: readonly string[]) => {
    const value = options[name]
    expect(op, name, names.includes(value as string), `one of ${names.join(', ')}`, value)
  }
  const size = (name: string, value: unknown) => {
    const valid = Number.isSafeInteger(value) && (value as number) >= 1
    expect(op, name, valid, 'a whole number above 0', value)
  }
  const flag = (name: string, value: unknown) =>
    expect(op, name, typeof value === 'boolean', 'true or false', value)
  for (const name of ['layers', 'hidden', 'embedding', 'attentionSize'] as const)
    size(name, options[name])
  const { encoder, hidden, attention, inputFeeding, feedSummary, dropout } = options
  size('encoder.layers', encoder.layers)
  size('encoder.hidden', encoder.hidden)
  flag('encoder.bidirectional', encoder.bidirectional)
  for (const name of ['reverseSource', 'inputFeeding', 'feedSummary', 'residual'] as const)
    flag(name, options[name])
  oneOf('cell', ['lstm', 'gru', 'rnn'])
  oneOf('attention', ATTENTION)
  oneOf('bridge', ['copy', 'dense', 'zero'])
  oneOf('tieEmbeddings', ['none', 'target', 'all'])
  const share = typeof dropout === 'number' && dropout >= 0 && dropout < 1
  expect(op, 'dropout', share, 'a number in [0, 1)', dropout)
  checkPrecision(op, options.precision)
  const copies = options.bridge === 'copy'
  const sizes = `encoder and decoder differ in size (${encoder.hidden} and ${hidden})`
  expect(op, 'bridge', !copies || encoder.hidden === hidden, `dense or zero where ${sizes}`, 'copy')
  const memory = (encoder.bidirectional ? 2 : 1) * encoder.hidden
  const unequal = `another kind where the memory has ${memory} features and the query ${hidden}`
  expect(op, 'attention', memory === hidden || !needsEqualSizes(attention), unequal, attention)
  const attends = attention !== 'none'
  expect(op, 'inputFeeding', attends || !inputFeeding, 'false without attention', inputFeeding)
  expect(op, 'feedSummary', !attends || !feedSummary, 'false with attention', feedSummary)
}

const MODEL_TYPE = 'rnnative.Seq2Seq'

/** `config.json` of a saved model. */
export const toConfig = (options: Seq2SeqNetworkOptions, seed: number): object => ({
  model_type: MODEL_TYPE,
  version: 1,
  ...options,
  seed,
})

/** Checks a `config.json`; `ERR_FORMAT` names what is wrong. */
export function parseConfig(
  json: unknown,
  path: string,
): { options: Seq2SeqNetworkOptions; seed: number } {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[load] ${path}: ${problem}`)
  const isObject = (value: unknown) => typeof value === 'object' && value !== null
  if (!isObject(json)) throw fail('expected an object')
  const config = json as Record<string, unknown>
  if (config['model_type'] !== MODEL_TYPE)
    throw fail(`model_type: expected ${MODEL_TYPE}, got ${String(config['model_type'])}`)
  const { seed, encoder } = config
  if (!isObject(encoder)) throw fail('encoder: expected an object')
  try {
    checkWhole('seq2seq', 'seed', seed, 0)
    return { options: resolveOptions(config), seed: seed as number }
  } catch (error) {
    throw error instanceof RnnativeError ? fail(error.message) : error
  }
}
