import { own } from '../../data/gather'
import { checkPositive, isObject } from '../../check'
import { gatherConversations, type Conversation, type Conversations } from '../../data/dialogues'
import type { SearchTerm, TermModel } from '../../decode'
import { expect } from '../../errors'
import type { AbortSignalLike } from '../../signal'
import type { DeviceOption } from '../../tensor/device'
import { Tokenizer } from '../../text'
import type { Run, TokenEvent, TokenResult, TrainingOptions } from '../../train'
import type { Translation } from '../seq2seq/candidate'
import type { Seq2SeqScore } from '../seq2seq/model'
import type { SampleTextOptions, TranslateOptions } from '../seq2seq/translate'
import { loadOver, optionsOver, OverSeq2Seq, type LoadOptions } from '../seq2seq/within'
import { anyway } from './against'
import { dialogueFitOptions, dialogueOptions } from './options'
import type { DialogueLearningOptions, DialogueNetworkOptions, DialogueRows } from './options'
import { conversationPairs } from './pairs'
import { openSources, textOf } from './turns'

/** What a {@link Dialogue} is made of. */
export interface DialogueOptions extends DialogueRows {
  /** Boundaries are added where it has none; it has line ends, unless `context` is 0. */
  tokenizer: Tokenizer
  /** Where it computes. Default: {@link defaultDevice}. */
  device?: DeviceOption | undefined
}

export interface DialogueFitOptions extends TrainingOptions, DialogueLearningOptions {
  /** Conversations that are not learned from, to measure progress by: nats per token; null: none. */
  validation?: Conversations | null | undefined
}

/** As `Seq2Seq.translate`'s. */
export interface ReplyOptions extends Omit<TranslateOptions, 'terms' | 'replaceUnknown'> {
  /**
   * Weight of what is taken off an answer for being likely whatever was said: the logarithm of its probability without
   * (maximum mutual information, Li et al. 2016: their lambda). Default 0.
   */
  penalty?: number | undefined
  /** Only so many first tokens are penalised (their gamma). Default: all. */
  penaltyTokens?: number | undefined
  /** What tells how likely it is without. Default: the model itself, as it was learned from the share `blank`. */
  against?: TermModel | undefined
}

const UNITS = { word: 'words', char: 'characters', bpe: 'bpe', space: 'spaces' } as const

/** What tokens are learned with. */
export interface DialogueTokens {
  /** What a token is. Default 'word'. */
  unit?: keyof typeof UNITS | undefined
  /** Most tokens, of all units but characters. */
  vocabulary?: number | undefined
  /** Occurrences that make a token, of all units but characters. Default 1: an unknown word cannot be said. */
  minCount?: number | undefined
}

/**
 * Answers a line, with the turns before it in mind: a `Seq2Seq` that learns from conversations.
 *
 * ```ts
 * const conversations = [['hello', 'hi, who are you?', 'a program'], ['bye', 'see you']]
 * await using bot = await Dialogue.for(conversations, { hidden: 128 })
 * await bot.fit(conversations, { epochs: 100 })
 * const [{ text }] = await bot.reply(['hello'], { penalty: 0.3, penaltyTokens: 3 })
 * ```
 */
export class Dialogue extends OverSeq2Seq {
  /** All options, every choice made. */
  readonly options: Readonly<DialogueNetworkOptions>
  /** Of weights, dropout and order: given, or drawn. */
  readonly seed: number

  /** Throws `ERR_ARGUMENT` for options that make no sense, or `ERR_DEVICE`. */
  constructor(options: DialogueOptions) {
    const { seed, ...made } = optionsOver(dialogueOptions, options)
    const { tokenizer, device } = options
    const parts = made.context === 0 || tokenizer.lineEnd !== undefined
    expect('dialogue', 'tokenizer', parts, 'one with line ends, which part turns', 'one without')
    const { context: _, ...network } = made
    super({ ...network, seed, device, source: tokenizer, target: tokenizer })
    this.options = Object.freeze(made)
    this.seed = seed
  }

  /** One over tokens learned from conversations. */
  static async for(
    conversations: Conversations,
    options: DialogueTokens & Omit<DialogueOptions, 'tokenizer'> = {},
  ): Promise<Dialogue> {
    expect('dialogue', 'options', isObject(options), 'an object', options)
    const { unit = 'word', vocabulary, minCount = 1, ...others } = options
    expect('dialogue', 'unit', Object.hasOwn(UNITS, unit), Object.keys(UNITS).join(', '), unit)
    const texts = textOf(await gatherConversations('dialogue', own(conversations)))
    const how = unit === 'char' ? {} : { vocabulary, minCount }
    return new Dialogue({ ...others, tokenizer: await Tokenizer.learn(UNITS[unit], texts, how) })
  }

  /** Learns each turn as the answer to those before, starting at once; as `Seq2Seq.fit`. */
  fit(
    conversations: Conversations,
    options: DialogueFitOptions = {},
  ): Run<TokenEvent, TokenResult> {
    expect('fit', 'options', isObject(options), 'an object', options)
    const { blank, validation, ...others } = options
    const { blank: share } = dialogueFitOptions.resolve({ blank }, null)
    const { context } = this.options
    const held = validation && conversationPairs('fit validation', own(validation), context)
    return this.seq2seq.learnWithin(
      conversationPairs('fit', own(conversations), context, share),
      { ...others, validation: held },
      { family: 'Dialogue', context, blank: share },
    )
  }

  /** Scores every turn but the first of each conversation, given those before. `ERR_EMPTY`. */
  evaluate(
    conversations: Conversations,
    options: { signal?: AbortSignalLike | undefined } = {},
  ): Promise<Seq2SeqScore> {
    const pairs = conversationPairs('evaluate', own(conversations), this.options.context)
    return this.seq2seq.evaluate(pairs, options)
  }

  /** The best answer found to each line, or to the last of several turns; the others are in `nBest`. `ERR_ARGUMENT`. */
  async reply(
    lines: readonly (string | Conversation)[],
    options: ReplyOptions = {},
  ): Promise<Translation[]> {
    expect('reply', 'options', isObject(options), 'an object', options)
    const { penalty = 0, penaltyTokens, against = anyway(this.seq2seq), ...search } = options
    checkPositive('reply', 'penalty', penalty)
    for (const name of ['penaltyTokens', 'against'] as const) {
      const counts = penalty > 0 || options[name] === undefined
      expect('reply', name, counts, 'none without penalty', options[name])
    }
    const terms: SearchTerm[] =
      penalty === 0 ? [] : [{ model: against, weight: -penalty, first: penaltyTokens }]
    const sources = openSources('reply', lines, this.options.context)
    return this.seq2seq.translate(sources, { ...search, terms })
  }

  /** Draws answers from the model's distribution. `ERR_ARGUMENT`. */
  async sample(
    lines: readonly (string | Conversation)[],
    options: SampleTextOptions = {},
  ): Promise<Translation[]> {
    return this.seq2seq.sample(openSources('sample', lines, this.options.context), options)
  }

  protected config(): object {
    return dialogueOptions.toJSON({ ...this.options, seed: this.seed })
  }

  /**
   * Loads what {@link save} wrote, or the best checkpoint of a run, in the precision it was saved with
   * unless another is given (weights are f32 in either). `ERR_IO`, `ERR_FORMAT`.
   */
  static load(directory: string, options: LoadOptions = {}): Promise<Dialogue> {
    return loadOver(directory, options, dialogueOptions, (given) => new Dialogue(given))
  }
}
