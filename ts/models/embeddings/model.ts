import { checkPath, checkSignal, checkText } from '../../check'
import { RnnativeError } from '../../errors'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../../io/model-directory'
import { writeFastText } from '../../io/fasttext-writer'
import { readJson } from '../../io/files'
import type { Neighbour, NearestOptions } from '../../io/word-vectors'
import { Vectors } from '../../io/word-vectors'
import type { AbortSignalLike } from '../../signal'
import type { Run } from '../../train'
import { Corpus } from './corpus'
import { goingOn, OneFit } from './one-fit'
import { embeddingFitOptions, embeddingOptions } from './options'
import type { EmbeddingFitRows, EmbeddingOptions, EmbeddingSettings } from './options'
import { teamOf } from './sampling'
import { checkSource, type TextSource } from './source'
import { readTables, tensorsOf, VOCABULARY_FILE, readVocabulary } from './stored'
import { makeTables, type WordTables } from './tables'
import { NOTHING, trainTables, type EmbeddingEvent, type EmbeddingResult } from './train'

/** Options of `fit`. */
export interface EmbeddingFitOptions extends EmbeddingFitRows {
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | null | undefined
}

const RATES: Partial<Record<string, number>> = { cbow: 0.05, fasttext: 0.05 }

/**
 * Vectors of words, of which those are alike that stand among like words: word2vec (Mikolov et al. 2013), fastText
 * (Bojanowski et al. 2017) and item2vec (Barkan & Koenigstein 2016).
 *
 * ```ts
 * await using words = new Embeddings({ model: 'skipgram', dim: 100, seed: 1 })
 * await words.fit({ file: 'corpus.txt' }, { epochs: 5 })
 * await words.nearest('king')
 * await io.writeVectors('corpus.vec', await words.vectors())
 * ```
 *
 * With `threads: 1` the same text, options and seed give the same bits. More threads learn at once from one table without
 * locks (hogwild, Niu et al. 2011): now and then an update is lost, so results differ a little from run to run.
 */
export class Embeddings {
  /** All options, every choice made. */
  readonly options: Readonly<EmbeddingSettings>
  private readonly fits = new OneFit<EmbeddingEvent, EmbeddingResult>()
  private tables: WordTables | null = null
  private made: Promise<Vectors> | null = null

  /** Throws `ERR_ARGUMENT` for options that make no sense. */
  constructor(options: EmbeddingOptions = {}) {
    this.options = Object.freeze(embeddingOptions.resolve(options))
  }

  /**
   * Learns anew from a text, which is read once, a part at a time. Events tell how far it is. Rejects with `ERR_EMPTY` where
   * no word occurs `minCount` times, `ERR_BUSY`, `ERR_IO`; an aborted run ends with what it has learned.
   */
  fit(text: TextSource, options: EmbeddingFitOptions = {}): Run<EmbeddingEvent, EmbeddingResult> {
    const { signal } = { ...(options as EmbeddingFitOptions | null) }
    return this.fits.begin(signal, NOTHING, async (context) => {
      const { epochs, lr, threads } = embeddingFitOptions.resolve(options, ['signal'])
      checkSignal('fit', signal)
      checkSource('fit', text)
      const { options: own } = this
      const corpus = await Corpus.read('fit', text, own.minCount, goingOn(context))
      let tables: WordTables | null = null
      try {
        tables = await makeTables(own, corpus.vocabulary)
        const team = teamOf(threads, corpus.vocabulary.words.length)
        const plan = {
          ...{ epochs, lr: lr ?? RATES[own.model] ?? 0.025, seed: own.seed },
          options: {
            model: own.model === 'cbow' ? ('cbow' as const) : ('skipgram' as const),
            ...{ loss: own.loss, window: own.window, negative: own.negative },
            ...{ shrink: own.model !== 'item2vec', frozen: 0, alike: false },
            ...team,
          },
        }
        const lists = tables.lists(own, team.classes)
        try {
          const passes = { chunks: () => withoutNumbers(corpus), tokens: corpus.tokens }
          const result = await trainTables(tables, lists.tensors, passes, plan, context)
          this.take(tables)
          tables = null
          return { ...result, vocabulary: corpus.vocabulary.words.length }
        } finally {
          lists.dispose()
        }
      } finally {
        tables?.dispose()
        await corpus.close()
      }
    })
  }

  private take(tables: WordTables): void {
    this.tables?.dispose()
    this.tables = tables
    this.made = null
  }

  private get learned(): WordTables {
    if (this.tables === null)
      throw new RnnativeError(
        'ERR_UNINITIALIZED',
        '[embeddings] nothing has been learned yet: call fit, or load a model',
      )
    return this.tables
  }

  /** Words, the frequent ones first. */
  get words(): readonly string[] {
    return this.learned.vocabulary.words
  }

  /** How often each of the words occurred. */
  get counts(): Float64Array {
    return this.learned.vocabulary.counts.slice()
  }

  /** The vectors of all words. */
  async vectors(): Promise<Vectors> {
    this.fits.checkUsable('vectors')
    return (this.made ??= this.learned.vectors())
  }

  /** A word's vector; of one that was never seen the mean of its parts, where words have parts. Undefined: there is none. */
  async vector(word: string): Promise<Float32Array | undefined> {
    this.fits.checkUsable('vector')
    checkText('vector', 'word', word)
    return (await this.vectors()).get(word) ?? (await this.learned.unseen(word))
  }

  /** See `Vectors.nearest`; a word that was never seen has its parts' vector, where words have parts. */
  async nearest(
    to: string | ArrayLike<number>,
    options: NearestOptions = {},
  ): Promise<Neighbour[]> {
    const vectors = await this.vectors()
    const unseen = typeof to === 'string' && !vectors.get(to)
    return vectors.nearest((unseen ? await this.vector(to) : undefined) ?? to, options)
  }

  /** See `Vectors.analogy`. */
  async analogy(
    a: string,
    b: string,
    c: string,
    options: Pick<NearestOptions, 'count'> = {},
  ): Promise<Neighbour[]> {
    return (await this.vectors()).analogy(a, b, c, options)
  }

  /** See `Vectors.similarity`. */
  async similarity(a: string, b: string): Promise<number> {
    return (await this.vectors()).similarity(a, b)
  }

  /** Writes the model into a directory; see `LanguageModel.save`. For other programs see `io.writeVectors`. */
  async save(directory: string): Promise<void> {
    this.fits.checkUsable('save')
    checkPath('save', 'directory', directory)
    const { vocabulary } = this.learned
    await writeModelDirectory(directory, {
      json: {
        [CONFIG_FILE]: embeddingOptions.toJSON(this.options),
        [VOCABULARY_FILE]: { words: vocabulary.words, counts: [...vocabulary.counts] },
      },
      tensors: await tensorsOf(this.learned),
    })
  }

  /**
   * Writes a model of fastText's (`.bin`), which fastText loads and `io.readVectors` reads. Where words have parts all
   * `buckets` are in it, two million of which take 800 MB.
   */
  async saveFastText(path: string): Promise<void> {
    this.fits.checkUsable('save')
    checkPath('save', 'path', path)
    const { options } = this
    await writeFastText(path, {
      ...{ ...options, ngrams: 1, epochs: 5, labels: [] },
      model: options.model === 'cbow' ? 'cbow' : 'skipgram',
      ...(await this.learned.forFastText()),
    })
  }

  /** Loads what {@link save} wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<Embeddings> {
    checkPath('load', 'directory', directory)
    const read = async (file: (name: string) => string) => {
      const config = embeddingOptions.parse(await readJson(file(CONFIG_FILE)), file(CONFIG_FILE))
      const model = new Embeddings(config)
      model.tables = await readTables(file, config, await readVocabulary(file(VOCABULARY_FILE)))
      return model
    }
    return readModel(directory, read, (model) => model.dispose())
  }

  /** Stops a running fit and frees the tables. */
  async dispose(): Promise<void> {
    if (!(await this.fits.dispose())) return
    this.tables?.dispose()
    this.tables = null
  }

  /** As {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** To words it is all one of which sentence they are. */
async function* withoutNumbers(corpus: Corpus) {
  for await (const { tokens, starts } of corpus.chunks()) yield { tokens, starts }
}
