import { RnnativeError } from '../errors'
import { Parameter, type Tensor } from '../tensor'
import { freshSeed } from '../tensor/create'
import type { DeviceOption } from '../tensor/device'
import { checkPrecision, type Precision } from '../precision'
import * as ops from '../ops'
import * as init from './init'
import type { InitSpec } from '../init-spec'
import { checkInit, type InitSource } from './init'
import { Module } from './module'

export interface LayerOptions {
  /** Default: `defaultDevice()`. */
  device?: DeviceOption | undefined
  /** Of the initial values. Default: a new one each time. */
  seed?: number | undefined
  /** How weights start. Default: each layer's usual way, as it says. */
  init?: InitSpec | null | undefined
}

/** Throws `ERR_ARGUMENT` unless each is a whole number above zero. */
export function checkSizes(layer: string, sizes: Record<string, number>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!Number.isSafeInteger(size) || size < 1)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${layer}] ${name}: expected a whole number above 0, got ${size}`,
      )
}

export interface LinearOptions extends LayerOptions {
  /** Default true. */
  bias?: boolean | undefined
  /** Of its products, forward and backward. Default 'f32'. */
  precision?: Precision | undefined
}

/** x Wᵀ + b. [..., in] to [..., out]. Initial values are PyTorch's: uniform within ±1/sqrt(in). */
export class Linear extends Module {
  weight: Parameter
  bias: Parameter | null
  readonly precision: Precision

  constructor(input: number, output: number, options: LinearOptions = {}) {
    super()
    checkSizes('linear', { input, output })
    const { precision = 'f32' } = options
    checkPrecision('linear', precision)
    checkInit('linear', options.init)
    this.precision = precision
    this.initSpec = options.init
    this.weight = new Parameter([output, input], options)
    this.bias = options.bias === false ? null : new Parameter([output], options)
    this.reset(options.seed ?? freshSeed())
  }

  protected override initialise(source: InitSource): void {
    const usual = { uniform: 1 / Math.sqrt(this.weight.shape[1] as number) }
    source.fill('weight', this.weight, usual)
    if (this.bias) source.fill('bias', this.bias, usual)
  }

  forward(x: Tensor): Tensor {
    return ops.linear(x, this.weight, this.bias, { precision: this.precision })
  }
}

export interface EmbeddingLayerOptions extends LayerOptions {
  /** An id whose vector is zero at first and never learned. */
  paddingIndex?: number | null | undefined
  /** Standard deviation of the initial values, which are normal. Default 1, as PyTorch's. */
  deviation?: number | undefined
}

/** Vectors of ids: i32 [...] to [..., features]. */
export class Embedding extends Module {
  weight: Parameter
  readonly paddingIndex: number | null
  private readonly deviation: number

  constructor(vocabulary: number, features: number, options: EmbeddingLayerOptions = {}) {
    super()
    checkSizes('embedding', { vocabulary, features })
    checkInit('embedding', options.init)
    const { paddingIndex = null } = options
    if (paddingIndex !== null && !(paddingIndex >= 0 && paddingIndex < vocabulary))
      throw new RnnativeError(
        'ERR_INDEX',
        `[embedding] paddingIndex: expected 0..${vocabulary - 1}, got ${paddingIndex}`,
      )
    this.paddingIndex = paddingIndex
    this.deviation = options.deviation ?? 1
    this.initSpec = options.init
    this.weight = new Parameter([vocabulary, features], options)
    this.reset(options.seed ?? freshSeed())
  }

  protected override initialise(source: InitSource): void {
    source.fill('weight', this.weight, { normal: this.deviation })
    this.clearPadding()
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

  forward(ids: Tensor): Tensor {
    return ops.embedding(ids, this.weight, { paddingIndex: this.paddingIndex })
  }
}

/** Drops elements with probability p while training, and scales the others by 1 / (1 - p). */
export class Dropout extends Module {
  readonly p: number

  constructor(p: number) {
    super()
    ops.checkDropout('dropout', p)
    this.p = p
  }

  /** `batchAxis` is the axis of samples: 1 for [time, batch, ...], 0 for [batch, features]. */
  forward(x: Tensor, options: { batchAxis?: number | undefined } = {}): Tensor {
    if (!this.training || this.p === 0) return ops.reshape(x, x.shape)
    return ops.dropout(x, this.p, { ...options, random: this.drawRandom() })
  }
}

export interface LayerNormLayerOptions extends Pick<LayerOptions, 'device'> {
  eps?: number | undefined
  /** Default true. */
  bias?: boolean | undefined
}

/** Normalises the last axis (Ba et al. 2016), with a gain (`weight`) and a bias. */
export class LayerNorm extends Module {
  weight: Parameter
  bias: Parameter | null
  readonly eps: number

  constructor(features: number, options: LayerNormLayerOptions = {}) {
    super()
    checkSizes('layerNorm', { features })
    this.eps = options.eps ?? 1e-5
    this.weight = new Parameter([features], options)
    this.bias = options.bias === false ? null : new Parameter([features], options)
    this.reset(0) // no randomness
  }

  protected override initialise(): void {
    init.constant(this.weight, 1)
    if (this.bias) init.zeros(this.bias)
  }

  forward(x: Tensor): Tensor {
    return ops.layerNorm(x, { gain: this.weight, bias: this.bias, eps: this.eps })
  }
}
