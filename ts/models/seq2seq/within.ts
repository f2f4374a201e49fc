/** A `Seq2Seq` as part of another model. */
import type { CheckpointFiles } from '../../io/checkpoint'
import { Model } from '../model'
import { Seq2Seq, type Seq2SeqModelOptions } from './model'
import type { Seq2SeqNetwork } from './network'

/** Its checkpoints, and those of its fits, are of the whole that it is part of. */
class Seq2SeqWithin extends Seq2Seq {
  constructor(
    options: Seq2SeqModelOptions,
    private readonly whole: () => Promise<CheckpointFiles>,
  ) {
    super(options)
  }

  protected override files(): Promise<CheckpointFiles> {
    return this.whole()
  }
}

/** A model that learns and answers by a `Seq2Seq` of its own, whose weights are all that it has. */
export abstract class OverSeq2Seq extends Model {
  protected readonly seq2seq: Seq2Seq
  readonly network: Seq2SeqNetwork

  protected constructor(options: Seq2SeqModelOptions) {
    super()
    this.seq2seq = new Seq2SeqWithin(options, () => this.files())
    this.network = this.seq2seq.network
  }

  override async dispose(): Promise<void> {
    await this.seq2seq.dispose()
    await super.dispose()
  }
}
