import { checkPath, checkStrings, checkWhole, isListOf, isObject, optionsOf } from '../../check'
import type { Names } from '../../check'
import { isDealt } from '../../data'
import type { TaggedSentence } from '../../data/conll'
import { own } from '../../data/gather'
import { digestOfJson } from '../../digest'
import { expect, RnnativeError } from '../../errors'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import {
  ENTITY_MODES,
  scoringEntities,
  totallingEntities,
  type EntityOptions,
  type EntityScore,
} from '../../metrics/entities'
import { TAG_SCHEMES, type TagScheme } from '../../metrics/spans'
import { adam } from '../../optim'
import { findingMarginals } from '../../decode/crf'
import { atOnce, eachIn, inStretches, Pauses } from '../../pauses'
import { chooseDevice, type DeviceOption } from '../../tensor/device'
import type { Fit } from '../../train/fits'
import { TrainingLoop } from '../../train/loop'
import { checkFitNames } from '../../train/options'
import type { Run, RunContext, TokenEvent, TokenResult } from '../../train'
import type { TrainingEvent, TrainingOptions } from '../../train'
import type { AbortSignalLike } from '../../signal'
import { identityOf } from '../parts/identity'
import { checkTexts, loadModel, loadWeights, Model } from '../model'
import { WordReader, type Example } from './batch'
import { TaggerNetwork } from './network'
import { taggerFitOptions, taggerOptions } from './options'
import type { TaggerNetworkOptions, TaggerOptions, TaggerReadingOptions } from './options'
import { cutting, deciding, emissionsOf, findingBest, given, natsOf } from './tag'
import type { Sentence, TaggedText } from './tag'
import { TaggerFeed, TaggerTask } from './task'
import { beginWith, wordsOf, type ListedVectors } from './vectors'
import { checkVocabulary, learningVocabulary, TagSet, type TaggerVocabulary } from './vocabulary'

/** What a {@link SequenceTagger} is made of. */
export interface SequenceTaggerOptions extends TaggerOptions {
  /** See {@link SequenceTagger.vocabulary}. */
  vocabulary: TaggerVocabulary
  /** Vectors that words begin with, such as `readVectors` gives; `embedding` is their size. */
  vectors?: ListedVectors | undefined
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

export interface SequenceTaggerFitOptions extends TrainingOptions, TaggerReadingOptions {
  /** Sentences that are not learned from, to measure progress by; null: none. */
  validation?: readonly TaggedSentence[] | null | undefined
}

/** What `evaluate` gives of a {@link SequenceTagger}. */
export interface TaggerScore extends EntityScore {
  /** Nats a word. */
  loss: number
}

/** What a tagger's vocabulary is made of beside sentences. */
export interface VocabularyOptions {
  /** How tags tell entities. Default 'bio'. */
  scheme?: TagScheme | undefined
  /** Vectors whose words are known, too. */
  vectors?: ListedVectors | undefined
}

interface Waiting {
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | undefined
}

const WAITING: Names<Waiting> = { signal: true }

const VOCABULARY_FILE = 'vocabulary.json'

/** Sentences as lists of words, or texts that are cut into words (characters, where those were learned). */
export type Sentences = readonly string[] | readonly (readonly string[])[]

/**
 * Tags words: named entities, parts of speech. Vectors of words and their letters, a recurrent stack in both
 * directions, a conditional random field (Huang et al. 2015; Lample et al. 2016).
 *
 * ```ts
 * const sentences = await data.readConll('train.conll')
 * await using tagger = new SequenceTagger({ vocabulary: SequenceTagger.vocabulary(sentences), hidden: 100 })
 * await tagger.fit(sentences, { epochs: 20 })
 * const [{ entities }] = await tagger.tag(['Kim Clijsters won in Brussels.'])
 * ```
 */
export class SequenceTagger extends Model {
  /** Words, letters and tags that it knows. */
  readonly vocabulary: TaggerVocabulary
  /** All options, every choice made. */
  readonly options: Readonly<TaggerNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number
  readonly network: TaggerNetwork
  private readonly reader: WordReader
  private readonly set: TagSet

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: SequenceTaggerOptions) {
    super()
    expect('sequence tagger', 'options', isObject(options), 'an object', options)
    const { vocabulary, vectors, device = 'cpu' } = options
    const sized = { ...options, embedding: options.embedding ?? vectors?.size }
    const others = ['vocabulary', 'device', 'vectors']
    const { seed, ...network } = taggerOptions.resolve(sized, others)
    checkVocabulary(vocabulary)
    this.vocabulary = vocabulary
    this.options = Object.freeze(network)
    this.seed = seed
    this.reader = new WordReader(vocabulary)
    this.set = new TagSet(vocabulary.scheme, vocabulary.types)
    const place = { seed, device: chooseDevice(device).device }
    this.network = new TaggerNetwork(vocabulary, this.options, place)
    if (vectors === undefined) return
    try {
      beginWith(this.network.words, vocabulary.words, vectors)
    } catch (error) {
      this.network.dispose()
      throw error
    }
  }

  /**
   * The words, letters, shapes and types of tagged sentences, and the words of `vectors`, if the tagger is to begin
   * with them. Throws `ERR_EMPTY` where no word has another tag than O. It computes until it is done, with 10 MB for
   * seconds: see {@link learnVocabulary}.
   */
  static vocabulary(
    sentences: readonly TaggedSentence[],
    options: VocabularyOptions = {},
  ): TaggerVocabulary {
    return atOnce(SequenceTagger.learningVocabulary(sentences, options))
  }

  /** What {@link vocabulary} gives; leaves the event loop to others every few milliseconds. */
  static async learnVocabulary(
    sentences: readonly TaggedSentence[],
    options: VocabularyOptions = {},
  ): Promise<TaggerVocabulary> {
    return inStretches(SequenceTagger.learningVocabulary(own(sentences), options))
  }

  private static *learningVocabulary(
    sentences: readonly TaggedSentence[],
    options: VocabularyOptions,
  ): Generator<undefined, TaggerVocabulary> {
    const names = { scheme: true, vectors: true } as const
    const { scheme = 'bio', vectors } = optionsOf('vocabulary', options, names)
    expect('vocabulary', 'scheme', TAG_SCHEMES.includes(scheme), TAG_SCHEMES.join(', '), scheme)
    checkSentences('vocabulary', 'sentences', sentences)
    const others = vectors === undefined ? [] : [...wordsOf('vocabulary', vectors)]
    checkStrings('vocabulary', 'vectors.words()', others)
    return yield* learningVocabulary(sentences, scheme, others)
  }

  /** The tags that {@link marginals} is about. */
  get tags(): readonly string[] {
    return this.set.tags
  }

  /**
   * Learns from tagged sentences, starting at once. Await the run for its result or iterate over its events. Tags
   * that are not whole are read as conlleval reads them. Rejects as `LanguageModel.fit` does.
   */
  fit(
    sentences: readonly TaggedSentence[],
    options: SequenceTaggerFitOptions = {},
  ): Run<TokenEvent, TokenResult> {
    return this.begin('tokens', options, (context) =>
      this.makeFit(own(sentences), options, context),
    )
  }

  private async makeFit(
    sentences: readonly TaggedSentence[],
    options: SequenceTaggerFitOptions,
    context: RunContext<TrainingEvent>,
  ): Promise<Fit | null> {
    checkFitNames(options, { ...taggerFitOptions.rows, validation: true })
    const validation = own(options.validation ?? null)
    const { batch, rareWords } = taggerFitOptions.resolve(options, null)
    const learned = await inStretches(this.examples('fit', 'sentences', sentences))
    const held = validation && (await inStretches(this.examples('fit', 'validation', validation)))
    if (context.stopping) return null
    const { words, types } = this.vocabulary
    const task = new TaggerTask(this.network, {
      identity: {
        ...identityOf(taggerOptions.rows, this.options),
        vocabulary: digestOfJson(this.vocabulary),
      },
      facts: { vocabulary: words.length, types: types.length },
      validate:
        validation && held
          ? (checkGoing, share) => {
              const own = (_: unknown, i: number) => isDealt(i, share)
              return this.measure(validation.filter(own), held.filter(own), checkGoing)
            }
          : undefined,
      validation: validation && digestOfJson(validation),
      files: () => this.files(),
    })
    const { seed } = this
    const feed = new TaggerFeed(learned, this.reader, { batch, rareWords, seed })
    const { clipNorm = 1, optimizer = adam({ lr: 2e-3 }) } = options
    return new TrainingLoop(task, feed, { ...options, clipNorm, optimizer, seed, perStep: 1 })
  }

  /** Nats a word, and F1 of entities (of words, with the scheme `none`): the mean of precision and recall. */
  private async measure(
    sentences: readonly TaggedSentence[],
    examples: readonly Example[],
    checkGoing: () => void,
  ) {
    const { predicted, loss } = await this.predicted(examples, checkGoing)
    const { scheme } = this.vocabulary
    const expected = sentences.map(({ tags }) => tags)
    return { loss, f1: await inStretches(totallingEntities(predicted, expected, { scheme })) }
  }

  private async predicted(examples: readonly Example[], checkGoing: () => void) {
    const { nats, tags } = await natsOf(this.network, this.reader, examples, checkGoing)
    const predicted: string[][] = []
    const pauses = new Pauses()
    for (const ids of tags)
      predicted.push(await inStretches(this.set.showing(this.set.decode(ids)), pauses))
    const count = examples.reduce((sum, { words }) => sum + words.length, 0)
    return { predicted, loss: { sum: nats, count } }
  }

  /** How well it tags these sentences: see `metrics.entityScore`. */
  async evaluate(
    sentences: readonly TaggedSentence[],
    options: Waiting & Pick<EntityOptions, 'mode'> = {},
  ): Promise<TaggerScore> {
    this.checkUsable('evaluate')
    const { signal, mode = 'strict' } = optionsOf('evaluate', options, { ...WAITING, mode: true })
    expect('evaluate', 'mode', ENTITY_MODES.includes(mode), ENTITY_MODES.join(' or '), mode)
    const examples = await inStretches(this.examples('evaluate', 'sentences', own(sentences)))
    const check = () => this.checkGoing('evaluate', signal)
    const { predicted, loss } = await this.predicted(examples, check)
    const { scheme } = this.vocabulary
    const expected = sentences.map(({ tags }) => tags)
    const score = await inStretches(scoringEntities(predicted, expected, { scheme, mode }))
    return { ...score, loss: loss.sum / loss.count }
  }

  /** Tags and entities of each sentence or text; those of texts tell where in the text they are. */
  async tag(sentences: Sentences, options: Waiting = {}): Promise<TaggedText[]> {
    const { all, emissions, scores } = await this.read('tag', sentences, options)
    return inStretches(
      eachIn(all, (one, i) => deciding(one, emissions[i] as Float64Array, scores, this.set)),
    )
  }

  /** The `k` best of each sentence or text, best first. */
  async nBest(
    sentences: Sentences,
    k: number,
    options: Waiting = {},
  ): Promise<(TaggedText & { probability: number })[][]> {
    checkWhole('nBest', 'k', k, 1)
    const { all, emissions, scores } = await this.read('nBest', sentences, options)
    return inStretches(
      eachIn(all, (one, i) => findingBest(one, emissions[i] as Float64Array, scores, this.set, k)),
    )
  }

  /** The probability of each of {@link tags} at each word: [words, tags], of each sentence or text. */
  async marginals(
    sentences: Sentences,
    options: Waiting = {},
  ): Promise<{ words: string[]; probabilities: Float64Array }[]> {
    const { all, emissions, scores } = await this.read('marginals', sentences, options)
    return inStretches(
      eachIn(all, function* ({ words }, i) {
        const { probabilities } = yield* findingMarginals(emissions[i] as Float64Array, scores)
        return { words: words.map(({ text }) => text), probabilities }
      }),
    )
  }

  private async read(method: string, sentences: Sentences, options: Waiting) {
    this.checkUsable(method)
    const { signal } = optionsOf(method, options, WAITING)
    const { all, examples } = await inStretches(this.reading(method, own(sentences)))
    const check = () => this.checkGoing(method, signal)
    return { all, ...(await emissionsOf(this.network, this.reader, examples, check)) }
  }

  private *reading(
    method: string,
    sentences: Sentences,
  ): Generator<undefined, { all: Sentence[]; examples: Example[] }> {
    const isText = (one: unknown): boolean => typeof one === 'string'
    const ofWords = isListOf(sentences, (one) => isListOf(one, isText))
    if (!ofWords) checkTexts(method, sentences as readonly string[])
    const all: Sentence[] = []
    const examples: Example[] = []
    for (const one of sentences) {
      const sentence =
        typeof one === 'string' ? yield* cutting(one, this.vocabulary.unit) : given(one)
      all.push(sentence)
      examples.push(yield* this.reader.reading(sentence.words.map(({ text }) => text)))
    }
    return { all, examples }
  }

  private *examples(
    method: string,
    name: string,
    sentences: readonly TaggedSentence[],
  ): Generator<undefined, Example[]> {
    checkSentences(method, name, sentences)
    if (sentences.every(({ words }) => words.length === 0))
      throw new RnnativeError('ERR_EMPTY', `[${method}] ${name}: expected words, got none`)
    const all: Example[] = []
    for (const [i, { words, tags }] of sentences.entries()) {
      const ids = yield* this.set.encoding(method, tags, `${name}[${i}].tags`)
      all.push(yield* this.reader.reading([...words], ids))
    }
    return all
  }

  protected async files(): Promise<CheckpointFiles> {
    // All reads are enqueued before the first await: one moment of a model that may be learning.
    const weights = await toHost(this.network.stateDict())
    const config = taggerOptions.toJSON({ ...this.options, seed: this.seed })
    return {
      json: { [CONFIG_FILE]: config, [VOCABULARY_FILE]: this.vocabulary },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  /** Loads what {@link save} wrote, or the best checkpoint of a run: see `LanguageModel.load`. */
  static async load(
    directory: string,
    options: Pick<SequenceTaggerOptions, 'device' | 'precision'> = {},
  ): Promise<SequenceTagger> {
    const { device, precision } = optionsOf('load', options, { device: true, precision: true })
    checkPath('load', 'directory', directory)
    return loadModel(directory, async (file) => {
      const configPath = file(CONFIG_FILE)
      const config = taggerOptions.parse(await readJson(configPath), configPath)
      const vocabulary = await readVocabulary(file(VOCABULARY_FILE))
      const given = { vocabulary, device, precision: precision ?? config.precision }
      return loadWeights(file, () => new SequenceTagger({ ...config, ...given }))
    })
  }
}

async function readVocabulary(path: string): Promise<TaggerVocabulary> {
  const json = await readJson(path)
  try {
    checkVocabulary(json)
    return json
  } catch (cause) {
    throw new RnnativeError('ERR_FORMAT', `[load] ${path}: ${(cause as Error).message}`, { cause })
  }
}

function checkSentences(op: string, name: string, value: unknown): void {
  const isText = (one: unknown): boolean => typeof one === 'string'
  const isTagged = (one: unknown): boolean =>
    isObject(one) && isListOf(one['words'], isText) && isListOf(one['tags'], isText)
  const expected = 'sentences of words and as many tags'
  expect(op, name, Array.isArray(value), expected, value)
  for (const [i, one] of (value as TaggedSentence[]).entries()) {
    const valid = isTagged(one) && one.words.length === one.tags.length
    expect(op, `${name}[${i}]`, valid, expected, one)
  }
}
