import { checkFinite, checkFlag, checkNames, checkWhole, MOST_ELEMENTS, optionsOf } from '../check'
import { whole } from '../check'
import type { Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { ones, Parameter, type DType, type Real, type Tensor } from '../tensor'
import { freshSeed } from '../tensor/create'
import type { DeviceOption } from '../tensor/device'
import { checkLinear, type LinearPrecision } from '../precision'
import * as ops from '../ops'
import { checkTensor } from '../ops/support'
import * as init from './init'
import type { InitSpec } from '../init-spec'
import { checkInit, type InitSource } from './init-source'
import { Module } from './module'

/** What all layers take. */
export interface LayerOptions {
  /** Default: `defaultDevice()`. */
  device?: DeviceOption | undefined
  /** Of the initial values. Default: a new one each time. */
  seed?: number | undefined
  /** How weights start. Default: each layer's usual way, as it says. */
  init?: InitSpec | null | undefined
}

export const LAYER_NAMES: Names<LayerOptions> = { device: true, seed: true, init: true }

/**
 * Throws `ERR_ARGUMENT` unless each is a whole number above zero, and the largest weight that they make has as many
 * numbers as a tensor may have.
 */
export function checkSizes(
  layer: string,
  sizes: Record<string, number>,
  largest: () => number,
): void {
  for (const [name, size] of Object.entries(sizes))
    expect(layer, name, whole(size, 1), 'a whole number above 0', size)
  const [names, fits] = [Object.keys(sizes).join(', '), largest() <= MOST_ELEMENTS]
  expect(layer, names, fits, 'weights of at most 2^40 numbers', Object.values(sizes))
}

/** The seed of a layer's initial values, a new one unless given. */
export function seedOf(layer: string, { seed = freshSeed() }: LayerOptions): number {
  checkWhole(layer, 'seed', seed, 0)
  return seed
}

/** Options of a {@link Linear}. */
export interface LinearOptions extends LayerOptions {
  /** Default true. */
  bias?: boolean | undefined
  /** Of its products, forward and backward; 'int8' within `noGrad` alone. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

const LINEAR_NAMES: Names<LinearOptions> = { ...LAYER_NAMES, bias: true, precision: true }

/** x Wᵀ + b. [..., in] to [..., out]. Initial values are PyTorch's: uniform within ±1/sqrt(in). */
export class Linear extends Module {
  /** See the class for its shape. */
  weight: Parameter
  /** See the class for its shape; null where there is none. */
  bias: Parameter | null
  /** What its product is computed in. */
  readonly precision: LinearPrecision

  constructor(input: number, output: number, options: LinearOptions = {}) {
    super()
    optionsOf('linear', options, LINEAR_NAMES)
    checkSizes('linear', { input, output }, () => input * output)
    const { precision = 'f32', bias = true, device } = options
    checkFlag('linear', 'bias', bias)
    checkLinear('linear', precision)
    checkInit('linear', options.init)
    this.precision = precision
    this.initSpec = options.init
    this.weight = new Parameter([output, input], { device })
    this.bias = bias ? new Parameter([output], { device }) : null
    this.reset(seedOf('linear', options))
  }

  protected override initialise(source: InitSource): void {
    const usual = { uniform: 1 / Math.sqrt(this.weight.shape[1] as number) }
    source.fill('weight', this.weight, usual)
    if (this.bias) source.fill('bias', this.bias, usual)
  }

  /** Gives a tensor of the input's shape, its last axis apart where the layer has another size. */
  forward<D extends DType>(x: Tensor<D>): Tensor<D> {
    return ops.linear(x, this.weight, this.bias, { precision: this.precision })
  }
}

/** Options of an {@link Embedding}. */
export interface EmbeddingLayerOptions extends LayerOptions {
  /** An id whose vector is zero at first and never learned. */
  paddingIndex?: number | null | undefined
  /** Standard deviation of the initial values, which are normal. Default 1, as PyTorch's. */
  deviation?: number | undefined
  /**
   * The probability in [0, 1) that an id's vector is left out of a step of training, wherever the id occurs, the others
   * being divided by 1 - p (Gal & Ghahramani 2016, Merity et al. 2017). Default 0.
   */
  dropout?: number | undefined
}

const EMBEDDING_NAMES: Names<EmbeddingLayerOptions> = {
  ...LAYER_NAMES,
  ...{ paddingIndex: true, deviation: true, dropout: true },
}

/** Vectors of ids: i32 [...] to [..., features]. */
export class Embedding extends Module {
  /** `[vocabulary, features]`. */
  weight: Parameter
  /** The id whose vector stays zero; null: none. */
  readonly paddingIndex: number | null
  /** Share of ids whose vectors are left out of a step while training. */
  readonly dropout: number
  private readonly deviation: number

  constructor(vocabulary: number, features: number, options: EmbeddingLayerOptions = {}) {
    super()
    optionsOf('embedding', options, EMBEDDING_NAMES)
    checkSizes('embedding', { vocabulary, features }, () => vocabulary * features)
    checkInit('embedding', options.init)
    const { paddingIndex = null } = options
    if (paddingIndex !== null && !(whole(paddingIndex, 0) && paddingIndex < vocabulary))
      throw new RnnativeError(
        'ERR_INDEX',
        `[embedding] paddingIndex: expected 0..${vocabulary - 1}, got ${show(paddingIndex)}`,
      )
    const { deviation = 1, dropout = 0, device } = options
    checkFinite('embedding', 'deviation', deviation)
    ops.checkDropout('embedding', dropout)
    this.dropout = dropout
    this.paddingIndex = paddingIndex
    this.deviation = deviation
    this.initSpec = options.init
    this.weight = new Parameter([vocabulary, features], { device })
    this.reset(seedOf('embedding', options))
  }

  protected override initialise(source: InitSource): void {
    source.fill('weight', this.weight, { normal: this.deviation })
    this.clearPadding()
  }

  override get rowTables(): readonly Parameter[] {
    return [this.weight]
  }

  /** Zeros the padding vector again, after other initialisers. */
  clearPadding(): void {
    if (this.paddingIndex === null) return
    const table = this.weight.detach()
    const row = table.slice(this.paddingIndex, 1)
    row.fill(0)
    row.dispose()
    table.dispose()
  }

  /** ids, i32 of any shape, to their vectors: `[...shape, features]`. */
  forward(ids: Tensor): Tensor<Real> {
    const rows = ops.embedding(ids, this.weight, { paddingIndex: this.paddingIndex })
    if (!this.training || this.dropout === 0) return rows
    const kept = this.kept(ids)
    const dropped = ops.mul(rows, kept) as Tensor<Real>
    for (const used of [rows, kept]) used.dispose() // the tape holds what it needs
    return dropped
  }

  /** What each id's vector is multiplied by in this step: [..., 1]. */
  private kept(ids: Tensor): Tensor {
    const { shape, device } = this.weight
    const all = ones([shape[0] as number, 1], { device })
    const random = this.drawRandom('weight')
    const mask = ops.dropout(all, this.dropout, { random, batchAxis: 0 })
    const kept = ops.embedding(ids, mask)
    for (const used of [all, mask]) used.dispose()
    return kept
  }
}

/** x again, as a tensor of its own. */
export function same<D extends DType>(op: string, x: Tensor<D>): Tensor<D> {
  checkTensor(op, 'x', x)
  return ops.reshape(x, x.shape)
}

/** Drops elements with probability p while training, and scales the others by 1 / (1 - p). */
export class Dropout extends Module {
  /** The share of elements that are zeroed while training. */
  readonly p: number

  constructor(p: number) {
    super()
    ops.checkDropout('dropout', p)
    this.p = p
  }

  /**
   * `batchAxis` is the axis of samples: 1 for [time, batch, ...], 0 for [batch, features]. `first`: samples that precede
   * those of x, where these are others than the rows that the random context counts.
   */
  forward<D extends DType>(
    x: Tensor<D>,
    options: { batchAxis?: number | undefined; first?: number | undefined } = {},
  ): Tensor<D> {
    // In a `Sequential` it is told of lengths, too, which change nothing.
    checkNames('dropout', options, { batchAxis: true, first: true, lengths: true })
    if (!this.training || this.p === 0) return same('dropout', x)
    const random = this.drawRandom()
    const { batchAxis, first = random.sampleBase } = options
    checkWhole('dropout', 'first', first, 0)
    return ops.dropout(x, this.p, { batchAxis, random: { ...random, sampleBase: first } })
  }
}

/** Options of a {@link LayerNorm}. */
export interface LayerNormLayerOptions extends Pick<LayerOptions, 'device'> {
  /** Added to the variance. Default 1e-5. */
  eps?: number | undefined
  /** Default true. */
  bias?: boolean | undefined
}

const NORM_NAMES: Names<LayerNormLayerOptions> = { device: true, eps: true, bias: true }

/** Normalises the last axis (Ba et al. 2016), with a gain (`weight`) and a bias. */
export class LayerNorm extends Module {
  /** `[features]`, the gain. */
  weight: Parameter
  /** `[features]`; null where there is none. */
  bias: Parameter | null
  /** Added to the variance. */
  readonly eps: number

  constructor(features: number, options: LayerNormLayerOptions = {}) {
    super()
    const { eps = 1e-5, bias = true, device } = optionsOf('layerNorm', options, NORM_NAMES)
    checkSizes('layerNorm', { features }, () => features)
    checkFinite('layerNorm', 'eps', eps)
    checkFlag('layerNorm', 'bias', bias)
    this.eps = eps
    this.weight = new Parameter([features], { device })
    this.bias = bias ? new Parameter([features], { device }) : null
    this.reset(0) // no randomness
  }

  protected override initialise(): void {
    init.constant(this.weight, 1)
    if (this.bias) init.zeros(this.bias)
  }

  /** x normalised over its last axis: its shape stays. */
  forward<D extends DType>(x: Tensor<D>): Tensor<D> {
    return ops.layerNorm(x, { gain: this.weight, bias: this.bias, eps: this.eps })
  }
}
