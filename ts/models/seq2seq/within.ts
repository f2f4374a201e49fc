/** A `Seq2Seq` as part of another model. */
import { checkPath, isObject, optionsOf } from '../../check'
import type { Pair } from '../../data'
import { expect } from '../../errors'
import type { ModelSchema } from '../../file-schema'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import type { LinearPrecision } from '../../precision'
import type { Given, Made, Rows } from '../../schema'
import type { DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Run, TokenEvent, TokenResult } from '../../train'
import { loadModel, loadWeights, Model } from '../model'
import { Seq2Seq, type Seq2SeqFitOptions, type Seq2SeqModelOptions } from './model'
import type { Seq2SeqNetwork } from './network'

const TOKENIZER_FILE = 'tokenizer.json'

/** Its checkpoints, and those of its fits, are of the whole that it is part of. */
class Seq2SeqWithin extends Seq2Seq {
  constructor(
    options: Seq2SeqModelOptions,
    private readonly whole: () => Promise<CheckpointFiles>,
  ) {
    super(options)
  }

  /** `identity`: what makes the whole the same one, besides what is a `Seq2Seq`'s. */
  learnWithin(
    pairs: AsyncIterable<Pair>,
    options: Seq2SeqFitOptions,
    identity: Readonly<Record<string, unknown>>,
  ): Run<TokenEvent, TokenResult> {
    return this.learn(pairs, options, identity)
  }

  protected override files(): Promise<CheckpointFiles> {
    return this.whole()
  }
}

/** A model that learns and answers by a `Seq2Seq` of its own, whose weights are all that it has. */
export abstract class OverSeq2Seq extends Model {
  /** The model that does the work. */
  protected readonly seq2seq: Seq2SeqWithin
  readonly network: Seq2SeqNetwork

  protected constructor(options: Seq2SeqModelOptions) {
    super()
    this.seq2seq = new Seq2SeqWithin(options, () => this.files())
    this.network = this.seq2seq.network
  }

  /** Of what it reads and writes. */
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

export interface LoadOptions {
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
  precision?: LinearPrecision | undefined
}

/** What such a model is made of, besides its tokenizer and its device. `ERR_ARGUMENT`. */
export function optionsOver<R extends Rows>(
  schema: ModelSchema<R>,
  options: Given<R> & { tokenizer: Tokenizer },
): Made<R> {
  expect(schema.op, 'options', isObject(options), 'an object', options)
  const made = schema.resolve(options, ['tokenizer', 'device'])
  const { tokenizer } = options
  expect(schema.op, 'tokenizer', tokenizer instanceof Tokenizer, 'a Tokenizer', tokenizer)
  return made
}

/** `load` of such a model: `make` makes it of its options and its tokenizer. */
export async function loadOver<R extends Rows & { precision: unknown }, M extends OverSeq2Seq>(
  directory: string,
  options: LoadOptions,
  schema: ModelSchema<R>,
  make: (
    given: Made<R> & {
      tokenizer: Tokenizer
      device: DeviceOption | undefined
      precision: LinearPrecision
    },
  ) => M,
): Promise<M> {
  const { device, precision } = optionsOf('load', options, { device: true, precision: true })
  checkPath('load', 'directory', directory)
  return loadModel(directory, async (file) => {
    const configPath = file(CONFIG_FILE)
    const config = schema.parse(await readJson(configPath), configPath)
    const tokenizer = await Tokenizer.load(file(TOKENIZER_FILE))
    const saved = (config as { precision: LinearPrecision }).precision
    return loadWeights(file, () =>
      make({ ...config, tokenizer, device, precision: precision ?? saved }),
    )
  })
}
