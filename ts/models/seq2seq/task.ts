import { padPairs, PairBatches, tokensOf, type PairBatch, type PairSet } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import type { HostTensor, RandomContext } from '../../nn'
import { noGrad, scope, type Tensor } from '../../tensor'
import * as ops from '../../ops'
import { TOKEN_STEP } from '../../train/programs'
import { withInputs, type TrainingStep, type TrainingTask } from '../../train/task'
import { pairInputs, pairTensors, type Seq2SeqNetwork } from './network'
import { ScheduledSampling } from './sampled-inputs'
import type { SamplingSchedule } from './scheduled-sampling'

export interface Seq2SeqTaskOptions {
  /** Real tokens of a step's sources and targets. */
  batchTokens: number
  labelSmoothing: number
  scheduledSampling?: SamplingSchedule | undefined
  vocabularies: { source: number; target: number }
  seed: number
  validate: (() => Promise<number>) | undefined
  modelFiles: () => Promise<CheckpointFiles>
}

/** Learns to predict each token of a target from its source and the tokens before. */
export class Seq2SeqTask implements TrainingTask {
  readonly unit = 'tokens'
  readonly facts: Readonly<Record<string, number>>
  readonly identity: Readonly<Record<string, unknown>>
  readonly validate: (() => Promise<number>) | undefined
  readonly modelFiles: () => Promise<CheckpointFiles>
  private batches: PairBatches
  private sampling: ScheduledSampling | null

  constructor(
    readonly module: Seq2SeqNetwork,
    private readonly pairs: PairSet,
    private readonly options: Seq2SeqTaskOptions,
  ) {
    const { batchTokens, labelSmoothing, scheduledSampling, seed } = options
    this.batches = new PairBatches(pairs, { batchTokens, seed })
    this.sampling = samplingOf(scheduledSampling, seed)
    this.identity = {
      model: 'Seq2Seq',
      batchTokens,
      labelSmoothing,
      scheduledSampling: scheduledSampling?.toJSON() ?? null,
      pairs: pairs.length,
      text: pairs.digest(),
    }
    const { source, target } = options.vocabularies
    this.facts = { pairs: pairs.length, 'source vocabulary': source, 'target vocabulary': target }
    this.validate = options.validate
    this.modelFiles = options.modelFiles
  }

  get stepsPerEpoch(): number {
    return this.batches.count
  }

  reseed(seed: number): void {
    const { batchTokens, scheduledSampling } = this.options
    this.batches = new PairBatches(this.pairs, { batchTokens, seed })
    this.sampling = samplingOf(scheduledSampling, seed)
  }

  step(index: number, step: number, random: RandomContext, programs: boolean): TrainingStep {
    const pass = Math.floor((step - 1) / this.stepsPerEpoch)
    const batch = this.batches.batch(pass, index)
    const { module, sampling } = this
    const { labelSmoothing } = this.options
    const recorded = programs && sampling === null
    const laidOut = recorded ? toBucket(batch) : batch
    const share = Float64Array.of(1 / tokensOf(batch.target))
    return {
      tokens: batch.tokens,
      inputs: [...pairInputs(laidOut), { data: share, shape: [] }],
      key: recorded ? bucketOf(laidOut) : null,
      gradient: (given) => {
        const loss = scope(() => {
          const tensors = pairTensors(given)
          const ids = sampling?.inputs(module, batch, step)
          if (ids) tensors.target.ids = ids
          module.train()
          random.set({ step, sampleBase: 0 })
          const losses = module.losses(tensors, labelSmoothing)
          const mean = ops.mul(ops.sum(losses), given[5] as Tensor)
          mean.backward()
          return mean.detach()
        })
        return [loss]
      },
    }
  }

  reset(): void {}

  carried(): Promise<Map<string, HostTensor>> {
    return Promise.resolve(new Map())
  }

  restoreCarried(): void {}

  dispose(): void {}
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
