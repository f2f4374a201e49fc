import { own } from '../../data/gather'
import { isObject, optionsOf, type Names } from '../../check'
import { gatherSummaries } from '../../data/summaries'
import { expect } from '../../errors'
import { measure, type RougeOptions, type RougeScore } from '../../metrics'
import type { DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Run, TokenEvent, TokenResult, TrainingOptions } from '../../train'
import type { Translation } from '../seq2seq/candidate'
import type { TranslateOptions } from '../seq2seq/translate'
import { loadOver, optionsOver, OverSeq2Seq, type LoadOptions } from '../seq2seq/within'
import { abstractiveOptions } from './options'
import type {
  AbstractiveLearningOptions,
  AbstractiveNetworkOptions,
  AbstractiveRows,
} from './options'
import { pairsOf, readDocument, readText, type Examples } from './texts'

/** What an {@link AbstractiveSummariser} is made of. */
export interface AbstractiveOptions extends AbstractiveRows {
  /** Of words, such as {@link AbstractiveSummariser.for} learns; boundaries are added where it has none. */
  tokenizer: Tokenizer
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

const UNITS = { word: 'words', space: 'spaces' } as const

/** What tokens are learned with. */
export interface AbstractiveTokens {
  /** What a token is. Default 'word'. */
  unit?: keyof typeof UNITS | undefined
  /** Most tokens. Default 20,000. */
  vocabulary?: number | undefined
  /** Occurrences that make a token; what occurs less often is copied. Default 2. */
  minCount?: number | undefined
}

export interface AbstractiveFitOptions extends TrainingOptions, AbstractiveLearningOptions {
  /** Examples that are not learned from, to measure progress by: nats per token; null: none. */
  validation?: Examples | null | undefined
}

/** As `Seq2Seq.translate`'s. */
export type AbstractiveSummarizeOptions = Omit<TranslateOptions, 'terms' | 'replaceUnknown'>

export interface AbstractiveEvaluateOptions extends AbstractiveSummarizeOptions, RougeOptions {}

export interface AbstractiveSummary extends Translation {
  /** The text of the best candidate. */
  summary: string
}

/** Unless told: no three words twice (Paulus et al. 2018), and no more than a paragraph. */
const SEARCH: AbstractiveSummarizeOptions = { beam: 4, blockNgrams: 3, maxLength: 100 }
const ROUGE_NAMES: Names<RougeOptions> = { stem: true, tokenize: true }

/**
 * Summarises documents in its own words and in theirs, a pointer-generator (See et al. 2017): a `Seq2Seq` that copies words
 * of the document, whether its vocabulary has them or not. See `Summariser` for what chooses sentences.
 *
 * ```ts
 * const examples = await readSummaries('train.jsonl', { text: 'article', summary: 'abstract' })
 * await using summariser = await AbstractiveSummariser.for(examples, { hidden: 256 })
 * await summariser.fit(examples, { validation, epochs: 20, coverage: 1 })
 * const [{ summary }] = await summariser.summarize([article])
 * ```
 */
export class AbstractiveSummariser extends OverSeq2Seq {
  /** All options, every choice made. */
  readonly options: Readonly<AbstractiveNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: AbstractiveOptions) {
    const { seed, ...made } = optionsOver(abstractiveOptions, options)
    const { tokenizer, device } = options
    const { lowerCase: _, ...network } = made
    const both = tokenizer.withBoundaries()
    super({ ...network, copy: true, seed, device, source: both, target: both })
    this.options = Object.freeze(made)
    this.seed = seed
  }

  /** One over the words of examples. */
  static async for(
    examples: Examples,
    options: AbstractiveTokens & Omit<AbstractiveOptions, 'tokenizer'> = {},
  ): Promise<AbstractiveSummariser> {
    expect('summariser', 'options', isObject(options), 'an object', options)
    const { unit = 'word', vocabulary = 20_000, minCount = 2, ...others } = options
    expect('summariser', 'unit', Object.hasOwn(UNITS, unit), Object.keys(UNITS).join(', '), unit)
    const { lowerCase = false } = others
    const all = await gatherSummaries('summariser', own(examples))
    const texts = all.flatMap(({ text, summary }) =>
      [text, ...([] as string[]).concat(summary)].map((one) => readText(one, { lowerCase })),
    )
    const tokenizer = await Tokenizer.learn(UNITS[unit], texts, { vocabulary, minCount })
    return new AbstractiveSummariser({ ...others, tokenizer })
  }

  /** Learns from documents and their summaries, starting at once; as `Seq2Seq.fit`. */
  fit(examples: Examples, options: AbstractiveFitOptions = {}): Run<TokenEvent, TokenResult> {
    expect('fit', 'options', isObject(options), 'an object', options)
    const pairs = (op: string, given: Examples) => pairsOf(op, own(given), this.options)
    const { validation } = options
    return this.seq2seq.learnWithin(
      pairs('fit', examples),
      { ...options, validation: validation && pairs('fit validation', validation) },
      { family: 'AbstractiveSummariser', lowerCase: this.options.lowerCase },
    )
  }

  /** A summary of each document; other candidates are in `nBest`. A `beam` of 4 and `blockNgrams` of 3 unless given. */
  async summarize(
    documents: readonly (string | readonly string[])[],
    options: AbstractiveSummarizeOptions = {},
  ): Promise<AbstractiveSummary[]> {
    expect('summarize', 'options', isObject(options), 'an object', options)
    const expected = 'a list of texts, or of lists of sentences'
    expect('summarize', 'documents', Array.isArray(documents), expected, documents)
    const texts = Array.from(documents, (one, i) =>
      readDocument('summarize', `documents[${i}]`, one, this.options),
    )
    const made = await this.seq2seq.translate(texts, { ...SEARCH, ...options })
    return made.map((best) => ({ ...best, summary: best.text }))
  }

  /** ROUGE-1, 2 and L of its summaries: see `metrics.rouge`. */
  async evaluate(
    examples: Examples,
    options: AbstractiveEvaluateOptions = {},
  ): Promise<RougeScore> {
    expect('evaluate', 'options', isObject(options), 'an object', options)
    const { stem, tokenize, ...search } = options
    const rouge = optionsOf('evaluate', { stem, tokenize }, ROUGE_NAMES)
    const all = await gatherSummaries('evaluate', own(examples))
    const made = await this.summarize(
      all.map(({ text }) => text),
      search,
    )
    const texts = made.map(({ summary }) => summary)
    const references = all.map(({ summary }) => summary)
    return measure('rouge', texts, references, rouge)
  }

  protected config(): object {
    return abstractiveOptions.toJSON({ ...this.options, seed: this.seed })
  }

  /**
   * Loads what {@link save} wrote, or the best checkpoint of a run, in the precision it was saved with
   * unless another is given (weights are f32 in either). `ERR_IO`, `ERR_FORMAT`.
   */
  static load(directory: string, options: LoadOptions = {}): Promise<AbstractiveSummariser> {
    return loadOver(
      directory,
      options,
      abstractiveOptions,
      (given) => new AbstractiveSummariser(given),
    )
  }
}
