/** Writes models and weights for Keras 3. */
import { checkPath, isListOf, optionsOf } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { replaceFile } from '../../io/files'
import { isMap } from '../../kinds'
import { TextClassifier } from '../../models/classifier/model'
import { LanguageModel } from '../../models/language/model'
import { AdaptiveSoftmax, Recurrent, type HostTensor, type Module } from '../../nn'
import * as ops from '../../ops'
import { cells as cellRows } from '../../ops/cells'
import { tensorsOf } from '../models'
import { zip } from '../zip'
import { makeConfig, type KerasCell, type KerasLayer, type KerasRecurrent } from './config'
import { makeHDF5, OP } from './hdf5'
import { KerasNetwork } from './network'
import { KerasNames, toKeras } from './weights'

/** A model, or tensors by names of ours. */
export type KerasSource =
  ReadonlyMap<string, HostTensor> | LanguageModel | TextClassifier | KerasNetwork

/** Options of {@link writeKeras}. */
export interface WriteKerasOptions {
  /** Of tensors: names of GRUs whose reset gate comes before the product. A model knows its own. */
  resetBefore?: readonly string[] | undefined
}

const refuse = (what: string): never => {
  throw new RnnativeError('ERR_UNSUPPORTED', `[${OP}] ${what}`)
}

/** Layers of a stack; `ERR_UNSUPPORTED` for what Keras's cells have not. */
function stackLayers(stack: Recurrent, names: KerasNames, sequences: boolean): KerasLayer[] {
  const { cell, cellOptions, zoneout, hidden, directions, layers, constants } = stack
  const { gate = 'sigmoid', candidate = 'tanh', output = candidate } = cellOptions ?? {}
  const gates = ops.gatesOf[cell]
  const bounds = [cellOptions?.gateClip, cellOptions?.cellClip]
  if (ops.hasC[cell] && gates === 3) refuse('coupled gates: no cell of Keras has them')
  if (bounds.some((bound) => bound !== undefined && bound !== Infinity))
    refuse('gateClip, cellClip: no cell of Keras has bounds')
  if (ops.hasC[cell] && cellOptions && output !== candidate)
    refuse(`activations: Keras has one for candidate and output, got ${candidate} and ${output}`)
  if ([gate, candidate].includes('hard_sigmoid'))
    refuse("activations: Keras's hard_sigmoid has another slope")
  if (Object.values(zoneout).some((share) => share > 0)) refuse('zoneout, which acts in evaluation')
  if (constants.length > 0) refuse('thresholds')
  const products = cellRows.find(({ name }) => name === cell)?.products
  const kind: KerasCell = ops.hasC[cell] ? 'LSTM' : gates > 1 ? 'GRU' : 'SimpleRNN'
  const own = { LSTM: 'lstm', GRU: 'gru', SimpleRNN: 'simple_rnn' }[kind]
  return Array.from({ length: layers }, (_, layer) => {
    const of: KerasRecurrent = {
      ...{ type: 'recurrent', cell: kind, hidden, bias: true, bidirectional: directions === 2 },
      sequences: sequences || layer < layers - 1,
      ...{ activation: candidate, gate, resetBefore: products === 2 },
    }
    return { name: names.next(directions === 2 ? 'bidirectional' : own), ...of }
  })
}

interface Described {
  layers: KerasLayer[]
  module: Module
  stack: Recurrent
}

/** The layers of an embedding, a stack, what becomes of its steps, and a product. */
function describe(
  module: LanguageModel['network'] | TextClassifier['network'],
  pooling: 'all' | 'last' | 'mean',
): Described {
  const { embedding, positions, rnn, output } = module
  if (positions) refuse('positions: an Embedding of Keras has none')
  if (output instanceof AdaptiveSoftmax) return refuse('softmax: no layer of Keras is adaptive')
  const names = new KerasNames()
  const [vocabulary, features] = embedding.weight.shape as [number, number]
  const layers: KerasLayer[] = [
    { name: names.next('embedding'), type: 'embedding', vocabulary, features },
    ...stackLayers(rnn, names, pooling !== 'last'),
  ]
  if (pooling === 'mean')
    layers.push({ name: names.next('global_average_pooling1d'), type: 'pooling', how: 'mean' })
  const units = output.weight.shape[0] as number
  const dense = { units, bias: output.bias !== null, activation: 'linear' } as const
  layers.push({ name: names.next('dense'), type: 'dense', ...dense })
  return { layers, module, stack: rnn }
}

function describeModel(model: LanguageModel | TextClassifier): Described {
  if (model instanceof LanguageModel) return describe(model.network, 'all')
  const { pooling, fields, selfAttention, task } = model.options
  const [how] = pooling
  if (fields > 1) refuse(`fields: ${fields} texts of an example`)
  if (selfAttention) refuse('selfAttention')
  if (task === 'ordinal') refuse('thresholds of ordinal labels')
  if (pooling.length > 1 || (how !== 'last' && how !== 'mean'))
    return refuse(`pooling: expected last or mean, got ${pooling.join(', ')}`)
  return describe(model.network, how)
}

interface Made {
  config: string | null
  tensors: ReadonlyMap<string, HostTensor>
  resetBefore: readonly string[]
}

async function make(source: KerasSource, given: readonly string[]): Promise<Made> {
  if (isMap(source))
    return { config: null, tensors: source as ReadonlyMap<string, HostTensor>, resetBefore: given }
  if (source instanceof KerasNetwork) {
    const before = source.layers.filter((one) => one.type === 'recurrent' && one.resetBefore)
    return {
      config: source.config,
      tensors: await tensorsOf(source),
      resetBefore: before.map(({ name }) => name),
    }
  }
  if (!(source instanceof LanguageModel || source instanceof TextClassifier)) {
    const name = (source as object | null)?.constructor?.name ?? String(source)
    return refuse(
      `model: expected a LanguageModel, a TextClassifier, a KerasNetwork or tensors by name, got ${name}`,
    )
  }
  const { layers, module } = describeModel(source)
  const before = layers.some((one) => one.type === 'recurrent' && one.resetBefore)
  return {
    config: makeConfig(layers),
    tensors: await tensorsOf(module),
    resetBefore: before ? ['rnn'] : [],
  }
}

/**
 * Writes for Keras 3: a whole model where the path ends with `.keras` (of a `LanguageModel`, a `TextClassifier` or what
 * `loadKeras` gave), else weights that `load_weights` of a model with the same layers reads, also of tensors by name.
 * `ERR_UNSUPPORTED` names what Keras's layers do not have. Needs `h5wasm`, for `.keras` also `fflate`.
 */
export async function writeKeras(
  path: string,
  source: KerasSource,
  options: WriteKerasOptions = {},
): Promise<void> {
  checkPath(OP, 'path', path)
  const { resetBefore: given = [] } = optionsOf(OP, options, { resetBefore: true })
  const valid = isListOf(given, (name) => typeof name === 'string')
  expect(OP, 'resetBefore', valid, 'a list of names', given)
  const { config, tensors, resetBefore } = await make(source, given)
  const whole = path.endsWith('.keras')
  if (whole && config === null)
    return refuse(`${path}: weights alone do not say what is computed: write a .weights.h5`)
  const weights = await makeHDF5(toKeras(tensors, { resetBefore }))
  const metadata = JSON.stringify({ keras_version: '3.0.0', date_saved: '1980-06-01@00:00:00' })
  const bytes = whole
    ? zip(
        OP,
        path,
        new Map([
          ['metadata.json', Buffer.from(metadata)],
          ['config.json', Buffer.from(config as string)],
          ['model.weights.h5', weights],
        ]),
      )
    : weights
  await replaceFile(path, (file) => file.writeFile(bytes))
}
