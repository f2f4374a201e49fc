import { own } from '../../data/gather'
import { checkChoice, checkPath, checkSignal, checkWhole, isObject, optionsOf } from '../../check'
import type { Names } from '../../check'
import { expect } from '../../errors'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import { gatherLabelled, type Labelled } from '../../data/labelled'
import { splitExamples } from '../../data/split'
import { adam } from '../../optim'
import type { Precision } from '../../precision'
import type { AbortSignalLike } from '../../signal'
import { chooseDevice, type DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Run, RunContext, TokenEvent, TokenResult, TrainingEvent } from '../../train'
import type { TrainingOptions } from '../../train'
import type { Fit } from '../../train/fits'
import { TrainingLoop } from '../../train/loop'
import { checkFitNames } from '../../train/options'
import { untilStopped } from '../../train/run'
import { loadModel, loadWeights, Model } from '../model'
import { digestOf, identityOf } from '../parts/identity'
import type { WordVectors } from '../parts/word-vectors'
import { beginWith } from './beginning'
import { bestTemperature, chosenOf, natsOf, probabilitiesOf } from './decide'
import { predictDocuments } from './document'
import { encodeExamples, encodeTexts, fieldsOf, TextSet } from './examples'
import type { Fields, Reading } from './examples'
import { evaluation, type ClassifierScore } from './evaluation'
import { ClassifierNetwork } from './network'
import { classifierFitOptions, classifierOptions, DOCUMENT_MERGES } from './options'
import type { ClassifierLearningOptions, ClassifierNetworkOptions } from './options'
import type { ClassifierOptions, DocumentMerge } from './options'
import { prediction, type Prediction } from './prediction'
import { takeOver, type Pretrained } from './pretrained'
import { scoreAll, type Scored } from './score'
import { ClassifierTask, ExampleFeed } from './task'
import { tokenizerFor, labelsFor, type ReadingOptions } from './reading'
import { weightsOf } from './weights'

/** What a {@link TextClassifier} is made of. */
export interface TextClassifierOptions extends Omit<ClassifierOptions, 'temperature'> {
  /** Not needed with `pretrained`, whose own it is then. */
  tokenizer?: Tokenizer | undefined
  /** All of them; of `ordinal` ones the lowest first. */
  labels: readonly string[]
  /** Vectors that words begin with, such as `readVectors` gives; `embedding` is their size. */
  vectors?: WordVectors | undefined
  /**
   * A `LanguageModel` or an `Autoencoder`, whose tokens, embeddings and layers this one begins with. Options of these are
   * taken over; those that are given besides must be the same.
   */
  pretrained?: Pretrained | undefined
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

type Examples = Iterable<Labelled> | AsyncIterable<Labelled>

export interface ClassifierFitOptions extends TrainingOptions, ClassifierLearningOptions {
  /** Examples that are not learned from, to measure progress by; or the share of those given, by label; null: none. */
  validation?: Examples | number | null | undefined
}

/** Options of `predict`. */
export interface ClassifierPredictOptions {
  /** Labels to tell the probabilities of, the likeliest first. Default: all. */
  top?: number | undefined
  /**
   * Takes each text for a document: its sentences are classified, and what they say is merged. `mean`: of their
   * probabilities; `weighted`: the same, each by the TF-IDF of its words; `vote`: the shares of their labels.
   */
  document?: DocumentMerge | undefined
  /** Ends the call with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

const PREDICT_NAMES: Names<ClassifierPredictOptions> = { top: true, document: true, signal: true }

/**
 * Says which labels texts have: sentiment, topics, spam. An embedding, a recurrent stack, pooling, a softmax.
 *
 * ```ts
 * const examples = [{ text: 'a joy', label: 'good' }, { text: 'a bore', label: 'bad' }]
 * await using classifier = await TextClassifier.for(examples, { unit: 'word', hidden: 128 })
 * await classifier.fit(examples, { validation: 0.2, epochs: 10 })
 * const [{ label }] = await classifier.predict(['what a joy'])
 * ```
 */
export class TextClassifier extends Model {
  /** Of the texts. */
  readonly tokenizer: Tokenizer
  /** All options, every choice made. */
  readonly options: Readonly<ClassifierNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number
  readonly network: ClassifierNetwork
  private logitScale = 1

  /** Texts of an example: more than one are a list. */
  get fields(): number {
    return this.options.fields
  }

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: TextClassifierOptions) {
    super()
    expect('text classifier', 'options', isObject(options), 'an object', options)
    const { vectors, pretrained, device = 'cpu' } = options
    const taken = pretrained === undefined ? options : takeOver(options, pretrained)
    const sized = { ...taken, embedding: taken.embedding ?? vectors?.size }
    const others = ['tokenizer', 'device', 'vectors', 'pretrained']
    const { seed, temperature, ...network } = classifierOptions.resolve(sized, others)
    const valid = taken.tokenizer instanceof Tokenizer
    expect('text classifier', 'tokenizer', valid, 'a Tokenizer', taken.tokenizer)
    const tokenizer = taken.tokenizer as Tokenizer
    this.tokenizer = tokenizer
    const { labels, pooling } = network
    this.options = Object.freeze({ ...network, labels: [...labels], pooling: [...pooling] })
    this.seed = seed
    this.logitScale = temperature
    const place = { seed, device: chooseDevice(device).device }
    this.network = new ClassifierNetwork(tokenizer.size, this.options, place)
    try {
      beginWith(this.network, tokenizer, { vectors, pretrained })
    } catch (error) {
      this.network.dispose()
      throw error
    }
  }

  /**
   * A classifier of the labels that examples have, over tokens learned from their texts, or those of `pretrained`. Of `ordinal` labels the
   * order is that of `labels`, or of the numbers that they are.
   */
  static async for(
    examples: Examples,
    options: ReadingOptions &
      Omit<TextClassifierOptions, 'tokenizer' | 'labels'> & {
        labels?: readonly string[] | undefined
      } = {},
  ): Promise<TextClassifier> {
    expect('text classifier', 'options', isObject(options), 'an object', options)
    const { unit, vocabulary, minCount, ...others } = options
    const { pretrained } = others
    if (pretrained !== undefined)
      for (const [name, value] of Object.entries({ unit, vocabulary, minCount }))
        expect('text classifier', name, value === undefined, 'none beside pretrained', value)
    const all = await gatherLabelled('text classifier', own(examples))
    const labels = others.labels ?? labelsFor(all)
    const tokenizer =
      pretrained === undefined ? await tokenizerFor(all, { unit, vocabulary, minCount }) : undefined
    const { fields = Array.isArray(all[0]?.text) ? all[0].text.length : 1 } = others
    return new TextClassifier({ ...others, labels, tokenizer, fields })
  }

  /** What logits are divided by: 1, or what {@link calibrate} found. */
  get temperature(): number {
    return this.logitScale
  }

  /**
   * Learns from labelled texts, starting at once. Await the run for its result or iterate over its events.
   * Rejects with `ERR_BUSY` while another fit runs, `ERR_ARGUMENT` for a label that is none of the model's,
   * `ERR_EMPTY` without an example, `ERR_NONFINITE` when loss or gradient overflow (weights unharmed) or the
   * weights have, and `ERR_ABORTED` when `signal` aborts; after that the model can be used and trained on.
   * With `checkpoint`, one of the steps made is written before.
   */
  fit(examples: Examples, options: ClassifierFitOptions = {}): Run<TokenEvent, TokenResult> {
    return this.begin('tokens', options, (context) => {
      checkFitNames(options, { ...classifierFitOptions.rows, validation: true })
      const held = { ...options, validation: own(options.validation) }
      return this.makeFit(own(examples), held, context)
    })
  }

  private async makeFit(
    examples: Examples,
    options: ClassifierFitOptions,
    context: RunContext<TrainingEvent>,
  ): Promise<Fit | null> {
    const { validation = null } = options
    const {
      batch = 32,
      batchTokens,
      classWeights,
      labelSmoothing,
    } = classifierFitOptions.resolve(options, null)
    const read = async (op: string, all: Examples) => {
      try {
        return await gatherLabelled(op, untilStopped(all, context))
      } catch (error) {
        if (context.stopping) return null // not read to its end, it may be empty
        throw error
      }
    }
    const all = await read('fit', examples)
    if (context.stopping || all === null) return null
    const parts =
      typeof validation === 'number'
        ? splitExamples(all, validation, { seed: this.seed })
        : { learned: all, heldOut: validation && (await read('fit validation', validation)) }
    if (context.stopping) return null
    const set = await encodeExamples('fit', this.reading, parts.learned)
    const held =
      parts.heldOut && (await encodeExamples('fit validation', this.reading, parts.heldOut))
    const [learned, validated] = [await set.digest(), held && (await held.digest())]
    if (context.stopping) return null
    const { labels } = this.options
    const weights = weightsOf(classWeights, labels, set, this.options.task)
    const task = new ClassifierTask(this.network, {
      ...{ labelSmoothing, vocabulary: this.tokenizer.size },
      identity: {
        ...identityOf(classifierOptions.rows, this.options),
        ...{ tokenizer: digestOf(this.tokenizer), classWeights: classWeights ?? null },
      },
      validate: held
        ? (checkGoing, share) => this.totals(held.dealt(share), checkGoing)
        : undefined,
      validation: validated,
      files: () => this.files(),
    })
    const sizes = batchTokens === undefined ? { batch } : { batchTokens }
    const feed = new ExampleFeed(set, learned, sizes, this.options, weights, this.seed)
    const { clipNorm = 1, optimizer = adam({ lr: 2e-3 }) } = options
    // What was calibrated is another model from here on.
    this.logitScale = 1
    const settings = { ...options, clipNorm, optimizer, seed: this.seed, perStep: 1 }
    return new TrainingLoop(task, feed, settings)
  }

  private get reading(): Reading {
    const { tokenizer, options } = this
    return { tokenizer, options }
  }

  private decide({ logits }: Scored): Float64Array {
    return probabilitiesOf(this.options, logits, this.logitScale)
  }

  private async totals(set: TextSet, checkGoing: () => void) {
    const { task } = this.options
    const [loss, accuracy] = [
      { sum: 0, count: set.length },
      { sum: 0, count: set.length },
    ]
    for (const [i, scored] of (await scoreAll(this.network, set, checkGoing)).entries()) {
      const labels = set.labels[i] as Int32Array
      const probabilities = this.decide(scored)
      loss.sum += natsOf(task, scored.logits, labels, this.logitScale, probabilities)
      const chosen = chosenOf(task, probabilities)
      const same = chosen.length === labels.length && chosen.every((k) => labels.includes(k))
      if (same) ++accuracy.sum
    }
    return { loss, accuracy }
  }

  /** How well labels are told: see {@link ClassifierScore}. `ERR_EMPTY`. */
  async evaluate(
    examples: Examples,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<ClassifierScore> {
    this.checkUsable('evaluate')
    const { signal } = optionsOf('evaluate', options, { signal: true })
    const check = () => this.checkGoing('evaluate', signal)
    check()
    const all = await gatherLabelled('evaluate', own(examples))
    const set = await encodeExamples('evaluate', this.reading, all)
    const scored = await scoreAll(this.network, set, check)
    const { task } = this.options
    const probabilities = scored.map((one) => this.decide(one))
    let nats = 0
    scored.forEach(({ logits }, i) => {
      const own = set.labels[i] as Int32Array
      nats += natsOf(task, logits, own, this.logitScale, probabilities[i] as Float64Array)
    })
    const chosen = probabilities.map((one) => chosenOf(task, one))
    return evaluation(this.options, set.labels, chosen, nats / set.length)
  }

  /**
   * Each text's label, and the probabilities of all of them; where there is attention, what each token counted. An
   * empty text and one of unknown words get an answer, too. A text's answer does not depend on the others.
   */
  async predict(
    texts: readonly Fields[],
    options: ClassifierPredictOptions = {},
  ): Promise<Prediction[]> {
    this.checkUsable('predict')
    const { top, document, signal } = optionsOf('predict', options, PREDICT_NAMES)
    expect('predict', 'texts', Array.isArray(texts), 'a list of texts', texts)
    if (top !== undefined) checkWhole('predict', 'top', top, 1)
    checkSignal('predict', signal)
    const { fields } = this.options
    const all = Array.from(texts, (text, i) => fieldsOf('predict', `texts[${i}]`, text, fields))
    const check = () => this.checkGoing('predict', signal)
    if (document !== undefined) {
      checkChoice('predict', 'document', document, DOCUMENT_MERGES)
      expect('predict', 'document', fields === 1, `none of a model of ${fields} fields`, document)
      const decide = async (set: TextSet) =>
        (await scoreAll(this.network, set, check)).map((one) => this.decide(one))
      const reader = { reading: this.reading, decide, checkGoing: check }
      return predictDocuments(reader, all.flat(), document, top)
    }
    const set = new TextSet(await encodeTexts(this.reading, all), [])
    const scored = await scoreAll(this.network, set, check)
    return scored.map((one, i) =>
      prediction(this.reading, all[i] as string[], this.decide(one), one.attention, top),
    )
  }

  /**
   * Finds the temperature at which the probabilities of labelled texts, none of which was learned from, are most
   * likely (Guo et al. 2017). It stays with the model until the next fit; labels do not change by it.
   */
  async calibrate(
    examples: Examples,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<number> {
    this.checkUsable('calibrate')
    const { signal } = optionsOf('calibrate', options, { signal: true })
    const check = () => this.checkGoing('calibrate', signal)
    const all = await gatherLabelled('calibrate', own(examples))
    const set = await encodeExamples('calibrate', this.reading, all)
    const scored = await scoreAll(this.network, set, check)
    const { task } = this.options
    const lossAt = (temperature: number) =>
      scored.reduce((sum, { logits }, i) => {
        const probabilities = probabilitiesOf(this.options, logits, temperature)
        const labels = set.labels[i] as Int32Array
        return sum + natsOf(task, logits, labels, temperature, probabilities)
      }, 0)
    this.logitScale = bestTemperature(lossAt)
    return this.logitScale
  }

  protected async files(): Promise<CheckpointFiles> {
    // All reads are enqueued before the first await: one moment of a model that may be learning.
    const weights = await toHost(this.network.stateDict())
    const { seed, logitScale: temperature } = this
    return {
      json: {
        [CONFIG_FILE]: classifierOptions.toJSON({ ...this.options, temperature, seed }),
        'tokenizer.json': this.tokenizer,
      },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  /**
   * Loads what {@link save} wrote, or the best checkpoint of a run, in the precision it was saved with
   * unless another is given (weights are f32 in either). `ERR_IO`, `ERR_FORMAT`.
   */
  static async load(
    directory: string,
    options: { device?: DeviceOption | undefined; precision?: Precision | undefined } = {},
  ): Promise<TextClassifier> {
    const { device, precision } = optionsOf('load', options, { device: true, precision: true })
    checkPath('load', 'directory', directory)
    return loadModel(directory, async (file) => {
      const configPath = file(CONFIG_FILE)
      const config = classifierOptions.parse(await readJson(configPath), configPath)
      const tokenizer = await Tokenizer.load(file('tokenizer.json'))
      const given = { tokenizer, device, precision: precision ?? config.precision }
      return loadWeights(file, () => new TextClassifier({ ...config, ...given }))
    })
  }
}
