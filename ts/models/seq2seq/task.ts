import { padPairs, PairBatches, tokensOf } from '../../data'
import type { Feed, PairBatch, PairSet, Portion } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import { noGrad, scope, type Tensor } from '../../tensor'
import { TOKEN_STEP } from '../../tensor/program'
import * as ops from '../../ops'
import { withInputs, type BatchLoss, type BatchPlace } from '../../train/objective'
import type { Objective, StepInput } from '../../train/objective'
import type { Totals } from '../../train/totals'
import { pairInputs, pairTensors, type Seq2SeqNetwork } from './network'
import { ScheduledSampling } from './sampled-inputs'
import type { SamplingSchedule } from './scheduled-sampling'

/** Batches of pairs. */
export class PairFeed implements Feed<PairBatch> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private batches: PairBatches

  constructor(
    private readonly pairs: PairSet,
    private readonly batchTokens: number,
    seed: number,
  ) {
    this.batches = new PairBatches(pairs, { batchTokens, seed })
    this.identity = { batchTokens, pairs: pairs.length, text: pairs.digest() }
    this.facts = { pairs: pairs.length }
  }

  get count(): number {
    return this.batches.count
  }

  reseed(seed: number): void {
    this.batches = new PairBatches(this.pairs, { batchTokens: this.batchTokens, seed })
  }

  *pass(pass: number, first: number, repeating = false): Generator<Portion<PairBatch>> {
    for (let i = first; i < this.count; ++i) {
      const own = this.batches.batch(pass, i)
      const batch = repeating ? toBucket(own) : own
      const { tokens: items, rows } = batch
      yield { batch, items, rows, key: bucketOf(batch) }
    }
  }
}

export interface Seq2SeqTaskOptions {
  labelSmoothing: number
  scheduledSampling?: SamplingSchedule | undefined
  vocabularies: { source: number; target: number }
  seed: number
  validate: (() => Promise<Totals>) | undefined
  files: () => Promise<CheckpointFiles>
}

/** Learns to predict each token of a target from its source and the tokens before. */
export class Seq2SeqTask implements Objective<PairBatch> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly validate: (() => Promise<Totals>) | undefined
  readonly files: () => Promise<CheckpointFiles>
  private readonly labelSmoothing: number
  private readonly schedule: SamplingSchedule | undefined
  private sampling: ScheduledSampling | null

  constructor(
    readonly module: Seq2SeqNetwork,
    { labelSmoothing, scheduledSampling, vocabularies, seed, validate, files }: Seq2SeqTaskOptions,
  ) {
    this.labelSmoothing = labelSmoothing
    this.schedule = scheduledSampling
    this.sampling = samplingOf(scheduledSampling, seed)
    const json = scheduledSampling?.toJSON() ?? null
    this.identity = { model: 'Seq2Seq', labelSmoothing, scheduledSampling: json }
    const { source, target } = vocabularies
    this.facts = { 'source vocabulary': source, 'target vocabulary': target }
    this.validate = validate
    this.files = files
  }

  /** Its own guesses at this step are in a batch's loss. */
  get repeats(): boolean {
    return this.schedule === undefined
  }

  reseed(seed: number): void {
    this.sampling = samplingOf(this.schedule, seed)
  }

  inputs(batch: PairBatch): StepInput[] {
    return pairInputs(batch)
  }

  count({ target }: PairBatch): number {
    return tokensOf(target)
  }

  loss(
    inputs: readonly Tensor[],
    batch: PairBatch,
    { step }: BatchPlace<object>,
  ): BatchLoss<Record<string, Tensor>> {
    const tensors = pairTensors(inputs)
    const ids = this.sampling?.inputs(this.module, batch, step)
    if (ids) tensors.target.ids = ids
    const losses = this.module.train().losses(tensors, this.labelSmoothing)
    return { sum: ops.sum(losses), count: tokensOf(batch.target) }
  }
}

const samplingOf = (schedule: SamplingSchedule | undefined, seed: number) =>
  schedule ? new ScheduledSampling(schedule, seed) : null

/**
 * Batches are padded to multiples of these, so that few programs serve many. A position more costs a
 * step of the decoder; the encoder and all products leave out most of what is padding.
 */
const BUCKET = { rows: 16, fewRows: 4, source: 8, target: 4 }

function toBucket(batch: PairBatch): PairBatch {
  const up = (size: number, step: number) => Math.ceil(Math.max(size, 1) / step) * step
  return padPairs(batch, {
    rows: up(batch.rows, batch.rows < BUCKET.rows ? BUCKET.fewRows : BUCKET.rows),
    source: up(batch.source.steps, BUCKET.source),
    target: up(batch.target.steps, BUCKET.target),
  })
}

/** What a program depends on: the extents, and how many tokens it has room for. */
function bucketOf({ rows, source, target }: PairBatch): string {
  const room = [source, target].map((side) => Math.ceil(tokensOf(side) / TOKEN_STEP))
  return [rows, source.steps, target.steps, ...room].join(' ')
}

/** Real tokens that are scored at a time. */
const SCORED_TOKENS = 8192

/** Each pair's outputs in order, with their nats. */
export async function pairNats(
  network: Seq2SeqNetwork,
  pairs: PairSet,
  checkGoing: () => void,
): Promise<Float64Array[]> {
  const found = new Array<Float64Array>(pairs.length)
  const { device } = network.decoder.output.weight
  const batches = new PairBatches(pairs, { batchTokens: SCORED_TOKENS, seed: 0 })
  for (let i = 0; i < batches.count; ++i) {
    checkGoing()
    const indices = batches.indices(0, i)
    const batch = pairs.assemble(indices)
    const inputs = pairInputs(batch)
    const losses = withInputs(inputs, device, (given) =>
      scope(() => noGrad(() => network.eval().losses(pairTensors(given)))),
    )
    const values = await losses.data().finally(() => losses.dispose())
    indices.forEach((pair, row) => {
      const length = batch.target.lengths[row] as number
      found[pair] = Float64Array.from({ length }, (_, t) => values[t * batch.rows + row] as number)
    })
  }
  return found
}
