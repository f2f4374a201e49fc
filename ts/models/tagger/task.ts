import { ALONE, shared, type Feed, type Portion, type Share } from '../../data'
import { batches } from '../../data/batches'
import type { CheckpointFiles } from '../../io/checkpoint'
import type { Tensor } from '../../tensor'
import { randomUniforms, streamKey } from '../../tensor/random'
import * as ops from '../../ops'
import type { BatchLoss, Objective, StepInput } from '../../train/objective'
import type { Totals } from '../../train/totals'
import { inputsOf, type Example, type TaggerBatch, type WordReader } from './batch'
import type { TaggerNetwork } from './network'

export interface TaggerFeedOptions {
  batch: number
  /** Share of rare words that are read as unknown. */
  rareWords: number
  seed: number
}

/** Sentences of similar lengths together. Which rare words are read as unknown follows from pass and place. */
export class TaggerFeed implements Feed<TaggerBatch> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private inner: Feed<Example[]>
  private seed: number

  constructor(
    private readonly examples: readonly Example[],
    private readonly reader: WordReader,
    private readonly options: TaggerFeedOptions,
  ) {
    this.seed = options.seed
    this.inner = this.arranged()
    const { rareWords } = options
    // The order's seed is the run's, which comes with its checkpoint.
    const { seed: _, ...identity } = this.inner.identity
    this.identity = { ...identity, rareWords }
    this.facts = { sentences: examples.length }
  }

  private arranged(): Feed<Example[]> {
    const { seed } = this
    const { batch } = this.options
    return batches(this.examples as Example[], {
      ...{ rows: batch, seed, length: ({ words }) => words.length },
      collate: (chosen) => [...chosen],
    })
  }

  get count(): number {
    return this.inner.count as number
  }

  reseed(seed: number): void {
    this.seed = seed
    this.inner = this.arranged()
  }

  *pass(
    pass: number,
    first: number,
    _repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<TaggerBatch>> {
    const { rareWords } = this.options
    const key = streamKey(this.seed, 'rare words')
    let place = first
    for (const { batch: examples } of this.inner.pass(pass, first) as Iterable<
      Portion<Example[]>
    >) {
      const random = randomUniforms({ key, step: pass, sampleBase: place++ }, wordsIn(examples))
      yield shared(examples, share, (own, before) => {
        const skipped = this.reader.rareIn(examples.slice(0, before))
        const unknown = (n: number) => (random[skipped + n] as number) < rareWords
        const batch = this.reader.batch(own, unknown)
        return { batch, items: batch.count, rows: batch.rows, key: null }
      })
    }
  }
}

const wordsIn = (examples: readonly Example[]): number =>
  examples.reduce((sum, { words }) => sum + words.length, 0)

export interface TaggerTaskOptions {
  /** What else a resumed run must share: the model's options and its vocabulary. */
  identity: Readonly<Record<string, unknown>>
  facts: Readonly<Record<string, number>>
  validate: Objective<TaggerBatch>['validate']
  /** What it validates with; null: nothing. */
  validation: unknown
  files: () => Promise<CheckpointFiles>
}

/** Learns the tags of sentences; the loss is in nats a word. */
export class TaggerTask implements Objective<TaggerBatch> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly repeats = false
  readonly validate: Objective<TaggerBatch>['validate']
  readonly validation: unknown
  readonly files: () => Promise<CheckpointFiles>
  /** 0 where there is no entity, neither found nor there. */
  readonly summary = ({ f1 = { sum: 0, count: 0 } }: Totals) => ({
    f1: f1.count === 0 ? 0 : f1.sum / f1.count,
  })

  constructor(
    readonly module: TaggerNetwork,
    { identity, facts, validate, validation, files }: TaggerTaskOptions,
  ) {
    this.identity = { model: 'SequenceTagger', ...identity }
    this.facts = facts
    this.validate = validate
    this.validation = validation
    this.files = files
  }

  inputs(batch: TaggerBatch): StepInput[] {
    return inputsOf(batch)
  }

  count({ count }: TaggerBatch): number {
    return count
  }

  loss(inputs: readonly Tensor[], { count }: TaggerBatch): BatchLoss<Record<string, Tensor>> {
    return { sum: ops.sum(this.module.losses(inputs)), count }
  }
}
