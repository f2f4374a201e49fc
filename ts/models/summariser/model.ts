import { isDealt } from '../../data'
import { own } from '../../data/gather'
import { checkPath, checkSignal, checkWhole, isObject, optionsOf } from '../../check'
import { gatherSummaries, type Summarized } from '../../data/summaries'
import { digest } from '../../data/ids'
import { expect } from '../../errors'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import { measure, type RougeOptions, type RougeScore } from '../../metrics'
import { adam } from '../../optim'
import { Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import { chooseDevice, type DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Run, RunContext, TokenEvent, TokenResult } from '../../train'
import type { TrainingEvent, TrainingOptions } from '../../train'
import type { Fit } from '../../train/fits'
import { TrainingLoop } from '../../train/loop'
import { checkFitNames } from '../../train/options'
import { untilStopped } from '../../train/run'
import type { Totals } from '../../train/totals'
import { loadModel, loadWeights, Model } from '../model'
import { digestOf, identityOf } from '../parts/identity'
import { choose, sentencesOf, type Summary, type SummaryDocument } from './documents'
import { plainOf, readDocument, sharesOf, targetsOf, type Reading } from './features'
import { SummariserNetwork } from './network'
import { summariserFitOptions, summariserOptions } from './options'
import type { SummariserLearningOptions, SummariserNetworkOptions } from './options'
import type { SummariserOptions } from './options'
import { SUMMARY_NAMES, type SummaryOptions } from './summarize'
import { scoreDocuments, DocumentFeed, SummariserTask } from './task'

/** What a {@link Summariser} is made of. */
export interface SummariserModelOptions extends SummariserOptions {
  /** Of words in small letters, such as {@link Summariser.for} learns. */
  tokenizer: Tokenizer
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

/** How documents are looked at outside of training. */
export interface SummariserReadingOptions {
  /** Most tokens. Default 20,000. */
  vocabulary?: number | undefined
  /** Occurrences that make a token. Default 3. */
  minCount?: number | undefined
}

type Examples = Iterable<Summarized> | AsyncIterable<Summarized>

export interface SummariserFitOptions extends TrainingOptions, SummariserLearningOptions {
  /** Examples that are not learned from, to measure progress by; null: none. */
  validation?: Examples | null | undefined
}

/** Options of `evaluate`. */
export interface SummariserEvaluateOptions extends SummaryOptions, RougeOptions {}

interface Read {
  readings: Reading[]
  sentences: string[][]
}

/**
 * Summarises documents by their own sentences, having learned which ones are good: a stack reads a document's sentences in
 * both directions and scores each (after Nallapati et al. 2017). See {@link summarize} for methods that learn nothing.
 *
 * ```ts
 * const examples = await readSummaries('train.jsonl', { text: 'article', summary: 'abstract' })
 * await using summariser = await Summariser.for(examples, { hidden: 64 })
 * await summariser.fit(examples, { validation, epochs: 10 })
 * const [{ summary }] = await summariser.summarize([article], { sentences: 3 })
 * ```
 */
export class Summariser extends Model {
  /** Of the texts. */
  readonly tokenizer: Tokenizer
  /** All options, every choice made. */
  readonly options: Readonly<SummariserNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number
  readonly network: SummariserNetwork

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: SummariserModelOptions) {
    super()
    const { seed, ...network } = summariserOptions.resolve(options, ['tokenizer', 'device'])
    const { tokenizer, device = 'cpu' } = options
    const valid = tokenizer instanceof Tokenizer
    expect('summariser', 'tokenizer', valid, 'a Tokenizer', tokenizer)
    this.tokenizer = tokenizer
    this.options = Object.freeze(network)
    this.seed = seed
    const place = { seed, device: chooseDevice(device).device }
    this.network = new SummariserNetwork(tokenizer.size, this.options, place)
  }

  /** A summariser over the words of examples. */
  static async for(
    examples: Examples,
    options: SummariserReadingOptions & Omit<SummariserModelOptions, 'tokenizer'> = {},
  ): Promise<Summariser> {
    expect('summariser', 'options', isObject(options), 'an object', options)
    const { vocabulary = 20_000, minCount = 3, ...others } = options
    const all = await gatherSummaries('summariser', own(examples))
    const pauses = new Pauses()
    const texts: string[] = []
    for (const { text } of all) {
      texts.push(([] as string[]).concat(text).map(plainOf).join(' '))
      if (pauses.due) await pauses.pause()
    }
    const tokenizer = await Tokenizer.learn('spaces', texts, { vocabulary, minCount })
    return new Summariser({ ...others, tokenizer })
  }

  /**
   * Learns from documents and their summaries, starting at once: which sentence is how good a summary is reckoned by ROUGE.
   * Await the run for its result or iterate over its events. Validation tells the loss, and ROUGE-1, 2 and L of one
   * sentence. Rejects as `TextClassifier.fit` does.
   */
  fit(examples: Examples, options: SummariserFitOptions = {}): Run<TokenEvent, TokenResult> {
    return this.begin('tokens', options, (context) => {
      checkFitNames(options, { ...summariserFitOptions.rows, validation: true })
      const held = { ...options, validation: own(options.validation) }
      return this.makeFit(own(examples), held, context)
    })
  }

  private async makeFit(
    examples: Examples,
    options: SummariserFitOptions,
    context: RunContext<TrainingEvent>,
  ): Promise<Fit | null> {
    const { validation = null } = options
    const { batch, sharpness } = summariserFitOptions.resolve(options, null)
    const gather = async (op: string, all: Examples) => {
      try {
        return await gatherSummaries(op, untilStopped(all, context))
      } catch (error) {
        if (context.stopping) return null // not read to its end, it may be empty
        throw error
      }
    }
    const all = await gather('fit', examples)
    const held = validation && (await gather('fit validation', validation))
    if (context.stopping || all === null) return null
    const going = () => !context.stopping
    const learned = await this.read('fit', all, going)
    const validated = held && (await this.read('fit validation', held, going))
    if (learned === null || (held && validated === null)) return null
    const [digests, others] = [
      await digestOfReadings(learned),
      validated && (await digestOfReadings(validated)),
    ]
    if (context.stopping) return null
    const task = new SummariserTask(this.network, {
      vocabulary: this.tokenizer.size,
      identity: {
        ...identityOf(summariserOptions.rows, this.options),
        ...{ tokenizer: digestOf(this.tokenizer), contents: digests },
      },
      validate:
        held && validated
          ? (checkGoing, share) => {
              const own = (_: unknown, i: number) => isDealt(i, share)
              const readings = validated.readings.filter(own)
              const sentences = validated.sentences.filter(own)
              const read = { readings, sentences }
              return this.totals(held.filter(own), read, sharpness, checkGoing)
            }
          : undefined,
      validation: others,
      files: () => this.files(),
    })
    const { seed } = this
    const feed = new DocumentFeed(learned.readings, { batch, sharpness }, seed)
    const { clipNorm = 1, optimizer = adam({ lr: 2e-3 }) } = options
    return new TrainingLoop(task, feed, { ...options, clipNorm, optimizer, seed, perStep: 1 })
  }

  /** Documents and how good their sentences are; null where it is not to go on. */
  private async read(
    op: string,
    examples: readonly Summarized[],
    going: () => boolean,
  ): Promise<Read | null> {
    const pauses = new Pauses()
    const documents = examples.map(({ text }) => text)
    const sentences = await sentencesOf(op, documents, pauses)
    const readings: Reading[] = []
    for (const [i, all] of sentences.entries()) {
      if (!going()) return null
      const summaries = ([] as string[]).concat((examples[i] as Summarized).summary)
      const reading = await readDocument(op, all, this.tokenizer, pauses)
      readings.push({ ...reading, targets: await targetsOf(all, summaries, pauses) })
      if (pauses.due) await pauses.pause()
    }
    return { readings, sentences }
  }

  private async totals(
    examples: readonly Summarized[],
    { readings, sentences }: Read,
    sharpness: number,
    checkGoing: () => void,
  ): Promise<Totals> {
    const none = { sum: 0, count: 0 }
    if (readings.length === 0) return { loss: none, rouge1: none, rouge2: none, rougeL: none }
    const scores = await scoreDocuments(this.network, readings, checkGoing)
    const loss = lossOf(readings, scores, sharpness)
    const summaries = scores.map((own, i) => choose(sentences[i] as string[], own, 1).summary)
    const references = examples.map(({ summary }) => summary)
    const { rouge1, rouge2, rougeL } = await measure('rouge', summaries, references)
    // Means over documents, of those that are a rank's: they add up.
    const count = readings.length
    const rate = ({ f1 }: { f1: number }) => ({ sum: f1 * count, count })
    return {
      loss: { sum: loss, count: readings.length },
      ...{ rouge1: rate(rouge1), rouge2: rate(rouge2), rougeL: rate(rougeL) },
    }
  }

  /** Summaries by the best sentences. A document's summary does not depend on the others. */
  async summarize(
    documents: readonly SummaryDocument[],
    options: SummaryOptions = {},
  ): Promise<Summary[]> {
    this.checkUsable('summarize')
    const { sentences: count = 1, signal } = optionsOf('summarize', options, SUMMARY_NAMES)
    return this.summaries('summarize', documents, count, signal)
  }

  private async summaries(
    op: string,
    documents: readonly SummaryDocument[],
    count: number,
    signal: AbortSignalLike | undefined,
  ): Promise<Summary[]> {
    checkWhole(op, 'sentences', count, 1)
    checkSignal(op, signal)
    const check = () => this.checkGoing(op, signal)
    const pauses = new Pauses()
    const readings: Reading[] = []
    const sentences = await sentencesOf(op, documents, pauses)
    for (const all of sentences) {
      check()
      const reading = await readDocument(op, all, this.tokenizer, pauses)
      readings.push({ ...reading, targets: new Float32Array(all.length) })
      if (pauses.due) await pauses.pause()
    }
    const scores = await scoreDocuments(this.network, readings, check)
    return scores.map((logs, i) => choose(sentences[i] as string[], logs.map(Math.exp), count))
  }

  /** ROUGE-1, 2 and L of its summaries: see `metrics.rouge`. */
  async evaluate(examples: Examples, options: SummariserEvaluateOptions = {}): Promise<RougeScore> {
    this.checkUsable('evaluate')
    const {
      sentences = 1,
      signal,
      ...rouge
    } = optionsOf('evaluate', options, { ...SUMMARY_NAMES, stem: true, tokenize: true })
    const all = await gatherSummaries('evaluate', own(examples))
    const documents = all.map(({ text }) => text)
    const made = await this.summaries('evaluate', documents, sentences, signal)
    const references = all.map(({ summary }) => summary)
    const texts = made.map(({ summary }) => summary)
    return measure('rouge', texts, references, rouge)
  }

  protected async files(): Promise<CheckpointFiles> {
    // All reads are enqueued before the first await: one moment of a model that may be learning.
    const weights = await toHost(this.network.stateDict())
    const config = summariserOptions.toJSON({ ...this.options, seed: this.seed })
    return {
      json: { [CONFIG_FILE]: config, 'tokenizer.json': this.tokenizer },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  /** Loads what {@link save} wrote, or the best checkpoint of a run: see `LanguageModel.load`. */
  static async load(
    directory: string,
    options: Pick<SummariserModelOptions, 'device' | 'precision'> = {},
  ): Promise<Summariser> {
    const { device, precision } = optionsOf('load', options, { device: true, precision: true })
    checkPath('load', 'directory', directory)
    return loadModel(directory, async (file) => {
      const configPath = file(CONFIG_FILE)
      const config = summariserOptions.parse(await readJson(configPath), configPath)
      const tokenizer = await Tokenizer.load(file('tokenizer.json'))
      const given = { tokenizer, device, precision: precision ?? config.precision }
      return loadWeights(file, () => new Summariser({ ...config, ...given }))
    })
  }
}

const digestOfReadings = ({ readings }: Read): Promise<string> =>
  digest(readings.flatMap(({ ids, features, targets }) => [...ids, features, targets]))

/** Nats of the wanted shares. */
function lossOf(
  readings: readonly Reading[],
  logs: readonly Float32Array[],
  sharpness: number,
): number {
  let nats = 0
  for (const [i, { targets }] of readings.entries())
    for (const [s, share] of sharesOf(targets, sharpness).entries())
      nats -= share * ((logs[i] as Float32Array)[s] as number)
  return nats
}
