import { checkChoice, optionsOf, type Names } from '../check'
import { RnnativeError } from '../errors'
import { Parameter, type Tensor } from '../tensor'
import * as ops from '../ops'
import { checkInit, type InitSource } from './init-source'
import { checkSizes, LAYER_NAMES, same, seedOf, type LayerOptions } from './layers'
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

/** What an {@link Attention} is made of. */
export interface AttentionOptions extends LayerOptions {
  /** How queries and keys are scored. */
  kind: AttentionKind
  /** Features of a query. */
  query: number
  /** Features of a position of the memory; those of a query with `dot` and `scaled-dot`. */
  memory: number
  /** Hidden units of additive scores. Default: as the query. */
  size?: number | undefined
}

/** Options of {@link Attention}'s `forward`. */
export interface AttentionForwardOptions {
  /** Real queries of each row, zero included; all unless given. */
  queryLengths?: ops.Integers | null | undefined
  /** Real positions of each row's memory, zero included; all unless given. */
  memoryLengths?: ops.Integers | null | undefined
  /** `keys(memory)` where it has been computed before. */
  keys?: Tensor | null | undefined
}

const NAMES: Names<AttentionOptions> = {
  ...LAYER_NAMES,
  ...{ kind: true, query: true, memory: true, size: true },
}
const FORWARD_NAMES: Names<AttentionForwardOptions> = {
  ...{ queryLengths: true, memoryLengths: true, keys: true },
}

/**
 * Attention over a memory, whose positions are keys and values at once. Parameters: `weight_query`
 * [A, query], `weight_key` [A, memory] and `v` [A] with additive scores, `weight_key` [query, memory]
 * with general ones; uniform at first within ±1/sqrt(their inputs).
 */
export class Attention extends Module {
  /** How queries and keys are scored. */
  readonly kind: AttentionKind
  /** The op's name for it. */
  readonly score: ops.AttentionScore
  /** `[A, query]`, of additive scores. */
  weight_query: Parameter | null = null
  /** `[A, memory]`, or `[query, memory]` of general ones. */
  weight_key: Parameter | null = null
  /** `[A]`, of additive scores. */
  v: Parameter | null = null

  constructor(options: AttentionOptions) {
    super()
    const { kind, query, memory, size = query, device } = optionsOf('attention', options, NAMES)
    checkChoice('attention', 'kind', kind, Object.keys(SCORES))
    checkSizes(
      'attention',
      { query, memory, size },
      () => Math.max(query, memory) * Math.max(memory, size),
    )
    checkInit('attention', options.init)
    this.initSpec = options.init
    this.kind = kind
    this.score = SCORES[kind]
    if (this.score === 'additive') {
      this.weight_query = new Parameter([size, query], { device })
      this.weight_key = new Parameter([size, memory], { device })
      this.v = new Parameter([size], { device })
    } else if (kind === 'general') this.weight_key = new Parameter([query, memory], { device })
    else if (query !== memory)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[attention] memory: expected ${query}, as the query with ${kind}, got ${memory}`,
      )
    this.reset(seedOf('attention', options))
  }

  protected override initialise(source: InitSource): void {
    for (const [name, parameter] of this.namedParameters())
      source.fill(name, parameter, { uniform: 1 / Math.sqrt(parameter.shape.at(-1) as number) })
  }

  /** Memory [time, batch, memory] as keys [time, batch, A], for use in many calls. */
  keys(memory: Tensor): Tensor {
    return this.weight_key ? ops.linear(memory, this.weight_key) : same('attention', memory)
  }

  /** Queries as the keys are. */
  queries(x: Tensor): Tensor {
    return this.weight_query ? ops.linear(x, this.weight_query) : same('attention', x)
  }

  /** x: [Tq, batch, query], memory: [Tk, batch, memory]; context: [Tq, batch, memory]. */
  forward(x: Tensor, memory: Tensor, options: AttentionForwardOptions = {}): ops.AttentionResult {
    const { queryLengths, memoryLengths, keys } = optionsOf('attention', options, FORWARD_NAMES)
    const queries = this.queries(x)
    const own = keys ?? this.keys(memory)
    const { score, v } = this
    const result = ops.attention(queries, own, memory, { score, v, queryLengths, memoryLengths })
    queries.dispose()
    if (!keys) own.dispose()
    return result
  }
}
