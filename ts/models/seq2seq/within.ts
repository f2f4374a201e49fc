/** A `Seq2Seq` as part of another model. */
import type { CheckpointFiles } from '../../io/checkpoint'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import type { Tokenizer } from '../../text'
import { Model } from '../model'
import { Seq2Seq, type Seq2SeqModelOptions } from './model'
import type { Seq2SeqNetwork } from './network'

export const TOKENIZER_FILE = 'tokenizer.json'

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

  get tokenizer(): Tokenizer {
    return this.seq2seq.target
  }

  /** What `config.json` holds. */
  protected abstract config(): object

  protected async files(): Promise<CheckpointFiles> {
    // All reads are enqueued before the first await: one moment of a model that may be learning.
    const weights = await toHost(this.network.stateDict())
    return {
      json: { [CONFIG_FILE]: this.config(), [TOKENIZER_FILE]: this.tokenizer },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  override async dispose(): Promise<void> {
    await this.seq2seq.dispose()
    await super.dispose()
  }
}
