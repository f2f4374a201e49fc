import { optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { Parameter, tensor, type Real, type Tensor } from '../tensor'
import { untrack } from '../tensor/scope'
import * as ops from '../ops'
import { checkInit, type InitSource } from './init-source'
import { checkSizes, LAYER_NAMES, seedOf, type LayerOptions } from './layers'
import { Module } from './module'

/** Which neighbours there may be; true: allowed. */
export interface AllowedTags {
  /** [from][to]. */
  transitions: readonly (readonly boolean[])[]
  /** Of first tags. */
  start: readonly boolean[]
  /** Of last tags. */
  end: readonly boolean[]
}

/** Options of a {@link CRF}. */
export interface CRFOptions extends LayerOptions {
  /** What is not allowed has no probability, whatever is learned. Default: all is allowed. */
  allowed?: AllowedTags | null | undefined
}

const NAMES: Names<CRFOptions> = { ...LAYER_NAMES, allowed: true }

/** Scores on the host, -Infinity where forbidden. */
export interface CRFScores {
  /** How many tags there are. */
  tags: number
  /** [tags, tags], from row to column. */
  transitions: ArrayLike<number>
  /** Of first tags, `[tags]`. */
  start: ArrayLike<number>
  /** Of last tags, `[tags]`. */
  end: ArrayLike<number>
}

/**
 * A linear-chain conditional random field over emissions [time, batch, tags]: {@link ops.crf} with learned
 * `transitions` [tags, tags], `start` and `end` [tags]; normal at first, of deviation 0.1. `decode.viterbi`
 * finds the best tags.
 */
export class CRF extends Module {
  /** `[tags, tags]`, from row to column. */
  transitions: Parameter
  /** Of first tags, `[tags]`. */
  start: Parameter
  /** Of last tags, `[tags]`. */
  end: Parameter
  /** How many tags there are. */
  readonly tags: number
  private readonly allowed: AllowedTags | null
  private readonly masks: Readonly<Record<'transitions' | 'start' | 'end', Tensor | null>>

  constructor(tags: number, options: CRFOptions = {}) {
    super()
    const { allowed = null, device } = optionsOf('crf', options, NAMES)
    checkSizes('crf', { tags }, () => tags * tags)
    expect('crf', 'tags', tags <= ops.MOST_TAGS, `at most ${ops.MOST_TAGS}`, tags)
    checkInit('crf', options.init)
    if (allowed !== null) checkAllowed(tags, allowed)
    this.tags = tags
    this.allowed = allowed
    this.initSpec = options.init
    this.transitions = new Parameter([tags, tags], { device })
    this.start = new Parameter([tags], { device })
    this.end = new Parameter([tags], { device })
    this.masks = {
      transitions: maskOf(this.transitions, allowed?.transitions.flat()),
      start: maskOf(this.start, allowed?.start),
      end: maskOf(this.end, allowed?.end),
    }
    this.reset(seedOf('crf', options))
  }

  protected override initialise(source: InitSource): void {
    const usual = { normal: 0.1 }
    source.fill('transitions', this.transitions, usual)
    source.fill('start', this.start, usual)
    source.fill('end', this.end, usual)
  }

  /** The log-likelihood of each row's tags: i32 [time, batch] to [batch]. */
  forward(
    emissions: Tensor,
    tags: Tensor,
    { lengths }: Pick<ops.CrfOptions, 'lengths'> = {},
  ): Tensor<Real> {
    const [transitions, start, end] = (['transitions', 'start', 'end'] as const).map((name) => {
      const mask = this.masks[name]
      return mask ? ops.add(this[name], mask) : this[name]
    }) as [Tensor, Tensor, Tensor]
    return ops.crf(emissions, tags, { transitions, start, end, lengths })
  }

  /** The scores as they are now, for `decode`. */
  async scores(): Promise<CRFScores> {
    const { allowed, tags } = this
    const [transitions, start, end] = await Promise.all(
      [this.transitions, this.start, this.end].map((x) => x.data()),
    )
    const masked = (values: ArrayLike<number>, ok: readonly boolean[] | undefined) =>
      Float64Array.from(values, (x, i) => (ok?.[i] === false ? -Infinity : x))
    return {
      tags,
      transitions: masked(transitions as ArrayLike<number>, allowed?.transitions.flat()),
      start: masked(start as ArrayLike<number>, allowed?.start),
      end: masked(end as ArrayLike<number>, allowed?.end),
    }
  }
}

/** Added to scores: -Infinity where not allowed. It is the module's, and outlives a scope that this is made in. */
function maskOf({ shape, device }: Parameter, allowed?: readonly boolean[]): Tensor | null {
  if (allowed === undefined || allowed.every((one) => one)) return null
  const values = Float32Array.from(allowed, (one) => (one ? 0 : -Infinity))
  const mask = tensor(values, shape, { device })
  untrack(mask)
  return mask
}

function checkAllowed(tags: number, { transitions, start, end }: AllowedTags): void {
  const list = (x: unknown): boolean =>
    Array.isArray(x) && x.length === tags && x.every((one) => typeof one === 'boolean')
  const words = `${tags} of true and false`
  expect('crf', 'allowed.start', list(start), words, start)
  expect('crf', 'allowed.end', list(end), words, end)
  const table = Array.isArray(transitions) && transitions.length === tags && transitions.every(list)
  expect('crf', 'allowed.transitions', table, `${tags} lists of ${words}`, transitions)
}
