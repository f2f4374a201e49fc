import { ALONE, isDealt, padPairs, PairBatches, shared, tokensOf } from '../../data'
import type { Feed, PairBatch, PairSet, Portion, Share } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import { noGrad, scope, type Tensor } from '../../tensor'
import { TOKEN_STEP } from '../../tensor/program'
import * as ops from '../../ops'
import { penalties } from '../../nn'
import { sendInputs, withInputs, type BatchLoss, type BatchPlace } from '../../train/objective'
import type { Objective, StepInput } from '../../train/objective'
import { pairInputs, pairTensors, type Seq2SeqNetwork } from './network'
import { cutToCells } from './room'
import { ScheduledSampling } from './sampled-inputs'
import type { SamplingSchedule } from './scheduled-sampling'

/** Batches of pairs. */
export class PairFeed implements Feed<PairBatch> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private batches: PairBatches

  /** `text`: the digest of the pairs. */
  constructor(
    private readonly pairs: PairSet,
    text: string,
    private readonly batchTokens: number,
    seed: number,
  ) {
    this.batches = new PairBatches(pairs, { batchTokens, seed })
    this.identity = { batchTokens, pairs: pairs.length, text }
    this.facts = { pairs: pairs.length }
  }

  get count(): number {
    return this.batches.count
  }

  /** Which pairs make up each batch of the first pass. */
  get first(): Uint32Array[] {
    return Array.from({ length: this.count }, (_, i) => this.batches.indices(0, i))
  }

  portionOf(indices: Uint32Array): Portion<PairBatch> {
    return this.portion(this.pairs.assemble(indices), false)
  }

  private portion(own: PairBatch, repeating: boolean): Portion<PairBatch> {
    const batch = repeating ? toBucket(own) : own
    const { tokens: items, rows } = batch
    return { batch, items, rows, key: bucketOf(batch) }
  }

  reseed(seed: number): void {
    this.batches = new PairBatches(this.pairs, { batchTokens: this.batchTokens, seed })
  }

  *pass(
    pass: number,
    first: number,
    repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<PairBatch>> {
    const make = (own: Uint32Array) => this.portion(this.pairs.assemble(own), repeating)
    for (let i = first; i < this.count; ++i)
      yield shared(this.batches.indices(pass, i), share, make)
  }
}

export interface Seq2SeqTaskOptions {
  labelSmoothing: number
  confidencePenalty: number
  coverage: number
  scheduledSampling?: SamplingSchedule | undefined
  vocabularies: { source: number; target: number }
  seed: number
  /** What else a resumed run must share: the model's options and its tokenizers. */
  identity: Readonly<Record<string, unknown>>
  validate: Objective<PairBatch>['validate']
  /** What it validates with; null: nothing. */
  validation: unknown
  checkRoom: NonNullable<Objective<PairBatch>['checkRoom']>
  files: () => Promise<CheckpointFiles>
}

/** Learns to predict each token of a target from its source and the tokens before. */
export class Seq2SeqTask implements Objective<PairBatch> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly validate: Objective<PairBatch>['validate']
  readonly validation: unknown
  readonly settings: { confidencePenalty: number; coverage: number }
  readonly checkRoom: NonNullable<Objective<PairBatch>['checkRoom']>
  readonly files: () => Promise<CheckpointFiles>
  private readonly labelSmoothing: number
  private readonly schedule: SamplingSchedule | undefined
  private sampling: ScheduledSampling | null

  constructor(
    readonly module: Seq2SeqNetwork,
    options: Seq2SeqTaskOptions,
  ) {
    const { labelSmoothing, scheduledSampling, vocabularies, seed, identity } = options
    this.labelSmoothing = labelSmoothing
    this.schedule = scheduledSampling
    this.sampling = samplingOf(scheduledSampling, seed)
    const json = scheduledSampling?.toJSON() ?? null
    this.identity = { model: 'Seq2Seq', ...identity, labelSmoothing, scheduledSampling: json }
    const { source, target } = vocabularies
    // Vectors have none.
    const read: Record<string, number> = source > 0 ? { 'source vocabulary': source } : {}
    this.facts = { ...read, 'target vocabulary': target }
    this.validate = options.validate
    this.validation = options.validation
    const { confidencePenalty, coverage } = options
    this.settings = { confidencePenalty, coverage }
    this.checkRoom = options.checkRoom
    this.files = options.files
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
    { step, within }: BatchPlace<object>,
  ): BatchLoss<Record<string, Tensor>> {
    const tensors = pairTensors(inputs)
    const ids = this.sampling?.inputs(this.module, batch, step, within)
    if (ids) tensors.target.ids = ids
    const { labelSmoothing } = this
    const { confidencePenalty, coverage } = this.settings
    const options = { labelSmoothing, keepLogits: confidencePenalty > 0 }
    const { losses, logits, weights } = this.module.train().predict(tensors, options)
    const { lengths } = tensors.target
    const confidence =
      logits && ops.mul(penalties.confidence(logits, { lengths }), confidencePenalty)
    const again = coverage > 0 && weights && ops.mul(penalties.coverage(weights), coverage)
    const told = { ...(confidence && { confidence }), ...(again && { coverage: again }) }
    const count = tokensOf(batch.target)
    const penalised = Object.keys(told).length > 0
    return { sum: ops.sum(losses), count, ...(penalised && { penalties: told }) }
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

/** Each pair's outputs in order, with their nats. Of a share those of its batches; the others have none. */
export async function pairNats(
  network: Seq2SeqNetwork,
  pairs: PairSet,
  checkGoing: () => void,
  share: Share = ALONE,
): Promise<Float64Array[]> {
  const found = new Array<Float64Array>(pairs.length).fill(new Float64Array())
  const batches = new PairBatches(pairs, { batchTokens: SCORED_TOKENS, seed: 0 })
  for (let i = 0; i < batches.count; ++i) {
    if (!isDealt(i, share)) continue
    for (const indices of cutToCells(pairs, batches.indices(0, i))) {
      checkGoing()
      const nats = await natsOf(network, pairs, indices)
      indices.forEach((pair, row) => (found[pair] = nats[row] as Float64Array))
    }
  }
  return found
}

/** By output token of a batch. */
export function meanLoss(network: Seq2SeqNetwork, batch: PairBatch): Tensor {
  const inputs = sendInputs(pairInputs(batch), network.decoder.output.weight.device)
  const losses = network.losses(pairTensors(inputs))
  return ops.affine(ops.sum(losses), 1 / tokensOf(batch.target), 0)
}

/** Nats of the outputs of each of these pairs. */
export async function natsOf(
  network: Seq2SeqNetwork,
  pairs: PairSet,
  indices: Uint32Array,
): Promise<Float64Array[]> {
  const { device } = network.decoder.output.weight
  const batch = pairs.assemble(indices)
  const { rows, target } = batch
  const losses = withInputs(pairInputs(batch), device, (given) =>
    scope(() => noGrad(() => network.eval().losses(pairTensors(given)))),
  )
  const values = await losses.data().finally(() => losses.dispose())
  return Array.from(target.lengths, (length, row) =>
    Float64Array.from({ length }, (_, t) => values[t * rows + row] as number),
  )
}
