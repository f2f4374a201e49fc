import {
  checkGoing,
  checkPath,
  checkSignal,
  checkWhole,
  isListOf,
  isObject,
  optionsOf,
} from '../../check'
import { gatherLabelled, type Labelled } from '../../data/labelled'
import { RnnativeError } from '../../errors'
import { writeFastText } from '../../io/fasttext-writer'
import { readJson } from '../../io/files'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../../io/model-directory'
import { MODEL_FILE } from '../../io/model-files'
import { SafetensorsFile } from '../../io/safetensors'
import { makeRows, readRows } from '../../ops/embed-train'
import { inStretches, Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import { streamKey } from '../../tensor/random'
import type { Run } from '../../train'
import { checkTexts, logSoftmax, numbersOf, ranked, scored } from '../parts/prediction'
import type { BaselineScore } from '../parts/prediction'
import { fastTextFitOptions, fastTextOptions } from './classifier-options'
import type { FastTextFitRows, FastTextOptions, FastTextSettings } from './classifier-options'
import { countWords, ExamplePasses } from './examples'
import { goingOn, OneFit } from './one-fit'
import { Parts } from './parts'
import { Reader, type Text } from './reading'
import { formatError, hostTable, readParts, readTable } from './stored'
import { readVocabulary, VOCABULARY_FILE } from './stored'
import { WordTables } from './tables'
import { NOTHING, trainTables, type EmbeddingEvent, type EmbeddingResult } from './train'

/** Options of `fit`. */
export interface FastTextFitOptions extends FastTextFitRows {
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | null | undefined
}

/** What `fit` gives of a {@link FastTextClassifier}. */
export interface FastTextResult extends EmbeddingResult {
  /** Examples of the data. */
  examples: number
}

/** Options of `predict`. */
export interface FastTextPredictOptions {
  /** Labels to tell the probabilities of, the likeliest first. Default: all. */
  top?: number | undefined
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | undefined
}

/** What a text is taken for. */
export interface FastTextPrediction {
  /** The likeliest label. */
  label: string
  /** The likeliest labels first. They sum to 1, unless but the `top` ones are told. */
  probabilities: { label: string; probability: number }[]
}

interface Learned {
  words: WordTables
  labels: readonly string[]
  reader: Reader
  /** [labels, dim] */
  output: Float32Array
}

/** Texts that are read together. */
const PART = 256

/** Rows that are gathered together. */
const ROWS = 1 << 14

/**
 * Says which label a text has by the mean of its words' vectors, and of those of their parts and n-grams (Joulin et al.
 * 2017): fastText's classifier. It learns a hundred thousand words in a tenth of a second.
 *
 * ```ts
 * await using model = new FastTextClassifier({ ngrams: 2, dim: 20 })
 * await model.fit(examples, { epochs: 10, lr: 0.5 })
 * const [{ label }] = await model.predict(['a joy'])
 * ```
 */
export class FastTextClassifier {
  /** All options, every choice made. */
  readonly options: Readonly<FastTextSettings>
  /** Texts of an example are read one after another. */
  readonly fields = 1
  private readonly fits = new OneFit<EmbeddingEvent, FastTextResult>()
  private known: Learned | null = null

  /** Throws `ERR_ARGUMENT` for options that make no sense. */
  constructor(options: FastTextOptions = {}) {
    this.options = Object.freeze(fastTextOptions.resolve(options))
  }

  /** The labels, in the order of their characters. */
  get labels(): readonly string[] {
    return this.learned('labels').labels
  }

  /**
   * Learns examples, anew, in an order of the seed's that differs from pass to pass. `ERR_ARGUMENT` for an example that has
   * several labels, `ERR_EMPTY`, `ERR_BUSY`.
   */
  fit(
    examples: Iterable<Labelled> | AsyncIterable<Labelled>,
    options: FastTextFitOptions = {},
  ): Run<EmbeddingEvent, FastTextResult> {
    const { signal } = { ...(options as FastTextFitOptions | null) }
    return this.fits.begin(signal, { ...NOTHING, examples: 0 }, async (context) => {
      const { epochs, lr, threads } = fastTextFitOptions.resolve(options, ['signal'])
      checkSignal('fit', signal)
      const all = await gatherLabelled('fit', examples)
      goingOn(context)()
      const { options: own } = this
      const labels = [...new Set(all.map(({ label }) => label))].filter(isName).sort()
      const actual = numbersOf('fit', all, labels)
      const vocabulary = await countWords(all, own)
      const parts = Parts.of(vocabulary.words.length, own)
      const reader = new Reader(vocabulary, parts, own)
      const passes = await ExamplePasses.read(all, actual, reader, own.seed)
      const key = streamKey(own.seed, 'fasttext.table')
      const table = makeRows(parts.size, own.dim, 1 / own.dim, key)
      const output = makeRows(labels.length, own.dim, 0, key)
      const words = new WordTables(vocabulary, table, output, own.dim, parts, null)
      let taken = false
      try {
        const plan = {
          ...{ epochs, lr, seed: own.seed },
          options: {
            ...{ model: 'labels' as const, loss: 'softmax' as const, window: 1, shrink: false },
            ...{ negative: 0, frozen: 0, alike: false, threads: threads ?? 1024, classes: 1 },
          },
        }
        const result = await trainTables({ table, output }, {}, passes, plan, context)
        await this.take({ words, labels, reader })
        taken = true
        const size = vocabulary.words.length
        return { ...result, vocabulary: size, examples: all.length }
      } finally {
        if (!taken) words.dispose()
      }
    })
  }

  private async take(learned: Omit<Learned, 'output'>): Promise<void> {
    const { words, labels } = learned
    const output = await readRows(words.output, 0, labels.length, this.options.dim)
    this.known?.words.dispose()
    this.known = { ...learned, output }
  }

  private learned(op: string): Learned {
    this.fits.checkUsable(op)
    if (this.known) return this.known
    throw new RnnativeError(
      'ERR_UNINITIALIZED',
      `[${op}] the model has learned nothing: fit, or load`,
    )
  }

  /** What texts are taken for. */
  async predict(
    texts: readonly Text[],
    options: FastTextPredictOptions = {},
  ): Promise<FastTextPrediction[]> {
    const { top, signal } = optionsOf('predict', options, { top: true, signal: true })
    if (top !== undefined) checkWhole('predict', 'top', top, 1)
    checkSignal('predict', signal)
    checkTexts('predict', texts)
    const { labels } = this.learned('predict')
    const logs = await this.logsOf(texts, signal)
    return logs.map((row) => {
      const probabilities = ranked(labels, row.map(Math.exp), top)
      return { label: (probabilities[0] as { label: string }).label, probabilities }
    })
  }

  /** How well labels are told, in the words of `TextClassifier`. */
  async evaluate(
    examples: Iterable<Labelled> | AsyncIterable<Labelled>,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<BaselineScore> {
    const { signal } = optionsOf('evaluate', options, { signal: true })
    checkSignal('evaluate', signal)
    const { labels } = this.learned('evaluate')
    const all = await gatherLabelled('evaluate', examples)
    const actual = numbersOf('evaluate', all, labels)
    const texts = all.map(({ text }) => text)
    return scored(labels, await this.logsOf(texts, signal), actual)
  }

  private async logsOf(
    texts: readonly Text[],
    signal: AbortSignalLike | undefined,
  ): Promise<Float64Array[]> {
    const { words, reader, output, labels } = this.learned('predict')
    const { dim } = this.options
    const logs: Float64Array[] = []
    const pauses = new Pauses()
    for (let begin = 0; begin < texts.length; begin += PART) {
      checkGoing('predict', signal)
      const read: { rows: number[]; count: number }[] = []
      for (const text of texts.slice(begin, begin + PART))
        read.push(await inStretches(reader.reading(text, false), pauses))
      let held: Float32Array = new Float32Array()
      let at = 0
      /** The next rows, of this and the following texts: a call for each would take as long as its way. */
      const fetch = async (from: number, begin: number) => {
        const next: number[] = []
        for (let t = from, i = begin; t < read.length && next.length < ROWS; ++t, i = 0) {
          const { rows } = read[t] as { rows: number[] }
          const end = Math.min(rows.length, i + ROWS - next.length)
          for (; i < end; ++i) next.push(rows[i] as number)
        }
        ;[held, at] = [await words.gather(Int32Array.from(next)), 0]
      }
      for (const [t, one] of read.entries()) {
        const scores = new Float64Array(labels.length)
        for (let i = 0; i < one.rows.length; ++i, at += dim) {
          if (at === held.length) await fetch(t, i)
          if (i % PART === PART - 1 && pauses.due) await pauses.pause()
          for (let k = 0; k < labels.length; ++k)
            for (let d = 0; d < dim; ++d)
              scores[k]! += (held[at + d] as number) * (output[k * dim + d] as number)
        }
        for (let k = 0; k < labels.length; ++k) scores[k]! /= Math.max(1, one.count)
        logSoftmax(scores)
        logs.push(scores)
        if (pauses.due) await pauses.pause()
      }
    }
    return logs
  }

  /** Writes the model into a directory; see `LanguageModel.save`. */
  async save(directory: string): Promise<void> {
    checkPath('save', 'directory', directory)
    const { words, labels } = this.learned('save')
    const { vocabulary, parts, table, output } = words
    const { dim } = this.options
    const used = parts?.used ?? []
    await writeModelDirectory(directory, {
      json: {
        [CONFIG_FILE]: { ...fastTextOptions.toJSON(this.options), labels },
        [VOCABULARY_FILE]: { words: vocabulary.words, counts: [...vocabulary.counts] },
      },
      tensors: {
        [MODEL_FILE]: new Map([
          ['table', await hostTable(table, dim)],
          ['output', await hostTable(output, dim)],
          ['buckets', { shape: [used.length], data: Int32Array.from(used) }],
        ]),
      },
    })
  }

  /** Writes a model of fastText's (`.bin`), which predicts the same; see `Embeddings.saveFastText`. */
  async saveFastText(path: string): Promise<void> {
    checkPath('save', 'path', path)
    const { words, labels } = this.learned('save')
    await writeFastText(path, {
      ...{ ...this.options, window: 5, negative: 5, epochs: 5, sample: 1e-4, labels },
      ...{ loss: 'softmax', model: 'labels' },
      ...(await words.forFastText()),
    })
  }

  /** Loads what {@link save} wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<FastTextClassifier> {
    checkPath('load', 'directory', directory)
    const read = async (file: (name: string) => string) => {
      const path = file(CONFIG_FILE)
      const json = await readJson(path)
      const { labels, ...config } = isObject(json) ? json : {}
      const model = new FastTextClassifier(fastTextOptions.parse(config, path))
      const valid = isListOf(labels, isName) && (labels as string[]).length > 0
      if (!valid || new Set(labels as string[]).size < (labels as string[]).length)
        throw formatError(path, 'labels: expected a list of different strings')
      const vocabulary = await readVocabulary(file(VOCABULARY_FILE))
      const { options } = model
      const tensors = await SafetensorsFile.open(file(MODEL_FILE))
      try {
        const parts = await readParts(tensors, file(MODEL_FILE), vocabulary.words.length, options)
        const take = (name: string, rows: number) =>
          readTable(tensors, file(MODEL_FILE), name, rows, options.dim)
        const table = await take('table', parts.size)
        const output = await take('output', (labels as string[]).length)
        const words = new WordTables(vocabulary, table, output, options.dim, parts, null)
        const reader = new Reader(vocabulary, parts, options)
        await model.take({ words, labels: labels as string[], reader })
      } finally {
        await tensors.close()
      }
      return model
    }
    return readModel(directory, read, (model) => model.dispose())
  }

  /** Stops a running fit and frees the tables. */
  async dispose(): Promise<void> {
    if (!(await this.fits.dispose())) return
    this.known?.words.dispose()
    this.known = null
  }

  /** As {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

const isName = (x: unknown): x is string => typeof x === 'string'
