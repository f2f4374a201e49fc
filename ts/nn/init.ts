/**
 * Initialisers. Each writes into a tensor in place, from a stream of its own: the values depend on the
 * seed and the stream's name only, never on the order of calls.
 */
import type { Tensor } from '../tensor'
import { fillRandom, streamKey, type NativeRandom } from '../tensor/random'
import { formatShape, shapeError, sizeOf } from '../tensor/shape'
import { orthogonalRows } from './orthogonal'

/** A stream of initial values. */
export interface InitStream {
  seed: number
  /** Such as the parameter's full name. */
  name: string
}

/** Streams for the parameters of one module. */
export class InitSource {
  constructor(
    private readonly seed: number,
    private readonly path: string,
  ) {}

  of(parameter: string): InitStream {
    return { seed: this.seed, name: this.path === '' ? parameter : `${this.path}.${parameter}` }
  }
}

const randomOf = ({ seed, name }: InitStream): NativeRandom => ({
  key: streamKey(seed, `init/${name}`),
  step: 0,
  sampleBase: 0,
})

/** Inputs and outputs of a weight [out, in, ...]. */
function fans(op: string, { shape }: Tensor): { fanIn: number; fanOut: number } {
  if (shape.length < 2) throw shapeError(op, 'tensor', '[out, in, ...]', formatShape(shape))
  const [out, ...rest] = shape as [number, ...number[]]
  const receptive = sizeOf(rest.slice(1))
  return { fanIn: sizeOf(rest), fanOut: out * receptive }
}

export const zeros = (x: Tensor): void => void x.fill(0)

export const constant = (x: Tensor, value: number): void => void x.fill(value)

/** Uniform in [low, high). */
export const uniform = (x: Tensor, low: number, high: number, stream: InitStream): void =>
  fillRandom(x, 'uniform', low, high, randomOf(stream))

export const normal = (x: Tensor, mean: number, deviation: number, stream: InitStream): void =>
  fillRandom(x, 'normal', mean, deviation, randomOf(stream))

/** Uniform within ±gain sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierUniform(x: Tensor, stream: InitStream, gain = 1): void {
  const { fanIn, fanOut } = fans('xavierUniform', x)
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut))
  uniform(x, -bound, bound, stream)
}

/** Normal with deviation gain sqrt(2 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierNormal(x: Tensor, stream: InitStream, gain = 1): void {
  const { fanIn, fanOut } = fans('xavierNormal', x)
  normal(x, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), stream)
}

export interface OrthogonalOptions {
  gain?: number | undefined
  /** Row blocks made orthogonal each on its own, such as the gates of a recurrent weight. */
  blocks?: number | undefined
}

/**
 * Orthonormal rows (columns, where there are more rows), times gain (Saxe et al. 2014), uniformly
 * distributed. Computed in JavaScript in double: 5 seconds or so for a block of 1000 × 1000.
 */
export function orthogonal(x: Tensor, stream: InitStream, options: OrthogonalOptions = {}): void {
  const { gain = 1, blocks = 1 } = options
  const [all, columns] = x.shape
  if (x.dims !== 2 || all === undefined || columns === undefined || all % blocks !== 0)
    throw shapeError('orthogonal', 'tensor', `[${blocks}*n, m]`, formatShape(x.shape))
  const rows = all / blocks
  const values = new Float64Array(x.size)
  for (let block = 0; block < blocks; ++block) {
    const random = { ...randomOf(stream), step: block }
    values.set(orthogonalRows(rows, columns, gain, random), block * rows * columns)
  }
  x.assign(values)
}
