import { own } from '../../data/gather'
import {
  checkCopying,
  PairSet,
  type Pair,
  type PairOptions,
  type Share,
  type Source,
} from '../../data'
import { checkPath, optionsOf } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { isIterable } from '../../kinds'
import { Pauses } from '../../pauses'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import { adam } from '../../optim'
import type { Tensor } from '../../tensor'
import { chooseDevice, type DeviceOption } from '../../tensor/device'
import type { LinearPrecision } from '../../precision'
import { Tokenizer } from '../../text'
import { sameTokens } from '../../text/tokenizer'
import type { Run, TokenEvent, TokenResult, TrainingEvent, TrainingOptions } from '../../train'
import type { AbortSignalLike } from '../../signal'
import { untilStopped, type RunContext } from '../../train/run'
import type { Fit } from '../../train/fits'
import { TrainingLoop } from '../../train/loop'
import { checkFitNames } from '../../train/options'
import type { Total } from '../../train/totals'
import type { Translation } from './candidate'
import { digestOf, identityOf } from '../parts/identity'
import { loadModel, loadWeights, Model } from '../model'
import { Seq2SeqNetwork } from './network'
import { checkLearning } from './learning'
import { seq2seqFitOptions, seq2seqOptions } from './options'
import type { Seq2SeqLearningOptions, Seq2SeqNetworkOptions, Seq2SeqOptions } from './options'
import { checkRoomFor, oneByOne } from './room'
import { meanLoss, natsOf, PairFeed, pairNats, Seq2SeqTask } from './task'
import { representAll } from './represent'
import { sampleAll, streamPieces, translateAll } from './translate'
import type { SampleTextOptions, StreamOptions, TranslateOptions } from './translate'

/** What a {@link Seq2Seq} is made of. */
export interface Seq2SeqModelOptions extends Seq2SeqOptions {
  /** None with `sourceFeatures`, where sources are vectors. */
  source?: Tokenizer | undefined
  /** Boundaries are added where it has none; with `tieEmbeddings: 'all'` the source's, too. */
  target: Tokenizer
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

export interface Seq2SeqFitOptions extends TrainingOptions, Seq2SeqLearningOptions {
  /** Pairs that are not learned from, to measure progress by: nats per target token; null: none. */
  validation?: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>> | null | undefined
}

/** What a model gives to a target. */
export interface PairScore {
  /** Natural logarithm of the probability of the target's tokens and its end. */
  logProbability: number
  /** Of each token and then of the end, in nats. */
  logProbabilities: Float64Array
}

/** What `evaluate` gives of a {@link Seq2Seq}. */
export interface Seq2SeqScore {
  /** Mean negative log-likelihood of a target token, ends included. */
  nats: number
  /** exp(nats) */
  perplexity: number
  /** Target tokens that were scored. */
  tokens: number
}

/**
 * Turns sequences into sequences: translates, pronounces, parses. An encoder reads the source, a
 * decoder writes the target, with attention to the source or without.
 *
 * ```ts
 * const source = Tokenizer.words(german), target = Tokenizer.words(english)
 * await using mt = new Seq2Seq({ source, target, hidden: 512, encoder: { bidirectional: true } })
 * await mt.fit(pairs, { epochs: 10 })
 * const [best] = await mt.translate(['guten Tag'], { beam: 5 })
 * ```
 */
export class Seq2Seq extends Model {
  /** Null where sources are vectors. */
  readonly source: Tokenizer | null
  /** Of targets. */
  readonly target: Tokenizer
  /** All options, every choice made. */
  readonly options: Readonly<Seq2SeqNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number
  readonly network: Seq2SeqNetwork

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: Seq2SeqModelOptions) {
    super()
    const { seed, ...network } = seq2seqOptions.resolve(options, ['source', 'target', 'device'])
    const { source, target, device = 'cpu' } = options
    const { sourceFeatures, tieEmbeddings } = network
    expect('seq2seq', 'target', target instanceof Tokenizer, 'a Tokenizer', target)
    if (sourceFeatures === undefined)
      expect('seq2seq', 'source', source instanceof Tokenizer, 'a Tokenizer', source)
    else expect('seq2seq', 'source', source === undefined, 'none beside sourceFeatures', source)
    this.options = Object.freeze(network)
    this.target = target.withBoundaries()
    this.source = (tieEmbeddings === 'all' ? source?.withBoundaries() : source) ?? null
    this.seed = seed
    if (tieEmbeddings === 'all' && this.source && !sameTokens(this.source, this.target))
      throw new RnnativeError(
        'ERR_ARGUMENT',
        '[seq2seq] tieEmbeddings: expected none or target where the tokenizers differ, got all',
      )
    if (network.copy) checkCopying('seq2seq', this.source, this.target)
    const sizes = { source: this.source?.size ?? 0, target: this.target.size }
    const place = { seed, device: chooseDevice(device).device }
    this.network = new Seq2SeqNetwork(sizes, this.options, place)
  }

  /** Numbers of a source's vectors; undefined where sources are texts. */
  get sourceFeatures(): number | undefined {
    return this.options.sourceFeatures
  }

  /** Whether sources are read from their end. */
  get reverseSource(): boolean {
    return this.options.reverseSource
  }

  /**
   * Learns from pairs of texts, or of sequences of vectors and texts, starting at once. Await the run for its result or iterate over its
   * events. Rejects with `ERR_BUSY` while another fit runs, `ERR_EMPTY` without a pair, `ERR_OUT_OF_MEMORY`
   * naming a pair that is too long before the first step, `ERR_NONFINITE` when loss or gradient overflow
   * (weights unharmed) or the weights have, and `ERR_ABORTED` when `signal` aborts; after that the model can
   * be used and trained on. With `checkpoint`, one of the steps made is written before.
   */
  fit(
    pairs: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>> | PairSet,
    options: Seq2SeqFitOptions = {},
  ): Run<TokenEvent, TokenResult> {
    return this.learn(pairs, options, {})
  }

  /** `more`: what else a resumed run must share. */
  protected learn(
    pairs: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>> | PairSet,
    options: Seq2SeqFitOptions,
    more: Readonly<Record<string, unknown>>,
  ): Run<TokenEvent, TokenResult> {
    return this.begin('tokens', options, (context) => {
      checkFitNames(options, { ...seq2seqFitOptions.rows, validation: true })
      const held = { ...options, validation: own(options.validation) }
      return this.makeFit(own(pairs), held, more, context)
    })
  }

  private async makeFit(
    pairs: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>> | PairSet,
    options: Seq2SeqFitOptions,
    more: Readonly<Record<string, unknown>>,
    context: RunContext<TrainingEvent>,
  ): Promise<Fit | null> {
    const { validation } = options
    const { maxLength, references, batchTokens, ...learning } = seq2seqFitOptions.resolve(
      options,
      null,
    )
    checkLearning(this.options, learning)
    const { clipNorm = 1, optimizer = adam() } = options
    const read = (
      all: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>>,
      how: Partial<PairOptions>,
    ) =>
      PairSet.encode(untilStopped(all, context), { ...this.encoding, ...how }).catch(
        (error: unknown) => {
          // Not read to its end, it may be empty.
          if (context.stopping) return null
          throw error
        },
      )
    const set = pairs instanceof PairSet ? pairs : await read(pairs, { maxLength, references })
    const held = validation ? await read(validation, {}) : undefined
    if (context.stopping || set === null || held === null) return null
    const { network } = this
    const vocabularies = { source: this.source?.size ?? 0, target: this.target.size }
    const { copy } = this.options
    await set.check('fit', { ...vocabularies, features: this.sourceFeatures ?? null, copy })
    const [learned, validated] = [await set.digest(), held ? await held.digest() : null]
    if (context.stopping) return null
    const feed = new PairFeed(set, learned, batchTokens, this.seed)
    const task = new Seq2SeqTask(network, {
      ...learning,
      vocabularies,
      identity: {
        ...{ family: 'Seq2Seq', ...more, ...identityOf(seq2seqOptions.rows, this.options) },
        ...{ source: this.source && digestOf(this.source), target: digestOf(this.target) },
      },
      seed: this.seed,
      validate: held && ((checkGoing, share) => this.totals(held, checkGoing, share)),
      validation: validated,
      checkRoom: async (rehearse) => {
        await checkRoomFor(network, set, feed.first, 'fit', (indices) =>
          rehearse(feed.portionOf(indices)),
        )
        if (held === undefined) return
        const compute = (indices: Uint32Array) => natsOf(network, held, indices)
        await checkRoomFor(network, held, oneByOne(held), 'fit validation', compute)
      },
      files: () => this.files(),
    })
    const settings = { ...options, clipNorm, optimizer, seed: this.seed, perStep: 1 }
    return new TrainingLoop(task, feed, settings)
  }

  private get encoding(): PairOptions {
    const { source, sourceFeatures, target, reverseSource } = this
    return { source, sourceFeatures, target, reverseSource, copy: this.options.copy }
  }

  private async totals(
    pairs: PairSet,
    checkGoing: () => void,
    share?: Share,
  ): Promise<{ loss: Total }> {
    const loss = { sum: 0, count: 0 }
    for (const nats of await pairNats(this.network, pairs, checkGoing, share)) {
      loss.count += nats.length
      for (const value of nats) loss.sum += value
    }
    return { loss }
  }

  /** Scores the targets of pairs, the first of several, given their sources. `ERR_EMPTY`. */
  async evaluate(
    pairs: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>>,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<Seq2SeqScore> {
    this.checkUsable('evaluate')
    const { signal } = optionsOf('evaluate', options, { signal: true })
    const set = await PairSet.encode(own(pairs), this.encoding)
    const { loss } = await this.totals(set, () => this.checkGoing('evaluate', signal))
    const nats = loss.sum / loss.count
    return { nats, perplexity: Math.exp(nats), tokens: loss.count }
  }

  /** @internal The mean loss of the first pairs, a batch of them, for `report.gradientFlow`. */
  async lossOf(
    pairs: Iterable<Pair<Source>> | AsyncIterable<Pair<Source>>,
  ): Promise<{ module: Seq2SeqNetwork; loss: () => Tensor }> {
    this.checkUsable('gradientFlow')
    const set = await PairSet.encode(own(pairs), this.encoding)
    const first = Uint32Array.from({ length: Math.min(set.length, LOOKED_AT) }, (_, i) => i)
    const { network } = this
    return { module: network, loss: () => meanLoss(network, set.assemble(first)) }
  }

  /** The probability of each pair's target, given its source; one entry for each of its targets. */
  async score(
    pairs: Iterable<Pair<Source>>,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<PairScore[]> {
    this.checkUsable('score')
    const { signal } = optionsOf('score', options, { signal: true })
    expect('score', 'pairs', isIterable(pairs), 'an iterable of pairs', pairs)
    const all = [...pairs]
    if (all.length === 0) return []
    const set = await PairSet.encode(all, { ...this.encoding, references: 'each' })
    const check = () => this.checkGoing('score', signal)
    const scores: PairScore[] = []
    const pauses = new Pauses()
    for (const nats of await pairNats(this.network, set, check)) {
      if (pauses.due) await pauses.pause()
      const logProbability = -nats.reduce((sum, value) => sum + value, 0)
      scores.push({ logProbability, logProbabilities: nats.map((value) => -value) })
    }
    return scores
  }

  /**
   * The best target found for each source by beam search; a `beam` of 1 is greedy. A source's result
   * does not depend on the others. Throws `ERR_ARGUMENT`, naming it, for an option that makes no sense.
   */
  async translate(
    texts: readonly Source[],
    options: TranslateOptions = {},
  ): Promise<Translation[]> {
    this.checkUsable('translate')
    return translateAll([this], texts, options)
  }

  /** Draws targets for each source from the model's distribution. `ERR_ARGUMENT` as `translate`. */
  async sample(texts: readonly Source[], options: SampleTextOptions = {}): Promise<Translation[]> {
    this.checkUsable('sample')
    return sampleAll([this], texts, options)
  }

  /**
   * A target for a source piece by piece, as its tokens are drawn from the model's distribution; with a
   * `temperature` of 0 the likeliest at each step. `ERR_ARGUMENT` as `translate`.
   */
  stream(text: Source, options: StreamOptions = {}): AsyncGenerator<string, void, void> {
    this.checkUsable('stream')
    return streamPieces([this], text, options)
  }

  /**
   * Sources as the encoder sees them: its top layer's last state, of both directions where it has two,
   * such as Sutskever et al. 2014 draw (figure 2).
   */
  async represent(texts: readonly Source[]): Promise<Float32Array[]> {
    this.checkUsable('represent')
    return representAll(this, texts)
  }

  protected async files(): Promise<CheckpointFiles> {
    // All reads are enqueued before the first await: one moment of a model that may be learning.
    const weights = await toHost(this.network.stateDict())
    return {
      json: {
        [CONFIG_FILE]: seq2seqOptions.toJSON({ ...this.options, seed: this.seed }),
        ...(this.source && { [SOURCE_FILE]: this.source }),
        [TARGET_FILE]: this.target,
      },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  /**
   * Loads what {@link save} wrote, or the best checkpoint of a run, in the precision it was saved with
   * unless another is given, such as 'int8' to translate and score faster (weights are f32 in any, however they are
   * stored). `ERR_IO`, `ERR_FORMAT`.
   */
  static async load(
    directory: string,
    options: { device?: DeviceOption | undefined; precision?: LinearPrecision | undefined } = {},
  ): Promise<Seq2Seq> {
    const { device, precision } = optionsOf('load', options, { device: true, precision: true })
    checkPath('load', 'directory', directory)
    return loadModel(directory, async (file) => {
      const configPath = file(CONFIG_FILE)
      const config = seq2seqOptions.parse(await readJson(configPath), configPath)
      const source =
        config.sourceFeatures === undefined ? await Tokenizer.load(file(SOURCE_FILE)) : undefined
      const target = await Tokenizer.load(file(TARGET_FILE))
      const given = { device, precision: precision ?? config.precision }
      const tokenizers = { source, target }
      return loadWeights(file, () => new Seq2Seq({ ...config, ...tokenizers, ...given }))
    })
  }
}

/** Pairs whose gradients are looked at. */
const LOOKED_AT = 64

const SOURCE_FILE = 'source.tokenizer.json'
const TARGET_FILE = 'target.tokenizer.json'
