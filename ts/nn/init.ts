/**
 * Initialisers. Each writes into a tensor in place, from a stream of its own: the values depend on the
 * seed and the stream's name only, never on the order of calls.
 */
import { checkFinite, checkText, checkWhole, optionsOf, type Names } from '../check'
import type { Tensor } from '../tensor'
import { checkTensor } from '../ops/support'
import { fillOrthogonal, fillRandom, streamKey, type NativeRandom } from '../tensor/random'
import { formatShape, shapeError, sizeOf } from '../tensor/shape'

/** A stream of initial values. */
export interface InitStream {
  /** What all its draws come from. */
  seed: number
  /** Such as the parameter's full name. */
  name: string
}

const STREAM_NAMES: Names<InitStream> = { seed: true, name: true }

function randomOf(stream: InitStream): NativeRandom {
  const { seed, name } = optionsOf('init', stream, STREAM_NAMES)
  checkWhole('init', 'seed', seed, 0)
  checkText('init', 'name', name)
  return { key: streamKey(seed, `init/${name}`), step: 0, sampleBase: 0 }
}

/** Throws `ERR_ARGUMENT` unless it is a tensor and these are finite numbers. */
function check(op: string, x: Tensor, numbers: Record<string, number> = {}): void {
  checkTensor(op, 'tensor', x)
  for (const [name, value] of Object.entries(numbers)) checkFinite(op, name, value)
}

/** Inputs and outputs of a weight [out, in, ...]. */
function fans(op: string, { shape }: Tensor): { fanIn: number; fanOut: number } {
  if (shape.length < 2) throw shapeError(op, 'tensor', '[out, in, ...]', formatShape(shape))
  const [out, ...rest] = shape as [number, ...number[]]
  const receptive = sizeOf(rest.slice(1))
  return { fanIn: sizeOf(rest), fanOut: out * receptive }
}

/** Fills with zeros. */
export const zeros = (x: Tensor): void => constant(x, 0)

/** Fills with one value. */
export function constant(x: Tensor, value: number): void {
  check('constant', x)
  x.fill(value)
}

/** Uniform in [low, high). */
export function uniform(x: Tensor, low: number, high: number, stream: InitStream): void {
  check('uniform', x, { low, high })
  fillRandom(x, 'uniform', low, high, randomOf(stream))
}

/** Fills with draws from a normal distribution; `stream` says which draws. */
export function normal(x: Tensor, mean: number, deviation: number, stream: InitStream): void {
  check('normal', x, { mean, deviation })
  fillRandom(x, 'normal', mean, deviation, randomOf(stream))
}

/** Uniform within ±gain sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierUniform(x: Tensor, stream: InitStream, gain = 1): void {
  check('xavierUniform', x, { gain })
  const { fanIn, fanOut } = fans('xavierUniform', x)
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut))
  uniform(x, -bound, bound, stream)
}

/** Normal with deviation gain sqrt(2 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierNormal(x: Tensor, stream: InitStream, gain = 1): void {
  check('xavierNormal', x, { gain })
  const { fanIn, fanOut } = fans('xavierNormal', x)
  normal(x, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), stream)
}

/** Options of {@link orthogonal}. */
export interface OrthogonalOptions {
  /** What the matrix is multiplied by. Default 1. */
  gain?: number | undefined
  /** Row blocks made orthogonal each on its own, such as the gates of a recurrent weight. */
  blocks?: number | undefined
}

const ORTHOGONAL_NAMES: Names<OrthogonalOptions> = { gain: true, blocks: true }

/**
 * Orthonormal rows (columns, where there are more rows), times gain (Saxe et al. 2014), uniformly
 * distributed: by Gram-Schmidt in double, half a second of a processor's time for 4,096 x 1,024. For a
 * CUDA device the host computes it.
 */
export function orthogonal(x: Tensor, stream: InitStream, options: OrthogonalOptions = {}): void {
  const { gain = 1, blocks = 1 } = optionsOf('orthogonal', options, ORTHOGONAL_NAMES)
  check('orthogonal', x, { gain })
  checkWhole('orthogonal', 'blocks', blocks, 1)
  const [rows] = x.shape
  if (x.dims !== 2 || rows === undefined || rows % blocks !== 0)
    throw shapeError('orthogonal', 'tensor', `[${blocks}*n, m]`, formatShape(x.shape))
  fillOrthogonal(x, gain, blocks, randomOf(stream))
}
