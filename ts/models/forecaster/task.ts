import { createHash } from 'node:crypto'
import { arrange, numbersFor } from '../../data/arrange'
import { ALONE, shared, type Feed, type Portion, type Share } from '../../data'
import type { Origin } from '../../data/series'
import { RnnativeError } from '../../errors'
import type { CheckpointFiles } from '../../io/checkpoint'
import type { Tensor } from '../../tensor'
import { randomUniforms, streamKey } from '../../tensor/random'
import * as ops from '../../ops'
import { evaluate } from '../../train/evaluate'
import type { BatchLoss, Objective, StepInput } from '../../train/objective'
import type { Frame } from './frames'
import { lossOf, middleOf } from './losses'
import type { ForecasterNetwork, WindowTensors } from './network'
import type { ForecasterNetworkOptions } from './options'
import { assemble, type LayoutOptions, type WindowBatch } from './windows'

/** Windows in batches, in an order that chance decides. They are cut out of the series when they are wanted. */
export class WindowFeed implements Feed<WindowBatch> {
  readonly unit = 'windows'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>

  /** `data`: the digest of the series. */
  constructor(
    private readonly frames: readonly Frame[],
    private readonly origins: readonly Origin[],
    private readonly layout: LayoutOptions,
    /** Of what is learned the order is chance. */
    private readonly part: 'data' | 'validation',
    private readonly options: { batch: number; seed: number; data: string },
  ) {
    const { batch, data } = options
    if (origins.length === 0)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[fit] ${part}: expected a series with a window of ${layout.context} and ${layout.horizon} steps, got none`,
      )
    this.identity = { batch, windows: origins.length, data }
    this.facts = { windows: origins.length, series: frames.length }
  }

  get count(): number {
    return Math.ceil(this.origins.length / this.options.batch)
  }

  reseed(seed: number): void {
    this.options.seed = seed
  }

  /** Which windows make up each batch. */
  private order(pass: number): Uint32Array[] {
    const { batch: rows, seed } = this.options
    const { length } = this.origins
    // Of one size all: the order is chance alone.
    const arrangement = { length, sizes: [() => 0], count: this.count, rows }
    const random = { key: streamKey(seed, 'windows'), step: pass, sampleBase: 0 }
    return arrange(arrangement, randomUniforms(random, numbersFor(arrangement)))
  }

  *pass(
    pass: number,
    first: number,
    _repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<WindowBatch>> {
    const { batch: rows } = this.options
    const order = this.part === 'data' ? this.order(pass) : null
    for (let i = first; i < this.count; ++i) {
      const chosen = order
        ? Array.from(order[i] as Uint32Array, (at) => this.origins[at] as Origin)
        : this.origins.slice(i * rows, (i + 1) * rows)
      yield shared(chosen, share, (own) => {
        const batch = assemble(this.frames, own, this.layout, true)
        const items = own.length
        return { batch, items, rows: items, key: `${items} ${batch.whole}` }
      })
    }
  }
}

export interface ForecasterTaskOptions {
  options: ForecasterNetworkOptions
  /** What else a resumed run must share. */
  identity: Readonly<Record<string, unknown>>
  held: WindowFeed | null
  validation: unknown
  /** All is tried: the first step comes next. */
  begin: () => void
  files: () => Promise<CheckpointFiles>
}

/** Learns to tell what follows from what was. */
export class ForecasterTask implements Objective<WindowBatch> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly repeats = true
  readonly validate: Objective<WindowBatch>['validate']
  readonly validation: unknown
  readonly begin: () => void
  readonly files: () => Promise<CheckpointFiles>
  private readonly options: ForecasterNetworkOptions

  constructor(
    readonly module: ForecasterNetwork,
    { options, identity, held, validation, begin, files }: ForecasterTaskOptions,
  ) {
    this.options = options
    this.identity = { model: 'Forecaster', ...identity }
    const { device } = module.head.weight
    this.validate = held
      ? (checkGoing, share) => evaluate(this, held, device, checkGoing, share)
      : undefined
    this.validation = validation
    this.begin = begin
    this.files = files
  }

  inputs({ inputs }: WindowBatch): StepInput[] {
    return Object.values(inputs)
  }

  count({ count }: WindowBatch): number {
    return count
  }

  loss(given: readonly Tensor[], batch: WindowBatch): BatchLoss<Record<string, Tensor>> {
    const inputs = named(batch, given)
    const { targets, weights, scale } = inputs as Record<'targets' | 'weights', Tensor> &
      WindowTensors
    const made = this.module.forward(inputs)
    const sum = lossOf(this.options, made, targets, weights, scale ?? null)
    if (this.module.training || this.options.model === 'deepar') return { sum, count: batch.count }
    const error = ops.sub(targets, ops.slice(made, 1, middleOf(this.options), 1))
    const measure = (losses: Tensor) => ({
      sum: ops.sum(ops.mul(losses, weights)),
      count: batch.count,
    })
    const measures = { mse: measure(ops.square(error)), mae: measure(ops.abs(error)) }
    return { sum, count: batch.count, measures }
  }
}

/** Tensors by the names of the batch that they were made of. */
export const named = (
  { inputs }: Pick<WindowBatch, 'inputs'>,
  given: readonly Tensor[],
): WindowTensors =>
  Object.fromEntries(Object.keys(inputs).map((name, i) => [name, given[i] as Tensor]))

/** The SHA-256 of what is learned: the first steps of each series. */
export function digestOfFrames(frames: readonly Frame[], ends: readonly number[]): string {
  const hash = createHash('sha256')
  frames.forEach(({ series, targets, past, known }, i) => {
    hash.update(`${series.key}\0${ends[i]}\0${series.timeAt(0)}\0`)
    for (const column of [...targets, ...past, ...known]) hash.update(column.subarray(0, ends[i]))
  })
  return hash.digest('hex')
}
