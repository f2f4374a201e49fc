import { RnnativeError } from '../errors'
import { Parameter, type Tensor } from '../tensor'
import { freshSeed } from '../tensor/create'
import * as ops from '../ops'
import { checkInit, type InitSource } from './init'
import { checkSizes, type LayerOptions } from './layers'
import { Module } from './module'

/**
 * How a query is scored against a position of the memory. `additive`: v · tanh(W q + U m) (Bahdanau et
 * al. 2015); `concat`: v · tanh(W [q; m]) (Luong et al. 2015), the same with W cut in two; `dot`: q ·
 * m; `scaled-dot`: q · m / sqrt(size) (Vaswani et al. 2017); `general`: q · W m (Luong et al. 2015).
 */
export type AttentionKind = 'additive' | 'dot' | 'scaled-dot' | 'general' | 'concat'

const SCORES: Readonly<Record<AttentionKind, ops.AttentionScore>> = {
  additive: 'additive',
  concat: 'additive',
  dot: 'dot',
  'scaled-dot': 'scaled_dot',
  general: 'dot',
}

export interface AttentionOptions extends LayerOptions {
  kind: AttentionKind
  /** Features of a query. */
  query: number
  /** Features of a position of the memory; those of a query with `dot` and `scaled-dot`. */
  memory: number
  /** Hidden units of additive scores. Default: as the query. */
  size?: number | undefined
}

export interface AttentionForwardOptions {
  /** Real queries of each row, zero included; all unless given. */
  queryLengths?: ops.Integers | null | undefined
  /** Real positions of each row's memory, zero included; all unless given. */
  memoryLengths?: ops.Integers | null | undefined
  /** `keys(memory)` where it has been computed before. */
  keys?: Tensor | null | undefined
}

/**
 * Attention over a memory, whose positions are keys and values at once. Parameters: `weight_query`
 * [A, query], `weight_key` [A, memory] and `v` [A] with additive scores, `weight_key` [query, memory]
 * with general ones; uniform at first within ±1/sqrt(their inputs).
 */
export class Attention extends Module {
  readonly kind: AttentionKind
  readonly score: ops.AttentionScore
  weight_query: Parameter | null = null
  weight_key: Parameter | null = null
  v: Parameter | null = null

  constructor({ kind, query, memory, size = query, ...options }: AttentionOptions) {
    super()
    if (!Object.hasOwn(SCORES, kind))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[attention] kind: expected one of ${Object.keys(SCORES).join(', ')}, got ${String(kind)}`,
      )
    checkSizes('attention', { query, memory, size })
    checkInit('attention', options.init)
    this.initSpec = options.init
    this.kind = kind
    this.score = SCORES[kind]
    if (this.score === 'additive') {
      this.weight_query = new Parameter([size, query], options)
      this.weight_key = new Parameter([size, memory], options)
      this.v = new Parameter([size], options)
    } else if (kind === 'general') this.weight_key = new Parameter([query, memory], options)
    else if (query !== memory)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[attention] memory: expected ${query}, as the query with ${kind}, got ${memory}`,
      )
    this.reset(options.seed ?? freshSeed())
  }

  protected override initialise(source: InitSource): void {
    for (const [name, parameter] of this.namedParameters())
      source.fill(name, parameter, { uniform: 1 / Math.sqrt(parameter.shape.at(-1) as number) })
  }

  /** Memory [time, batch, memory] as keys [time, batch, A], for use in many calls. */
  keys(memory: Tensor): Tensor {
    return this.weight_key ? ops.linear(memory, this.weight_key) : ops.reshape(memory, memory.shape)
  }

  /** Queries as the keys are. */
  queries(x: Tensor): Tensor {
    return this.weight_query ? ops.linear(x, this.weight_query) : ops.reshape(x, x.shape)
  }

  /** x: [Tq, batch, query], memory: [Tk, batch, memory]; context: [Tq, batch, memory]. */
  forward(
    x: Tensor,
    memory: Tensor,
    { queryLengths, memoryLengths, keys }: AttentionForwardOptions = {},
  ): ops.AttentionResult {
    const queries = this.queries(x)
    const own = keys ?? this.keys(memory)
    const { score, v } = this
    const result = ops.attention(queries, own, memory, { score, v, queryLengths, memoryLengths })
    queries.dispose()
    if (!keys) own.dispose()
    return result
  }
}
