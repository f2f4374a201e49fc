import { optionsOf, type Names } from '../check'
import { Parameter, zeros, type Tensor } from '../tensor'
import * as ops from '../ops'
import { checkInit, type InitSource } from './init-source'
import { checkReal } from '../ops/support'
import { formatShape, shapeError } from '../tensor/shape'
import { checkSizes, LAYER_NAMES, seedOf, type LayerOptions } from './layers'
import { Module } from './module'

/** Options of an {@link AttentionPooling}. */
export interface AttentionPoolingOptions extends LayerOptions {
  /** Of a step. */
  features: number
  /** Hidden units of the scores. Default: as many as features. */
  size?: number | undefined
}

const NAMES: Names<AttentionPoolingOptions> = { ...LAYER_NAMES, features: true, size: true }

/**
 * A weighted average of each row's steps: weights softmax over time of v · tanh(W h + b) (Yang et al.
 * 2016, without their second level). Parameters: `weight` [size, features], `bias` [size], `v` [size];
 * uniform at first within ±1/sqrt(their inputs).
 */
export class AttentionPooling extends Module {
  /** `[size, features]`. */
  weight: Parameter
  /** `[size]`. */
  bias: Parameter
  /** `[size]`: what steps are scored by. */
  v: Parameter

  constructor(options: AttentionPoolingOptions) {
    super()
    const { features, size = features, device } = optionsOf('attentionPooling', options, NAMES)
    checkSizes('attentionPooling', { features, size }, () => features * size)
    checkInit('attentionPooling', options.init)
    this.initSpec = options.init
    this.weight = new Parameter([size, features], { device })
    this.bias = new Parameter([size], { device })
    this.v = new Parameter([size], { device })
    this.reset(seedOf('attentionPooling', options))
  }

  protected override initialise(source: InitSource): void {
    const [size, features] = this.weight.shape as [number, number]
    source.fill('weight', this.weight, { uniform: 1 / Math.sqrt(features) })
    source.fill('bias', this.bias, { uniform: 1 / Math.sqrt(features) })
    source.fill('v', this.v, { uniform: 1 / Math.sqrt(size) })
  }

  /**
   * x: [time, batch, features]; lengths: steps of each row, zero included (its output is zeros).
   * Gives output [batch, features] and weights [batch, time].
   */
  forward(
    x: Tensor,
    options: { lengths?: ops.Integers | null | undefined } = {},
  ): { output: Tensor; weights: Tensor } {
    const { lengths } = optionsOf('attentionPooling', options, { lengths: true })
    checkReal('attentionPooling', 'x', x)
    if (x.dims !== 3)
      throw shapeError('attentionPooling', 'x', '[time, batch, features]', formatShape(x.shape))
    const [time, batch, features] = x.shape as [number, number, number]
    // The bias is the query that every row asks with: tanh(q + k).
    const rows = zeros([1, batch, 1], { device: x.device })
    const queries = ops.add(rows, this.bias)
    const keys = ops.linear(x, this.weight)
    const made = ops.attention(queries, keys, x, {
      ...{ score: 'additive', v: this.v, memoryLengths: lengths },
    })
    const output = ops.reshape(made.context, [batch, features])
    const weights = ops.reshape(made.weights, [batch, time])
    for (const used of [rows, queries, keys, made.context, made.weights]) used.dispose()
    return { output, weights }
  }
}
