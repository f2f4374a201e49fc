/** Reads models of Keras 3 (`.keras`) and weights (`.h5`). */
import { checkPath } from '../../check'
import { RnnativeError } from '../../errors'
import { readFileOrThrow } from '../../io/files'
import type { HostTensor } from '../../nn'
import { unzip } from '../zip'
import { parseConfig } from './config'
import { OP, readHDF5 } from './hdf5'
import { KerasNetwork } from './network'
import { fromKeras } from './weights'

const CONFIG = 'config.json'
const WEIGHTS = 'model.weights.h5'
const MOST_CONFIG = 1 << 24

interface File {
  /** Of a whole model. */
  config: string | null
  tensors: Map<string, HostTensor>
}

async function readFile(path: string): Promise<File> {
  checkPath(OP, 'path', path)
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${OP}] ${path}: ${problem}`)
  const bytes = await readFileOrThrow(path)
  if (bytes.toString('latin1', 0, 2) !== 'PK')
    return { config: null, tensors: fromKeras(await readHDF5(path, bytes), fail) }
  const entries = unzip(OP, path, bytes, (name) => name === CONFIG || name === WEIGHTS)
  const [config, weights] = [entries.get(CONFIG), entries.get(WEIGHTS)]
  if (!config || !weights) throw fail(`expected ${CONFIG} and ${WEIGHTS} in it`)
  if (config.length > MOST_CONFIG) throw fail(`${CONFIG} has ${config.length} bytes`)
  const tensors = fromKeras(await readHDF5(path, weights), fail)
  return { config: Buffer.from(config).toString('utf8'), tensors }
}

/**
 * Reads the weights of a Keras 3 model (`.keras`, `.weights.h5`, or a whole model's `.h5`) by the names of layers, in our
 * gate order: `lstm_1.weight_ih_l0`, `bidirectional.weight_hh_l0_reverse`, `dense.weight`. Layers are named by their
 * classes, as the file has them. A layer with one bias has it as `bias_ih_l0`, and zeros as `bias_hh_l0`. `ERR_FORMAT`
 * for what is none of Embedding, LSTM, GRU, SimpleRNN, Bidirectional, Dense and LayerNormalization. Needs `h5wasm`, for
 * `.keras` also `fflate`.
 */
export async function readKeras(path: string): Promise<Map<string, HostTensor>> {
  return (await readFile(path)).tensors
}

/**
 * Reads a `.keras` model whose layers follow one another as a network of ours, with its weights. `ERR_UNSUPPORTED`
 * names a layer or an option that is none of ours.
 */
export async function loadKeras(path: string): Promise<KerasNetwork> {
  const { config, tensors } = await readFile(path)
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${OP}] ${path}: ${problem}`)
  if (config === null) throw fail('weights alone do not say what is computed: expected a .keras')
  const network = new KerasNetwork(config, parseConfig(config, fail), tensors)
  try {
    network.loadStateDict(tensors)
    return network.eval()
  } catch (error) {
    network.dispose()
    throw error
  }
}
