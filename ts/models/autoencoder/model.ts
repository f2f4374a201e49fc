import { own } from '../../data/gather'
import { isObject } from '../../check'
import { expect } from '../../errors'
import type { AbortSignalLike } from '../../signal'
import type { DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Run, TokenEvent, TokenResult, TrainingOptions } from '../../train'
import type { Translation } from '../seq2seq/candidate'
import type { Seq2SeqScore } from '../seq2seq/model'
import type { Seq2SeqLearningOptions } from '../seq2seq/options'
import type { TranslateOptions } from '../seq2seq/translate'
import { loadOver, optionsOver, OverSeq2Seq, type LoadOptions } from '../seq2seq/within'
import { autoencoderOptions } from './options'
import type { AutoencoderNetworkOptions, AutoencoderRows } from './options'
import { pairsOf, type TextList } from './texts'

/** What an {@link Autoencoder} is made of. */
export interface AutoencoderOptions extends AutoencoderRows {
  /** Boundaries are added where it has none. */
  tokenizer: Tokenizer
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

export interface AutoencoderFitOptions
  extends TrainingOptions, Omit<Seq2SeqLearningOptions, 'references'> {
  /** Texts that are not learned from, to measure progress by: nats per token; null: none. */
  validation?: TextList | null | undefined
}

/**
 * Learns what texts are made of without labels: a `Seq2Seq` that repeats what it has read, or tells what follows. Its
 * encoder is what a `TextClassifier` begins with (Dai & Le 2015).
 *
 * ```ts
 * await using auto = new Autoencoder({ tokenizer: Tokenizer.words(texts), hidden: 256 })
 * await auto.fit(texts, { epochs: 10 })
 * await using classifier = await TextClassifier.for(examples, { pretrained: auto })
 * ```
 */
export class Autoencoder extends OverSeq2Seq {
  /** All options, every choice made. */
  readonly options: Readonly<AutoencoderNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: AutoencoderOptions) {
    const { seed, ...made } = optionsOver(autoencoderOptions, options)
    const { tokenizer, device } = options
    const { task: _, ...network } = made
    const both = tokenizer.withBoundaries()
    super({ ...network, seed, device, source: both, target: both })
    this.options = Object.freeze(made)
    this.seed = seed
  }

  /** Learns from texts, starting at once; as `Seq2Seq.fit`. */
  fit(texts: TextList, options: AutoencoderFitOptions = {}): Run<TokenEvent, TokenResult> {
    expect('fit', 'options', isObject(options), 'an object', options)
    const pairs = (op: string, given: TextList) => pairsOf(op, own(given), this.options.task)
    const { validation } = options
    return this.seq2seq.learnWithin(
      pairs('fit', texts),
      { ...options, validation: validation && pairs('fit validation', validation) },
      { family: 'Autoencoder', task: this.options.task },
    )
  }

  /** Scores what is to be written of each text. `ERR_EMPTY`. */
  evaluate(
    texts: TextList,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<Seq2SeqScore> {
    return this.seq2seq.evaluate(pairsOf('evaluate', own(texts), this.options.task), options)
  }

  /** What it writes having read each text: the text once more, or what may follow it. As `Seq2Seq.translate`. */
  predict(texts: readonly string[], options: TranslateOptions = {}): Promise<Translation[]> {
    return this.seq2seq.translate(texts, options)
  }

  /** The encoder's last state for each text: see `Seq2Seq.represent`. */
  represent(texts: readonly string[]): Promise<Float32Array[]> {
    return this.seq2seq.represent(texts)
  }

  protected config(): object {
    return autoencoderOptions.toJSON({ ...this.options, seed: this.seed })
  }

  /**
   * Loads what {@link save} wrote, or the best checkpoint of a run, in the precision it was saved with
   * unless another is given (weights are f32 in either). `ERR_IO`, `ERR_FORMAT`.
   */
  static load(directory: string, options: LoadOptions = {}): Promise<Autoencoder> {
    return loadOver(directory, options, autoencoderOptions, (given) => new Autoencoder(given))
  }
}
