import { PairBatches, type PairBatch, type PairSet } from '../data'
import { expect } from '../errors'
import type { CheckpointFiles } from '../io/checkpoint'
import type { HostTensor, RandomContext } from '../nn'
import { noGrad, scope } from '../tensor'
import * as ops from '../tensor/ops'
import type { SamplingSchedule } from '../train'
import type { StepGradient, TrainingTask } from '../train/task'
import type { Seq2SeqNetwork } from './seq2seq-network'
import { ScheduledSampling } from './seq2seq-sampling'

export interface Seq2SeqTaskOptions {
  /** Real tokens of a step's sources and targets. */
  batchTokens: number
  labelSmoothing: number
  scheduledSampling: SamplingSchedule | null
  seed: number
  validate: (() => Promise<number>) | undefined
  modelFiles: () => Promise<CheckpointFiles>
}

/** Learns to predict each token of a target from its source and the tokens before. */
export class Seq2SeqTask implements TrainingTask {
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
    const share = labelSmoothing >= 0 && labelSmoothing < 1
    expect('fit', 'labelSmoothing', share, 'a number in [0, 1)', labelSmoothing)
    this.batches = new PairBatches(pairs, { batchTokens, seed })
    this.sampling = scheduledSampling && new ScheduledSampling(scheduledSampling, seed)
    this.identity = {
      model: 'Seq2Seq',
      batchTokens,
      labelSmoothing,
      scheduledSampling: scheduledSampling?.toJSON() ?? null,
      pairs: pairs.length,
      text: pairs.digest(),
    }
    this.validate = options.validate
    this.modelFiles = options.modelFiles
  }

  get stepsPerEpoch(): number {
    return this.batches.count
  }

  reseed(seed: number): void {
    const { batchTokens, scheduledSampling } = this.options
    this.batches = new PairBatches(this.pairs, { batchTokens, seed })
    this.sampling = scheduledSampling && new ScheduledSampling(scheduledSampling, seed)
  }

  gradient(index: number, step: number, random: RandomContext): StepGradient {
    const pass = Math.floor((step - 1) / this.stepsPerEpoch)
    const batch = this.batches.batch(pass, index)
    const { module, sampling } = this
    const { labelSmoothing } = this.options
    const loss = scope(() => {
      const inputs = sampling?.inputs(module, batch, step)
      module.train()
      random.set({ step, sampleBase: 0 })
      const losses = module.losses(batch, { labelSmoothing, inputs })
      const mean = ops.affine(ops.sum(losses), 1 / targetTokens(batch), 0)
      mean.backward()
      return mean.detach()
    })
    return { losses: [loss], tokens: batch.tokens }
  }

  reset(): void {}

  carried(): Promise<Map<string, HostTensor>> {
    return Promise.resolve(new Map())
  }

  restoreCarried(): void {}

  dispose(): void {}
}

/** Real tokens of a batch's targets, their ends included. */
export const targetTokens = ({ target }: PairBatch): number =>
  target.lengths.reduce((sum, length) => sum + length, 0)

/** Real tokens that are scored at a time. */
const SCORED_TOKENS = 8192

/** Each pair's outputs in order, with their nats. */
export async function pairNats(
  network: Seq2SeqNetwork,
  pairs: PairSet,
  checkpoint: () => void,
): Promise<Float64Array[]> {
  const found = new Array<Float64Array>(pairs.length)
  const batches = new PairBatches(pairs, { batchTokens: SCORED_TOKENS, seed: 0 })
  for (let i = 0; i < batches.count; ++i) {
    checkpoint()
    const indices = batches.indices(0, i)
    const batch = pairs.assemble(indices)
    const losses = scope(() => noGrad(() => network.eval().losses(batch)))
    const values = await losses.data().finally(() => losses.dispose())
    indices.forEach((pair, row) => {
      const length = batch.target.lengths[row] as number
      found[pair] = Float64Array.from({ length }, (_, t) => values[t * batch.rows + row] as number)
    })
  }
  return found
}
