import type { Share } from '../../data'
import { checkIds, digest } from '../../data/ids'
import { GENERATE_NAMES, Sampler, type GenerateOptions } from '../../decode/sampler'
import type { TermModel } from '../../decode/terms'
import { checkPath, checkSignal, checkText, checkWhole, optionsOf } from '../../check'
import { expect, RnnativeError } from '../../errors'
import type { CheckpointFiles } from '../../io/checkpoint'
import { readJson } from '../../io/files'
import { CONFIG_FILE } from '../../io/model-directory'
import { MODEL_FILE, toHost } from '../../io/model-files'
import { languageScore, type LanguageScore } from '../../metrics/language'
import { isGone, isInt32Array } from '../../kinds'
import { adam } from '../../optim'
import { atOnce, inStretches } from '../../pauses'
import type { Tensor } from '../../tensor'
import { chooseDevice, type DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Fit } from '../../train/fits'
import { TrainingLoop } from '../../train/loop'
import { checkFitNames } from '../../train/options'
import type { Run, RunContext, TokenEvent, TokenResult } from '../../train'
import type { TrainingEvent, TrainingOptions } from '../../train'
import type { AbortSignalLike } from '../../signal'
import { languageFitOptions, languageOptions, softmaxFor } from './options'
import type { LanguageNetworkOptions, LanguageOptions, LanguageReadingOptions } from './options'
import { generatePieces, generateTogether } from './generate'
import { LanguageNetwork } from './network'
import { predicting } from './predicting'
import { charactersIn, charactersOf, lineNats, tokenNats, totalNats } from './score'
import { LanguageTask, meanLoss, WindowFeed } from './task'
import { digestOf, identityOf } from '../parts/identity'
import { checkTexts, loadModel, loadWeights, Model } from '../model'

/** What a {@link LanguageModel} is made of. */
export interface LanguageModelOptions extends LanguageOptions {
  /** Of the texts. */
  tokenizer: Tokenizer
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

export interface LanguageFitOptions extends TrainingOptions, LanguageReadingOptions {
  /** Text that is not learned from, to measure progress by; null: none. */
  validation?: string | Int32Array | null | undefined
}

/** Tokens whose gradients are looked at. */
const LOOKED_AT = 200

/**
 * Predicts text token by token: an embedding, a recurrent stack and a softmax.
 *
 * ```ts
 * await using lm = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 128, seed: 1 })
 * await lm.fit(text, { epochs: 3 })
 * for await (const piece of lm.generate('Call me', { length: 400 })) process.stdout.write(piece)
 * ```
 */
export class LanguageModel extends Model implements TermModel {
  /** Of the texts. */
  readonly tokenizer: Tokenizer
  /** All options, every choice made. */
  readonly options: Readonly<LanguageNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number
  readonly network: LanguageNetwork

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: LanguageModelOptions) {
    super()
    const { seed, ...given } = languageOptions.resolve(options, ['tokenizer', 'device'])
    const { tokenizer, device = 'cpu' } = options
    const valid = tokenizer instanceof Tokenizer
    expect('language model', 'tokenizer', valid, 'a Tokenizer', tokenizer)
    this.tokenizer = tokenizer
    this.options = Object.freeze(softmaxFor(given, tokenizer.size))
    this.seed = seed
    const place = { seed, device: chooseDevice(device).device }
    this.network = new LanguageNetwork(tokenizer.size, this.options, place)
  }

  /**
   * Learns from a text (or token ids, copied at the call), starting at once. Await the run for its result or
   * iterate over its events. Rejects with `ERR_BUSY` while another fit runs, `ERR_EMPTY` for a text shorter
   * than one window, `ERR_INDEX` for an id that is none of the vocabulary, `ERR_NONFINITE` when loss or
   * gradient overflow (weights unharmed) or the weights have, and `ERR_ABORTED` when `signal` aborts; after
   * that the model can be used and trained on. With `checkpoint`, one of the steps made is written before.
   */
  fit(text: string | Int32Array, options: LanguageFitOptions = {}): Run<TokenEvent, TokenResult> {
    return this.begin('tokens', options, (context) => this.makeFit(text, options, context))
  }

  private async makeFit(
    text: string | Int32Array,
    options: LanguageFitOptions,
    context: RunContext<TrainingEvent>,
  ): Promise<Fit | null> {
    checkFitNames(options, { ...languageFitOptions.rows, validation: true })
    const { validation = null } = options
    const {
      steps,
      accumulate,
      batch: given,
      ...penalties
    } = languageFitOptions.resolve(options, null)
    if (this.options.precision === 'int8') {
      const words = 'int8 has no gradients: expected a model in f32 or bf16'
      throw new RnnativeError('ERR_UNSUPPORTED', `[fit] precision: ${words}`)
    }
    const [tokens, held] = await Promise.all([
      this.tokensOf('fit', text),
      validation === null ? null : this.tokensOf('fit validation', validation),
    ])
    if (context.stopping) return null
    const fitting = Math.floor((tokens.length - 1) / steps)
    const batch = given ?? Math.max(1, Math.min(50, fitting))
    await this.checkTokens('fit', text, tokens)
    if (held !== null) await this.checkTokens('fit validation', validation, held)
    const [learned, validated] = [await digest([tokens]), held && (await digest([held]))]
    if (context.stopping) return null
    const measure = async (tokens: Int32Array, checkGoing: () => void, share: Share) => {
      const sum = await totalNats(this.network, tokens, checkGoing, share)
      // Told once, as the parts of all ranks add up.
      return { loss: { sum, count: share.rank === 0 ? tokens.length - 1 : 0 } }
    }
    const { softmax } = this.options
    const whole = penalties.confidencePenalty === 0 || softmax === 'full'
    const words = `0 with the softmax '${softmax}', which has not all predictions`
    expect('fit', 'confidencePenalty', whole, words, penalties.confidencePenalty)
    const task = new LanguageTask(this.network, {
      seed: this.seed,
      vocabulary: this.tokenizer.size,
      identity: {
        ...identityOf(languageOptions.rows, this.options),
        tokenizer: digestOf(this.tokenizer),
      },
      penalties,
      validate: held === null ? undefined : (checkGoing, share) => measure(held, checkGoing, share),
      validation: validated,
      files: () => this.files(),
    })
    const sizes = { batch, steps, accumulate }
    const feed = new WindowFeed(tokens, learned, sizes, (targets) => task.roomOf(targets))
    const { clipNorm = 1, optimizer = adam({ lr: 2e-3 }) } = options
    const settings = { ...options, clipNorm, optimizer, seed: this.seed, perStep: accumulate }
    return new TrainingLoop(task, feed, settings)
  }

  /** Scores every token but the first once, each given all that precedes it. */
  async evaluate(
    text: string | Int32Array,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<LanguageScore> {
    this.checkUsable('evaluate')
    const { signal } = optionsOf('evaluate', options, { signal: true })
    const tokens = await this.tokensOf('evaluate', text)
    await this.checkTokens('evaluate', text, tokens)
    const check = () => this.checkGoing('evaluate', signal)
    check()
    const total = await totalNats(this.network, tokens, check)
    const whole = await inStretches(
      typeof text === 'string' ? charactersIn(text) : charactersOf(this.tokenizer, tokens),
    )
    const unscored = atOnce(charactersOf(this.tokenizer, tokens.subarray(0, 1)))
    return languageScore(total, tokens.length - 1, whole - unscored)
  }

  /**
   * What each token of a text has of probability given all before it, as negative natural logarithms; NaN of the first,
   * which nothing precedes.
   */
  async surprisals(
    text: string | Int32Array,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<Float64Array> {
    this.checkUsable('surprisals')
    const { signal } = optionsOf('surprisals', options, { signal: true })
    const tokens = await this.tokensOf('surprisals', text)
    await this.checkTokens('surprisals', text, tokens)
    const check = () => this.checkGoing('surprisals', signal)
    check()
    return tokenNats(this.network, tokens, check)
  }

  /** @internal The mean loss of a text's first tokens, for `report.gradientFlow`. */
  async lossOf(
    text: string | Int32Array,
  ): Promise<{ module: LanguageNetwork; loss: () => Tensor }> {
    this.checkUsable('gradientFlow')
    const all = await this.tokensOf('gradientFlow', text)
    await this.checkTokens('gradientFlow', text, all)
    const { network } = this
    return { module: network, loss: () => meanLoss(network, all.subarray(0, LOOKED_AT + 1)) }
  }

  /**
   * The natural logarithm of each text's probability as a line: of its tokens and the line end after
   * them, given a line end before. Where the tokenizer has no line end, the first token is given and
   * nothing follows.
   */
  async score(texts: readonly string[]): Promise<number[]> {
    this.checkUsable('score')
    checkTexts('score', texts)
    return (await lineNats(this.network, this.tokenizer, texts)).map((nats) => -nats)
  }

  /** @internal */
  predicting(target: Tokenizer, sources: number): ReturnType<TermModel['predicting']> {
    this.checkUsable('translate')
    const model = predicting(this.network, this.tokenizer, target, sources)
    return { model, dispose: () => undefined }
  }

  /**
   * Continues a prompt, token by token. An empty prompt stands for the start of a line. Throws
   * `ERR_ARGUMENT` for options out of their range.
   */
  generate(prompt: string, options: GenerateOptions = {}): AsyncGenerator<string, void, void> {
    this.checkUsable('generate')
    const { length = 200, signal, ...sampling } = optionsOf('generate', options, GENERATE_NAMES)
    checkText('generate', 'prompt', prompt)
    checkWhole('generate', 'length', length, 0)
    checkSignal('generate', signal)
    const sampler = new Sampler(sampling)
    const { tokenizer, network } = this
    const check = () => this.checkGoing('generate', signal)
    return generatePieces(network, tokenizer, prompt, length, sampler, check)
  }

  /** @internal What {@link generate} writes after each prompt, all of them together. */
  async generateEach(prompts: readonly string[], options: GenerateOptions = {}): Promise<string[]> {
    this.checkUsable('generate')
    const { length = 200, signal, ...sampling } = optionsOf('generate', options, GENERATE_NAMES)
    checkTexts('generate', prompts)
    checkWhole('generate', 'length', length, 0)
    checkSignal('generate', signal)
    const samplers = prompts.map(() => new Sampler(sampling))
    const { tokenizer, network } = this
    const check = () => this.checkGoing('generate', signal)
    if (!network.positions)
      return generateTogether(network, tokenizer, prompts, length, samplers, check)
    const texts: string[] = []
    for (const prompt of prompts) {
      let text = ''
      for await (const piece of this.generate(prompt, options)) text += piece
      texts.push(text)
    }
    return texts
  }

  protected async files(): Promise<CheckpointFiles> {
    // All reads are enqueued before the first await: one moment of a model that may be learning.
    const weights = await toHost(this.network.stateDict())
    const config = languageOptions.toJSON({ ...this.options, seed: this.seed })
    return {
      json: { [CONFIG_FILE]: config, 'tokenizer.json': this.tokenizer },
      tensors: { [MODEL_FILE]: weights },
    }
  }

  /**
   * Loads what {@link save} wrote, or the best checkpoint of a run, in the precision it was saved with
   * unless another is given (weights are f32 in either). `ERR_IO`, `ERR_FORMAT`.
   */
  static async load(
    directory: string,
    options: Pick<LanguageModelOptions, 'device' | 'precision'> = {},
  ): Promise<LanguageModel> {
    const { device, precision } = optionsOf('load', options, { device: true, precision: true })
    checkPath('load', 'directory', directory)
    return loadModel(directory, async (file) => {
      const configPath = file(CONFIG_FILE)
      const config = languageOptions.parse(await readJson(configPath), configPath)
      const tokenizer = await Tokenizer.load(file('tokenizer.json'))
      const given = { tokenizer, device, precision: precision ?? config.precision }
      return loadWeights(file, () => new LanguageModel({ ...config, ...given }))
    })
  }

  /** Throws `ERR_INDEX` where the caller's own ids are none of the vocabulary. */
  private async checkTokens(method: string, given: unknown, tokens: Int32Array): Promise<void> {
    if (typeof given !== 'string') await checkIds(method, 'text', [tokens], this.tokenizer.size)
  }

  /** The ids of a text, or a copy of those given: the caller may change them while they are read. */
  private async tokensOf(method: string, text: string | Int32Array): Promise<Int32Array> {
    const valid = typeof text === 'string' || (isInt32Array(text) && !isGone(text))
    expect(method, 'text', valid, 'a string or an Int32Array', text)
    const tokens =
      typeof text === 'string' ? await this.tokenizer.encodeInStretches(text) : text.slice()
    if (tokens.length < 2)
      throw new RnnativeError(
        'ERR_EMPTY',
        `[${method}] text: ${tokens.length === 0 ? 'is empty' : 'expected at least 2 tokens, got 1'}`,
      )
    return tokens
  }
}
