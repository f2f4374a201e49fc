import { checkChoice, checkFinite, checkWhole, MOST_ROWS, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import * as ops from '../ops'
import { checkReal } from '../ops/support'
import { Parameter, tensor, type Real, type Tensor } from '../tensor'
import { formatShape, shapeError } from '../tensor/shape'
import { checkInit, type InitSource } from './init-source'
import { checkSizes, LAYER_NAMES, seedOf, type LayerOptions } from './layers'
import { Module } from './module'

/** Vectors that are learned, or sines and cosines (Vaswani et al. 2017). */
export type PositionKind = 'learned' | 'sinusoidal'
const KINDS: readonly PositionKind[] = ['learned', 'sinusoidal']

/** Options of a {@link PositionEmbedding}. */
export interface PositionEmbeddingOptions extends LayerOptions {
  /**
   * `learned`: a parameter `weight`, [limit, features]. `sinusoidal`: sin(p / 10000^(2i / features)) and the cosine of
   * the same in features 2i and 2i + 1 (Vaswani et al. 2017), which are neither learned nor saved. Default 'learned'.
   */
  kind?: PositionKind | undefined
  /** Standard deviation of learned ones' initial values, which are normal; what sinusoids are multiplied by. Default 1. */
  deviation?: number | undefined
}

const NAMES: Names<PositionEmbeddingOptions> = { ...LAYER_NAMES, kind: true, deviation: true }

/** Options of {@link PositionEmbedding}'s `forward`. */
export interface PositionForwardOptions {
  /** The position of the first step: how many came before it. Default 0. */
  first?: number | undefined
  /** Not read: padding has a position, too. */
  lengths?: ops.Integers | null | undefined
}

const FORWARD_NAMES: Names<PositionForwardOptions> = { first: true, lengths: true }

/** Most numbers of a table of sinusoids. */
const MOST_SINUSOIDS = 2 ** 26

function sinusoids(limit: number, features: number, scale: number): Float64Array {
  const table = new Float64Array(limit * features)
  for (let i = 0; i < features; ++i) {
    const rate = 10000 ** (-(i - (i % 2)) / features)
    const wave = i % 2 === 0 ? Math.sin : Math.cos
    for (let p = 0; p < limit; ++p) table[p * features + i] = scale * wave(p * rate)
  }
  return table
}

/**
 * Adds to each step a vector of its position, the same for all rows: [time, batch, features] to the same. After `limit`
 * positions they begin again.
 */
export class PositionEmbedding extends Module {
  /** `[limit, features]`; null of sinusoidal ones. */
  weight: Parameter | null = null
  private readonly sinusoids: Tensor | null = null
  private readonly deviation: number

  constructor(
    /** Positions after which they begin again. */
    readonly limit: number,
    /** Of a step. */
    readonly features: number,
    options: PositionEmbeddingOptions = {},
  ) {
    super()
    const op = 'positionEmbedding'
    optionsOf(op, options, NAMES)
    checkWhole(op, 'limit', limit, 1, MOST_ROWS)
    checkSizes(op, { features }, () => limit * features)
    const { kind = 'learned', deviation = 1, device } = options
    checkChoice(op, 'kind', kind, KINDS)
    checkFinite(op, 'deviation', deviation)
    checkInit(op, options.init)
    this.initSpec = options.init
    this.deviation = deviation
    if (kind === 'learned') this.weight = new Parameter([limit, features], { device })
    else {
      const most = `at most ${MOST_SINUSOIDS} numbers of sinusoids`
      expect(op, 'limit, features', limit * features <= MOST_SINUSOIDS, most, [limit, features])
      const values = sinusoids(limit, features, deviation)
      this.sinusoids = this.constant(tensor(values, [limit, features], { device }))
    }
    this.reset(seedOf(op, options))
  }

  protected override initialise(source: InitSource): void {
    if (this.weight) source.fill('weight', this.weight, { normal: this.deviation })
  }

  /** @internal A row for each position. */
  get table(): Tensor {
    return (this.weight ?? this.sinusoids) as Tensor
  }

  /**
   * @internal Rows of the table, or of what was made of it row by row, for steps from `first` on, [time, 1, ...]; `first` may
   * be the steps' positions below the limit, i32 [time, 1], where a recorded step is to run with others.
   */
  rows(first: number | Tensor, time: number, table: Tensor = this.table): Tensor {
    if (typeof first !== 'number') return ops.embedding(first, table)
    const parts: Tensor[] = []
    let made = 0
    do {
      const from = (first + made) % this.limit
      const count = Math.min(time - made, this.limit - from)
      parts.push(ops.slice(table, 0, from, count))
      made += count
    } while (made < time)
    const all = parts.length === 1 ? (parts[0] as Tensor) : ops.concat(parts, 0)
    const rows = ops.reshape(all, [time, 1, table.shape[1] as number])
    for (const used of new Set([...parts, all])) used.dispose() // the tape holds what it needs
    return rows
  }

  /** x, `[time, batch, features]`, with each position's vector added. */
  forward(x: Tensor, options: PositionForwardOptions = {}): Tensor<Real> {
    const op = 'positionEmbedding'
    const { first = 0 } = optionsOf(op, options, FORWARD_NAMES)
    checkWhole(op, 'first', first, 0)
    checkReal(op, 'x', x)
    if (x.dims !== 3 || x.shape[2] !== this.features)
      throw shapeError(op, 'x', `[time, batch, ${this.features}]`, formatShape(x.shape))
    return this.add(x, first) as Tensor<Real>
  }

  /** @internal x and the rows of its steps, as {@link rows} has them. */
  add(x: Tensor, first: number | Tensor, table?: Tensor): Tensor {
    const rows = this.rows(first, x.shape[0] as number, table)
    const sum = ops.add(x, rows)
    rows.dispose()
    return sum
  }
}
