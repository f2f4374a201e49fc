import { checkGoing, checkPath, checkSignal, checkStrings, checkText, optionsOf } from '../../check'
import { checkIds } from '../../data/ids'
import type { GenerateOptions } from '../../decode/sampler'
import type { TermModel } from '../../decode/terms'
import { expect, RnnativeError } from '../../errors'
import { readJson, replaceFile } from '../../io/files'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../../io/model-directory'
import { MODEL_FILE } from '../../io/model-files'
import { isInt32Array } from '../../kinds'
import { heeding, inStretches, Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import { Tokenizer } from '../../text'
import { linesOf, readText } from '../../text/read'
import { arpaText, readArpa } from './arpa'
import { arpaNames, arpaWords } from './arpa-names'
import { count } from './count'
import { estimate, type Estimated } from './estimate'
import { generate } from './generate'
import { ngramOptions, type NgramOptions } from './options'
import type { NgramParts } from './parts'
import { predicting } from './predicting'
import { sample, type NgramSampleOptions, type NgramSamples } from './sample'
import { sentencesOf, wordsOf, type Words } from './sentences'
import { readEstimated, tensorsOf } from './stored'
import { NgramTable, ROOT } from './table'
import { Walker } from './walk'

/** What an {@link NgramModel} is made of. */
export interface NgramModelOptions extends NgramOptions {
  /** Of the texts. */
  tokenizer: Tokenizer
}

/** What was counted. */
export interface NgramFitResult {
  /** Words, and ends of sentences. */
  tokens: number
  /** Different n-grams that the model has, by length. */
  ngrams: number[]
  /** By length: what counts of 1, 2 and more lose. */
  discounts: [number, number, number][]
  /** Lengths of which there were too few to estimate discounts: they have those of KenLM's --discount_fallback. */
  fallback: number[]
}

/** What `evaluate` gives of an {@link NgramModel}. */
export interface NgramScore {
  /** Mean negative log-likelihood of a token, natural logarithm. */
  nats: number
  /** Of all tokens: e to the power of `nats`. */
  perplexity: number
  /** The same without unknown words. */
  perplexityKnown: number
  /** Words and ends of sentences. */
  tokens: number
  /** Words that the vocabulary does not have. */
  unknown: number
}

/** Tokens that are scored without a pause. */
const STRETCH = 1 << 14

/** Nothing is known yet: all words are alike. */
function empty(words: Words): Estimated {
  const table = new NgramTable(words.size)
  const logProbability = new Float32Array(table.size).fill(-Math.log10(words.size - 1))
  logProbability[ROOT] = 0
  return { table, logProbability, logBackoff: new Float32Array(table.size) }
}

/**
 * Predicts each word from the few before it: an n-gram model with modified Kneser-Ney smoothing (Chen & Goodman 1998). A
 * line is a sentence. What KenLM estimates of the same words it gives, too, and ARPA files go both ways.
 *
 * ```ts
 * const model = new NgramModel({ tokenizer: Tokenizer.spaces(text), order: 5 })
 * await model.fit(text)
 * const { perplexity } = await model.evaluate(held)
 * ```
 */
export class NgramModel implements TermModel {
  /** Of the texts. */
  readonly tokenizer: Tokenizer
  /** All options, every choice made. */
  readonly options: Readonly<Required<NgramOptions>>
  private readonly words: Words
  private walker: Walker

  /** Throws `ERR_ARGUMENT` for options that make no sense. */
  constructor(options: NgramModelOptions) {
    const settings = ngramOptions.resolve(options, ['tokenizer'])
    const { tokenizer } = options
    expect('n-gram model', 'tokenizer', tokenizer instanceof Tokenizer, 'a Tokenizer', tokenizer)
    this.tokenizer = tokenizer
    this.options = Object.freeze(settings)
    this.words = wordsOf(tokenizer)
    this.walker = new Walker(empty(this.words), settings.order)
  }

  /**
   * Counts the n-grams of a text, or of several, and estimates the model anew. Throws `ERR_EMPTY` where there is no word
   * in them, `ERR_ABORTED`; the model is then as it was.
   */
  async fit(
    text: string | readonly string[],
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<NgramFitResult> {
    const { signal } = optionsOf('fit', options, { signal: true })
    checkSignal('fit', signal)
    const texts = typeof text === 'string' ? [text] : text
    checkStrings('fit', 'text', texts)
    const { order, prune } = this.options
    const { words } = this
    const table = new NgramTable(words.size)
    let tokens = 0
    const going = <T>(work: Generator<void, T>): Promise<T> =>
      inStretches(heeding(work, () => checkGoing('fit', signal)))
    for (const one of texts.slice())
      tokens += await going(count(table, await sentencesOf(this.tokenizer, one), order, words))
    const thresholds = Array.from({ length: order }, (_, i) => prune[i] ?? prune.at(-1) ?? 0)
    const { estimated, discounts } = await going(estimate(table, order, thresholds, words))
    this.walker = new Walker(estimated, order)
    const fallback = discounts.flatMap((one, i) => (one.fallback ? [i + 1] : []))
    return {
      ...{ tokens, ngrams: countsOf(estimated.table, order), fallback },
      discounts: discounts.map(({ discounts: [, ...rest] }) => rest as [number, number, number]),
    }
  }

  /** Scores every word of a text and the end of each of its lines. `ERR_EMPTY` for an empty text. */
  async evaluate(
    text: string,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<NgramScore> {
    const { signal } = optionsOf('evaluate', options, { signal: true })
    checkSignal('evaluate', signal)
    checkText('evaluate', 'text', text)
    const sentences = await sentencesOf(this.tokenizer, text)
    if (sentences.length === 0) throw new RnnativeError('ERR_EMPTY', '[evaluate] text: is empty')
    const { walker, words } = this
    let [sum, tokens, sumUnknown, unknown] = [0, 0, 0, 0]
    const pauses = new Pauses()
    for (const sentence of sentences) {
      let state = 1 + words.begin
      for (let i = 0; i <= sentence.length; ++i) {
        if (i % STRETCH === STRETCH - 1 && pauses.due) {
          await pauses.pause()
          checkGoing('evaluate', signal)
        }
        const word = i < sentence.length ? (sentence[i] as number) : words.end
        state = walker.step(state, word)
        sum += walker.logProbability
        if (word === this.tokenizer.unknown) {
          ++unknown
          sumUnknown += walker.logProbability
        }
      }
      tokens += sentence.length + 1
      checkGoing('evaluate', signal)
      if (pauses.due) await pauses.pause()
    }
    const nats = (-sum * Math.LN10) / tokens
    return {
      ...{ nats, perplexity: Math.exp(nats), tokens, unknown },
      perplexityKnown: 10 ** (-(sum - sumUnknown) / (tokens - unknown)),
    }
  }

  /** The natural logarithm of each text's probability as a line, its end included. */
  async score(texts: readonly string[]): Promise<number[]> {
    checkStrings('score', 'texts', texts)
    const pauses = new Pauses()
    const scores: number[] = []
    for (const text of texts.slice()) {
      const ids = await this.tokenizer.encodeInStretches(text, pauses)
      const line = new Int32Array(ids.length + 1)
      line.set(ids)
      line[ids.length] = this.words.end
      const nats = await inStretches(this.natsOf(line), pauses)
      scores.push(-(await inStretches(sumOf(nats), pauses)))
    }
    return scores
  }

  /**
   * What each token of a text has of probability given all before it in its line, as negative natural logarithms. A text that
   * does not end with a line end has none for its last line's end.
   */
  async surprisals(text: string | Int32Array): Promise<Float64Array> {
    const valid = typeof text === 'string' || isInt32Array(text)
    expect('surprisals', 'text', valid, 'a string or an Int32Array', text)
    const pauses = new Pauses()
    const { tokenizer, words } = this
    const ids =
      typeof text === 'string' ? await tokenizer.encodeInStretches(text, pauses) : text.slice()
    if (typeof text !== 'string') await checkIds('surprisals', 'text', [ids], words.size)
    return inStretches(this.natsOf(ids), pauses)
  }

  private *natsOf(ids: Int32Array): Generator<void, Float64Array> {
    const { walker, words } = this
    const nats = new Float64Array(ids.length)
    let state = 1 + words.begin
    for (const [at, id] of ids.entries()) {
      state = walker.step(state, id)
      nats[at] = -walker.logProbability * Math.LN10
      if (id === words.end) state = 1 + words.begin
      if (at % STRETCH === 0) yield
    }
    return nats
  }

  /** @internal */
  predicting(target: Tokenizer, sources: number): ReturnType<TermModel['predicting']> {
    return { model: predicting(this.parts, target, sources), dispose: () => undefined }
  }

  private get parts(): NgramParts {
    const { tokenizer, words, walker } = this
    return { tokenizer, words, walker }
  }

  /**
   * Continues a prompt by walking the Markov chain, token by token; `<unk>` is never chosen. An end of a sentence is a
   * line's end. Throws `ERR_ARGUMENT` for options out of their range.
   */
  generate(prompt: string, options: GenerateOptions = {}): AsyncGenerator<string, void, void> {
    return generate(this.parts, prompt, options)
  }

  /**
   * Draws sentences in which the words that are given stay where they are: `a _ c`, or `['a', null, 'c']` where `_` is a
   * word. Each blank is one token. The sentences are those of a Markov chain whose stationary distribution is what the
   * model says of sentences of this length (Geman & Geman 1984, Hastings 1970).
   */
  async sample(
    template: string | readonly (string | null)[],
    options: NgramSampleOptions = {},
  ): Promise<NgramSamples> {
    return sample(this.parts, template, options)
  }

  /** Writes the model into a directory; see `LanguageModel.save`. */
  async save(directory: string): Promise<void> {
    checkPath('save', 'directory', directory)
    await writeModelDirectory(directory, {
      json: { [CONFIG_FILE]: ngramOptions.toJSON(this.options), 'tokenizer.json': this.tokenizer },
      tensors: { [MODEL_FILE]: tensorsOf(this.walker.model, this.options.order) },
    })
  }

  /** Loads what {@link save} wrote. `ERR_IO`, `ERR_FORMAT`. */
  static load(directory: string): Promise<NgramModel> {
    checkPath('load', 'directory', directory)
    const read = async (file: (name: string) => string) => {
      const config = ngramOptions.parse(await readJson(file(CONFIG_FILE)), file(CONFIG_FILE))
      const tokenizer = await Tokenizer.load(file('tokenizer.json'))
      const model = new NgramModel({ ...config, tokenizer })
      const estimated = await readEstimated(file(MODEL_FILE), model.words.size, config.order)
      model.walker = new Walker(estimated, config.order)
      return model
    }
    return readModel(directory, read, async () => undefined)
  }

  /** Writes an ARPA file. `ERR_UNSUPPORTED` where two tokens would be written alike. */
  async saveArpa(path: string): Promise<void> {
    checkPath('save', 'path', path)
    const names = arpaNames(this.tokenizer, this.words)
    const pauses = new Pauses()
    await replaceFile(path, async (file) => {
      for (const part of arpaText(this.walker.model, this.options.order, names)) {
        await file.writeFile(part)
        if (pauses.due) await pauses.pause()
      }
    })
  }

  /**
   * Reads an ARPA file (gzip allowed) of this or another tool. Its words are those between white space, unless the file is
   * of this package and the tokenizer of that model is given. `ERR_FORMAT` names the line that is wrong.
   */
  static async fromArpa(
    path: string,
    options: { tokenizer?: Tokenizer | undefined } = {},
  ): Promise<NgramModel> {
    const { tokenizer: given } = optionsOf('read', options, { tokenizer: true })
    const arpa = await inStretches(readArpa(await linesOf(await readText(path)), path))
    const tokenizer = given ?? arpaWords(arpa.words)
    const model = new NgramModel({ tokenizer, order: arpa.order })
    const { names } = arpaNames(tokenizer, model.words)
    const ids = new Map(names.map((name, id) => [name, id]))
    model.walker = new Walker(await inStretches(arpa.make(ids, model.words.size)), arpa.order)
    return model
  }
}

function* sumOf(values: Float64Array): Generator<void, number> {
  let sum = 0
  for (let i = 0; i < values.length; ++i) {
    sum += values[i] as number
    if (i % STRETCH === STRETCH - 1) yield
  }
  return sum
}

function countsOf(table: NgramTable, order: number): number[] {
  const counts = new Array<number>(order + 1).fill(0)
  for (let node = 1; node < table.size; ++node) counts[table.order[node] as number]!++
  return counts.slice(1)
}
