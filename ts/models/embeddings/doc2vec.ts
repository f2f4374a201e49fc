import { checkPath, checkSignal, isListOf, optionsOf, type Names } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { readJson } from '../../io/files'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../../io/model-directory'
import { MODEL_FILE } from '../../io/model-files'
import { SafetensorsFile } from '../../io/safetensors'
import { Vectors, type NearestOptions } from '../../io/word-vectors'
import { makeRows, readRows } from '../../ops/embed-train'
import { eachIn, inStretches } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import type { Tensor } from '../../tensor'
import { streamKey } from '../../tensor/random'
import { IdList } from '../../text/ids'
import type { Run } from '../../train'
import { Corpus, type Vocabulary } from './corpus'
import { docFitOptions, docOptions, inferOptions } from './doc-options'
import type { Doc2VecOptions, Doc2VecSettings, InferRows } from './doc-options'
import { inferDocuments } from './infer'
import type { EmbeddingFitOptions } from './model'
import { goingOn, OneFit } from './one-fit'
import { teamOf } from './sampling'
import { checkSource, wordsIn, type Sentence, type TextSource } from './source'
import { formatError, hostTable, readTable, readVocabulary, VOCABULARY_FILE } from './stored'
import { WordTables } from './tables'
import { NOTHING, trainTables, type EmbeddingEvent, type EmbeddingResult } from './train'

/** What `fit` gives of a {@link Doc2Vec}. */
export interface Doc2VecResult extends EmbeddingResult {
  /** Documents of the data. */
  documents: number
}

/** Options of `infer`. */
export interface InferOptions extends InferRows {
  /** Ends the call with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

/** A document that was learned, and how alike it is. */
export interface NearDocument {
  /** Its place among those that were learned, from 0. */
  document: number
  /** Cosine of the angle to what was asked for. */
  similarity: number
}

const NEAREST: Names<InferOptions & Pick<NearestOptions, 'count'>> = {
  ...{ epochs: true, lr: true, seed: true, count: true, signal: true },
}

/** Words that are looked up without a pause. */
const STRETCH = 1 << 10

interface Learned {
  words: WordTables
  documents: Tensor
  ids: ReadonlyMap<string, number>
}

/**
 * Vectors of documents, from which their words can be told: PV-DBOW and PV-DM (Le & Mikolov 2014). A document is a line of
 * a text, or one sentence of a list.
 *
 * ```ts
 * await using model = new Doc2Vec({ algorithm: 'dbow', seed: 1 })
 * await model.fit(documents, { epochs: 20 })
 * const [vector] = await model.infer(['a text that it has not seen'])
 * await model.nearest('a text that it has not seen')
 * ```
 *
 * What `infer` gives depends on the words and the seed alone. Threads are those of `Embeddings`.
 */
export class Doc2Vec {
  /** All options, every choice made. */
  readonly options: Readonly<Doc2VecSettings>
  private readonly fits = new OneFit<EmbeddingEvent, Doc2VecResult>()
  private known: Learned | null = null
  private made: Promise<Vectors> | null = null

  /** Throws `ERR_ARGUMENT` for options that make no sense. */
  constructor(options: Doc2VecOptions = {}) {
    this.options = Object.freeze(docOptions.resolve(options))
  }

  /** Learns anew; as of `Embeddings.fit`. */
  fit(text: TextSource, options: EmbeddingFitOptions = {}): Run<EmbeddingEvent, Doc2VecResult> {
    const { signal } = { ...(options as EmbeddingFitOptions | null) }
    return this.fits.begin(signal, { ...NOTHING, documents: 0 }, async (context) => {
      const { epochs, lr = 0.025, threads } = docFitOptions.resolve(options, ['signal'])
      checkSignal('fit', signal)
      checkSource('fit', text)
      const { options: own } = this
      const corpus = await Corpus.read('fit', text, own.minCount, goingOn(context))
      let made: Learned | null = null
      try {
        made = makeLearned(own, corpus.vocabulary, corpus.sentences)
        const { words, documents } = made
        const team = teamOf(threads, corpus.vocabulary.words.length)
        const lists = words.lists(own, team.classes)
        try {
          const plan = {
            ...{ epochs, lr, seed: own.seed },
            options: { ...this.learning, frozen: 0, alike: false, ...team },
          }
          const passes = { chunks: () => withDocuments(corpus), tokens: corpus.tokens }
          const result = await trainTables(
            { table: words.table, output: words.output, documents },
            ...([lists.tensors, passes, plan, context] as const),
          )
          this.take(made)
          made = null
          const vocabulary = corpus.vocabulary.words.length
          return { ...result, vocabulary, documents: corpus.sentences }
        } finally {
          lists.dispose()
        }
      } finally {
        if (made) disposeLearned(made)
        await corpus.close()
      }
    })
  }

  private get learning() {
    const { algorithm, loss, window, negative } = this.options
    const model = algorithm === 'dm' ? ('documentContext' as const) : ('document' as const)
    return { model, loss, window, negative, shrink: true }
  }

  private take(learned: Learned): void {
    if (this.known) disposeLearned(this.known)
    this.known = learned
    this.made = null
  }

  private learned(op: string): Learned {
    this.fits.checkUsable(op)
    if (this.known) return this.known
    throw new RnnativeError(
      'ERR_UNINITIALIZED',
      `[${op}] nothing has been learned yet: call fit, or load a model`,
    )
  }

  /** Words, the frequent ones first. */
  get words(): readonly string[] {
    return this.learned('words').words.vocabulary.words
  }

  /** The vectors of the documents that were learned, by their places: `get('0')` is the first one's. */
  vectors(): Promise<Vectors> {
    const { documents } = this.learned('vectors')
    return (this.made ??= this.read(documents))
  }

  private async read(documents: Tensor): Promise<Vectors> {
    const { dim } = this.options
    const [count] = documents.shape as [number]
    const rows = await readRows(documents, 0, count, dim)
    const entries = Array.from(
      { length: count },
      (_, i) => [String(i), rows.subarray(i * dim, (i + 1) * dim)] as const,
    )
    return new Vectors(dim, new Map(entries))
  }

  /** Vectors of documents, in the same space as those that were learned. Words that are not known say nothing. */
  async infer(documents: readonly Sentence[], options: InferOptions = {}): Promise<Float32Array[]> {
    const { words, ids } = this.learned('infer')
    const { epochs, lr, seed } = inferOptions.resolve(options, ['signal'])
    const { signal } = options
    checkSignal('infer', signal)
    const listed = isListOf(documents, isSentence)
    expect('infer', 'documents', listed, 'a list of texts, or of lists of words', documents)
    const encoded = await inStretches(
      eachIn(documents, function* (document) {
        const found = new IdList()
        for (const words of typeof document === 'string' ? wordsIn(document) : [document])
          for (const [i, word] of words.entries()) {
            if (i % STRETCH === 0) yield
            const id = ids.get(word)
            if (id !== undefined) found.push(id)
          }
        return yield* found.joined()
      }),
    )
    const lists = words.lists(this.options)
    try {
      return await inferDocuments(encoded, {
        tables: { table: words.table, output: words.output },
        lists: lists.tensors,
        ...{ size: this.options.dim, options: this.learning, epochs, lr, seed, signal },
      })
    } finally {
      lists.dispose()
    }
  }

  /** The documents nearest to a text or a vector, among those that were learned. */
  async nearest(
    to: Sentence | Float32Array,
    options: InferOptions & Pick<NearestOptions, 'count'> = {},
  ): Promise<NearDocument[]> {
    const { count, ...rest } = optionsOf('nearest', options, NEAREST)
    const given = isSentence(to) || to instanceof Float32Array
    expect('nearest', 'to', given, 'a text, a list of words or a vector', to)
    const vector = isSentence(to) ? (await this.infer([to], rest))[0] : to
    const near = await (await this.vectors()).nearest(vector as Float32Array, { count })
    return near.map(({ word, similarity }) => ({ document: Number(word), similarity }))
  }

  /** Writes the model into a directory; see `LanguageModel.save`. */
  async save(directory: string): Promise<void> {
    checkPath('save', 'directory', directory)
    const { words, documents } = this.learned('save')
    const { dim } = this.options
    const tensors = new Map([
      ['table', await hostTable(words.table, dim)],
      ['output', await hostTable(words.output, dim)],
      ['documents', await hostTable(documents, dim)],
    ])
    const { vocabulary } = words
    await writeModelDirectory(directory, {
      json: {
        [CONFIG_FILE]: docOptions.toJSON(this.options),
        [VOCABULARY_FILE]: { words: vocabulary.words, counts: [...vocabulary.counts] },
      },
      tensors: { [MODEL_FILE]: tensors },
    })
  }

  /** Loads what {@link save} wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<Doc2Vec> {
    checkPath('load', 'directory', directory)
    const read = async (file: (name: string) => string) => {
      const config = docOptions.parse(await readJson(file(CONFIG_FILE)), file(CONFIG_FILE))
      const model = new Doc2Vec(config)
      const vocabulary = await readVocabulary(file(VOCABULARY_FILE))
      model.known = await readLearned(file(MODEL_FILE), config, vocabulary)
      return model
    }
    return readModel(directory, read, (model) => model.dispose())
  }

  /** Stops a running fit and frees the tables. */
  async dispose(): Promise<void> {
    if (!(await this.fits.dispose())) return
    if (this.known) disposeLearned(this.known)
    this.known = null
  }

  /** As {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

const isSentence = (x: unknown): x is Sentence =>
  typeof x === 'string' || isListOf(x, (word) => typeof word === 'string')

function disposeLearned({ words, documents }: Learned): void {
  words.dispose()
  documents.dispose()
}

const idsOf = ({ words }: Vocabulary) => new Map(words.map((word, i) => [word, i]))

const outputsOf = ({ loss }: Doc2VecSettings, { words }: Vocabulary): number =>
  loss === 'hierarchical' ? Math.max(1, words.length - 1) : words.length

function makeLearned(options: Doc2VecSettings, vocabulary: Vocabulary, count: number): Learned {
  const { dim, seed } = options
  const rows = (number: number, name: string) =>
    makeRows(number, dim, name === '' ? 0 : 0.5 / dim, streamKey(seed, `doc2vec.${name}`))
  const table = rows(vocabulary.words.length, options.algorithm === 'dm' ? 'table' : '')
  const output = rows(outputsOf(options, vocabulary), '')
  const words = new WordTables(vocabulary, table, output, dim, null, null)
  return { words, documents: rows(count, 'documents'), ids: idsOf(vocabulary) }
}

async function readLearned(
  path: string,
  options: Doc2VecSettings,
  vocabulary: Vocabulary,
): Promise<Learned> {
  const file = await SafetensorsFile.open(path)
  const made: Tensor[] = []
  try {
    const count = file.shapes.get('documents')?.shape[0]
    if (count === undefined) throw formatError(path, 'documents: missing')
    for (const [name, rows] of [
      ['table', vocabulary.words.length],
      ['output', outputsOf(options, vocabulary)],
      ['documents', count],
    ] as const)
      made.push(await readTable(file, path, name, rows, options.dim))
    const [table, output, documents] = made as [Tensor, Tensor, Tensor]
    const words = new WordTables(vocabulary, table, output, options.dim, null, null)
    return { words, documents, ids: idsOf(vocabulary) }
  } catch (error) {
    for (const tensor of made) tensor.dispose()
    throw error
  } finally {
    await file.close()
  }
}

async function* withDocuments(corpus: Corpus) {
  for await (const { tokens, starts, numbers } of corpus.chunks())
    yield { tokens, starts, labels: numbers }
}
