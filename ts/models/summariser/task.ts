import { ALONE, shared, type Feed, type Portion, type Share } from '../../data'
import { batches } from '../../data/batches'
import type { CheckpointFiles } from '../../io/checkpoint'
import * as ops from '../../ops'
import { noGrad, scope, type Tensor } from '../../tensor'
import { withInputs, type BatchLoss, type Objective, type StepInput } from '../../train/objective'
import { batchOf, inputsOf, type Reading, type SummaryBatch } from './features'
import type { DocumentTensors, SummariserNetwork } from './network'

/** Documents of similar lengths together, in an order that depends on seed and pass alone. */
export class DocumentFeed implements Feed<SummaryBatch> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private inner: Feed<Reading[]>

  constructor(
    private readonly readings: readonly Reading[],
    private readonly options: { batch: number; sharpness: number },
    seed: number,
  ) {
    this.inner = this.arranged(seed)
    // The order's seed is the run's, which comes with its checkpoint.
    const { seed: _, ...identity } = this.inner.identity
    this.identity = { ...identity, sharpness: options.sharpness }
    this.facts = { documents: readings.length }
  }

  private arranged(seed: number): Feed<Reading[]> {
    const { batch } = this.options
    return batches(this.readings as Reading[], {
      ...{ rows: batch, seed, length: ({ ids }) => ids.length },
      collate: (chosen) => [...chosen],
    })
  }

  get count(): number {
    return this.inner.count as number
  }

  reseed(seed: number): void {
    this.inner = this.arranged(seed)
  }

  *pass(
    pass: number,
    first: number,
    _repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<SummaryBatch>> {
    const { sharpness } = this.options
    for (const { batch: readings } of this.inner.pass(pass, first) as Iterable<Portion<Reading[]>>)
      yield shared(readings, share, (own, at) => {
        const batch = batchOf(own, sharpness, sentencesIn(readings.slice(0, at)))
        return { batch, items: batch.tokens, rows: batch.documents, key: null }
      })
  }
}

const sentencesIn = (readings: readonly Reading[]): number =>
  readings.reduce((sum, { ids }) => sum + ids.length, 0)

const tensorsOf = (inputs: readonly Tensor[]): DocumentTensors => {
  const [ids, lengths, features, places, counts, mask] = inputs as [
    ...[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor],
    ...Tensor[],
  ]
  return { ids, lengths, features, places, counts, mask }
}

export interface SummariserTaskOptions {
  vocabulary: number
  /** What else a resumed run must share: the model's options and its tokenizer. */
  identity: Readonly<Record<string, unknown>>
  validate: Objective<SummaryBatch>['validate']
  /** What it validates with; null: nothing. */
  validation: unknown
  files: () => Promise<CheckpointFiles>
}

/** Learns which sentence of a document is its best summary; the loss is in nats a document. */
export class SummariserTask implements Objective<SummaryBatch> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly repeats = false
  readonly validate: Objective<SummaryBatch>['validate']
  readonly validation: unknown
  readonly files: () => Promise<CheckpointFiles>

  constructor(
    readonly module: SummariserNetwork,
    { identity, vocabulary, validate, validation, files }: SummariserTaskOptions,
  ) {
    this.identity = { model: 'Summariser', ...identity }
    this.facts = { vocabulary }
    this.validate = validate
    this.validation = validation
    this.files = files
  }

  inputs(batch: SummaryBatch): StepInput[] {
    return inputsOf(batch)
  }

  count({ documents }: SummaryBatch): number {
    return documents
  }

  loss(inputs: readonly Tensor[], batch: SummaryBatch): BatchLoss<Record<string, Tensor>> {
    const wanted = inputs.at(-1) as Tensor
    const logs = this.module.train().forward(tensorsOf(inputs), batch.before)
    return { sum: ops.neg(ops.sum(ops.mul(logs, wanted))), count: batch.documents }
  }
}

/** Sentences, padding included, that are scored at a time. */
const TOGETHER = 2048

/** Of each document, logarithms of its sentences' shares. No gradients are recorded, and every batch is awaited. */
export async function scoreDocuments(
  network: SummariserNetwork,
  readings: readonly Reading[],
  checkGoing: () => void,
): Promise<Float32Array[]> {
  const all = new Array<Float32Array>(readings.length)
  const sizeOf = (i: number) => (readings[i] as Reading).ids.length
  const order = Array.from(readings.keys()).sort((a, b) => sizeOf(b) - sizeOf(a))
  const { device } = network.output.weight
  for (let first = 0; first < order.length;) {
    checkGoing()
    const most = Math.max(1, sizeOf(order[first] as number))
    const chosen = order.slice(first, first + Math.max(1, Math.floor(TOGETHER / most)))
    first += chosen.length
    const batch = batchOf(
      chosen.map((i) => readings[i] as Reading),
      1,
    )
    const made = withInputs(inputsOf(batch), device, (inputs) =>
      scope(() => noGrad(() => network.eval().forward(tensorsOf(inputs)))),
    )
    const values = await made.data().finally(() => made.dispose())
    for (const [row, i] of chosen.entries())
      all[i] = Float32Array.from(values.subarray(row * batch.most, row * batch.most + sizeOf(i)))
  }
  return all
}
