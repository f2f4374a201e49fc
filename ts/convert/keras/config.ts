/** What `config.json` of a `.keras` says, of models whose layers follow one another. */
import { isObject, whole } from '../../check'
import { RnnativeError, show } from '../../errors'
import type { Activation } from '../../ops'
import { KerasNames } from './weights'
import { OP } from './hdf5'

type Fail = (problem: string) => RnnativeError
type Config = Record<string, unknown>

/** Functions that both have; Keras's `hard_sigmoid` has another slope. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  ...{ sigmoid: 'sigmoid', tanh: 'tanh', relu: 'relu', linear: 'identity' },
}
const OF_DENSE = ['linear', 'sigmoid', 'tanh', 'relu', 'softmax', 'log_softmax'] as const
export type DenseActivation = (typeof OF_DENSE)[number]

export type KerasCell = 'LSTM' | 'GRU' | 'SimpleRNN'

export interface KerasRecurrent {
  type: 'recurrent'
  cell: KerasCell
  hidden: number
  bias: boolean
  bidirectional: boolean
  /** Whether all steps go on, or the last state. */
  sequences: boolean
  /** Of the candidate, and of an LSTM's state. */
  activation: Activation
  gate: Activation
  resetBefore: boolean
}

export type KerasLayer = { name: string } & (
  | { type: 'embedding'; vocabulary: number; features: number }
  | KerasRecurrent
  | { type: 'dense'; units: number; bias: boolean; activation: DenseActivation }
  | { type: 'activation'; activation: DenseActivation }
  | { type: 'norm'; epsilon: number; bias: boolean }
  | { type: 'dropout'; rate: number }
  | { type: 'pooling'; how: 'mean' | 'max' }
)

const unsupported = (what: string): RnnativeError =>
  new RnnativeError('ERR_UNSUPPORTED', `[${OP}] ${what}`)

/** A layer's config, its values checked as they are asked for. */
class Reader {
  constructor(
    readonly layer: string,
    private readonly config: Config,
    private readonly fail: Fail,
  ) {}

  count(name: string): number {
    const value = this.config[name]
    if (whole(value, 1)) return value
    throw this.fail(`${this.layer}: ${name}: expected a whole number above 0, got ${show(value)}`)
  }

  number(name: string, usual: number): number {
    const value = this.config[name] ?? usual
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw this.fail(`${this.layer}: ${name}: expected a number, got ${show(value)}`)
  }

  flag(name: string, usual: boolean): boolean {
    const value = this.config[name] ?? usual
    if (typeof value === 'boolean') return value
    throw this.fail(`${this.layer}: ${name}: expected true or false, got ${show(value)}`)
  }

  /** `ERR_UNSUPPORTED` unless it is as usual. */
  only(name: string, ...usual: unknown[]): void {
    const value = this.config[name] ?? null
    if (value !== null && !usual.includes(value))
      throw unsupported(`${this.layer}: ${name} ${show(value)} is none of ours`)
  }

  choice<T>(name: string, usual: string, known: (name: string) => T | undefined): T {
    const value = this.config[name] ?? usual
    const found = typeof value === 'string' ? known(value) : undefined
    if (found !== undefined) return found
    throw unsupported(`${this.layer}: ${name} ${show(value)} is none of ours`)
  }

  activation = (name: string, usual: string): Activation =>
    this.choice(name, usual, (one) =>
      Object.hasOwn(ACTIVATIONS, one) ? ACTIVATIONS[one] : undefined,
    )
}

const denseActivation = (reader: Reader): DenseActivation =>
  reader.choice('activation', 'linear', (one) => OF_DENSE.find((known) => known === one))

const isCell = (name: string): name is KerasCell =>
  name === 'LSTM' || name === 'GRU' || name === 'SimpleRNN'

function recurrentOf(cell: KerasCell, reader: Reader, backward = false): KerasRecurrent {
  if (!backward) reader.only('go_backwards', false)
  for (const name of ['return_state', 'stateful', 'time_major']) reader.only(name, false)
  return {
    ...{ type: 'recurrent', cell, hidden: reader.count('units'), bidirectional: false },
    bias: reader.flag('use_bias', true),
    sequences: reader.flag('return_sequences', false),
    activation: reader.activation('activation', 'tanh'),
    gate: reader.activation('recurrent_activation', 'sigmoid'),
    resetBefore: !reader.flag('reset_after', true),
  }
}

/** A layer inside of another: its class and config. */
function innerOf(value: unknown, layer: string, fail: Fail): { kind: string; config: Config } {
  const { class_name: kind, config } = (isObject(value) ? value : {}) as Config
  if (typeof kind === 'string' && isObject(config)) return { kind, config }
  throw fail(`${layer}: expected a layer, got ${show(value)}`)
}

function bidirectionalOf(config: Config, layer: string, fail: Fail): KerasRecurrent {
  new Reader(layer, config, fail).only('merge_mode', 'concat')
  const cells = ['layer', 'backward_layer'].map((name, i) => {
    const given = config[name] ?? config['layer']
    const { kind, config: own } = innerOf(given, layer, fail)
    if (!isCell(kind)) throw unsupported(`${layer}: a layer ${show(kind)} in both directions`)
    return recurrentOf(kind, new Reader(layer, own, fail), i === 1)
  })
  const [forward, backward] = cells as [KerasRecurrent, KerasRecurrent]
  if (JSON.stringify(forward) !== JSON.stringify(backward))
    throw unsupported(`${layer}: its two directions differ`)
  return { ...forward, bidirectional: true }
}

const SNAKE = (kind: string) =>
  kind
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()

/** What numbers a layer has in the file, and what it does; null: nothing here. */
function layerOf(kind: string, config: Config, name: string, fail: Fail): KerasLayer | null {
  const reader = new Reader(name, config, fail)
  if (isCell(kind)) return { name, ...recurrentOf(kind, reader) }
  switch (kind) {
    case 'InputLayer':
      return null
    case 'Embedding':
      return {
        ...{ name, type: 'embedding', vocabulary: reader.count('input_dim') },
        features: reader.count('output_dim'),
      }
    case 'Bidirectional':
      return { name, ...bidirectionalOf(config, name, fail) }
    case 'Dense':
      return {
        ...{ name, type: 'dense', units: reader.count('units') },
        ...{ bias: reader.flag('use_bias', true), activation: denseActivation(reader) },
      }
    case 'Activation':
      return { name, type: 'activation', activation: denseActivation(reader) }
    case 'Softmax':
      return { name, type: 'activation', activation: 'softmax' }
    case 'LayerNormalization':
      if (config['axis'] !== undefined && String(config['axis']) !== '-1')
        throw unsupported(`${name}: axis ${show(config['axis'])} is none of ours`)
      reader.only('scale', true)
      reader.only('rms_scaling', false)
      return {
        ...{ name, type: 'norm', epsilon: reader.number('epsilon', 1e-3) },
        bias: reader.flag('center', true),
      }
    case 'Dropout':
    case 'SpatialDropout1D':
      return { name, type: 'dropout', rate: reader.number('rate', 0) }
    case 'GlobalAveragePooling1D':
      return { name, type: 'pooling', how: 'mean' }
    case 'GlobalMaxPooling1D':
      return { name, type: 'pooling', how: 'max' }
  }
  throw unsupported(`${name}: a layer ${show(kind)} is none of ours`)
}

const MOST_LAYERS = 1024

/** Where a layer of a Functional model reads from: the names of layers. */
function sourcesOf(layer: Config): string[] {
  const found: string[] = []
  const walk = (value: unknown, depth: number): void => {
    if (depth > 16 || typeof value !== 'object' || value === null) return
    const history = (value as Config)['keras_history']
    if (Array.isArray(history) && typeof history[0] === 'string') found.push(history[0])
    else for (const entry of Object.values(value)) walk(entry, depth + 1)
  }
  walk(layer['inbound_nodes'], 0)
  return found
}

/** The layers of a model, in their order; `ERR_UNSUPPORTED` unless each reads the one before it. */
export function parseConfig(text: string, fail: Fail): KerasLayer[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw fail(`config.json: not valid JSON: ${(error as Error).message}`)
  }
  const { kind: model, config } = innerOf(json, 'config.json', fail)
  if (model !== 'Sequential' && model !== 'Functional')
    throw unsupported(`a model of the class ${show(model)}: expected Sequential, or Functional`)
  const given: unknown = config['layers']
  if (!Array.isArray(given) || given.length > MOST_LAYERS) throw fail('config.json: no layers')
  const names = new KerasNames()
  const layers: KerasLayer[] = []
  let before: string | null = null
  for (const value of given as unknown[]) {
    const { kind, config: own } = innerOf(value, 'config.json', fail)
    const name = names.next(SNAKE(kind))
    if (model === 'Functional') {
      const sources = sourcesOf(value as Config)
      const follows = before === null ? sources.length === 0 : sources.join() === before
      if (!follows)
        throw unsupported(`${name}: reads ${show(sources)}, expected the layer before it`)
      before = String(own['name'])
    }
    const layer = layerOf(kind, own, name, fail)
    if (layer) layers.push(layer)
  }
  if (layers.length === 0) throw fail('config.json: no layers')
  return layers
}

const keras = (name: string, config: object): object => ({
  ...{ module: 'keras.layers', class_name: name, config, registered_name: null },
})

const NAMES = Object.fromEntries(
  Object.entries(ACTIVATIONS).map(([theirs, ours]) => [ours, theirs]),
)

function configOf(layer: KerasLayer): object {
  const { name } = layer
  switch (layer.type) {
    case 'embedding':
      return keras('Embedding', {
        ...{ name, input_dim: layer.vocabulary, output_dim: layer.features },
      })
    case 'dense':
      return keras('Dense', {
        ...{ name, units: layer.units, use_bias: layer.bias, activation: layer.activation },
      })
    case 'pooling':
      return keras(`Global${layer.how === 'mean' ? 'Average' : 'Max'}Pooling1D`, { name })
    case 'dropout':
      return keras('Dropout', { name, rate: layer.rate })
    case 'norm':
      return keras('LayerNormalization', { name, epsilon: layer.epsilon, center: layer.bias })
    case 'activation':
      return keras('Activation', { name, activation: layer.activation })
    case 'recurrent': {
      const { cell, hidden, bias, sequences, activation, gate, resetBefore } = layer
      const own = (ownName: string, backward: boolean) =>
        keras(cell, {
          ...{ name: ownName, units: hidden, use_bias: bias, return_sequences: sequences },
          ...{ activation: NAMES[activation], go_backwards: backward },
          ...(cell !== 'SimpleRNN' && { recurrent_activation: NAMES[gate] }),
          ...(cell === 'GRU' && { reset_after: !resetBefore }),
        })
      if (!layer.bidirectional) return own(name, false)
      const [forward, backward] = [own(`forward_${name}`, false), own(`backward_${name}`, true)]
      const merge = { merge_mode: 'concat', layer: forward, backward_layer: backward }
      return keras('Bidirectional', { name, ...merge })
    }
  }
}

/** The text of `config.json` for layers that follow one another and read ids. */
export function makeConfig(layers: readonly KerasLayer[]): string {
  const input = keras('InputLayer', {
    ...{ batch_shape: [null, null], dtype: 'int32', name: 'input_layer' },
  })
  const config = { name: 'sequential', layers: [input, ...layers.map(configOf)] }
  return JSON.stringify({
    ...{ module: 'keras', class_name: 'Sequential', config, registered_name: null },
    build_config: { input_shape: [null, null] },
  })
}
