/** Vocabularies learned from texts, each by work that may pause, so that it is the same with pauses and without. */
import { checkNames, checkWhole } from '../check'
import { RnnativeError, show } from '../errors'
import { learningPairs } from './bpe-trainer'
import { BYTE_TOKENS, whitespace, type SchemeName } from './scheme'
import type { Vocabulary } from './tokenizer-json'
import { unicodeOf } from './unicode'
import { allCharacters, eachText, findingUnknown, mostFrequent, RESERVED } from './vocabulary'
import type { SpacesOptions, Texts } from './vocabulary'
import { SPACING, words } from './words'

/** What of words is learned. */
export interface WordOptions {
  /**
   * The most tokens to keep, the most frequent first, `<unk>` and two that say how words are spaced included.
   * Default 50,000.
   */
  vocabulary?: number | undefined
  /**
   * Words that occur less often become `<unk>`. Default 2, so that `<unk>` is learned; 1 for text
   * that is split at white space.
   */
  minCount?: number | undefined
  /**
   * `unicode`: words and punctuation by `Intl.Segmenter`, Chinese included. Default `auto`: like
   * `Tokenizer.spaces` when the text itself holds `<unk>`, as Penn Treebank and WikiText do.
   */
  split?: 'auto' | 'unicode' | undefined
}

/** What of a byte-pair encoding is learned. */
export interface BpeOptions {
  /**
   * Tokens to learn, the 256 bytes included; fewer when no pair is left that occurs `minCount` times.
   * Default 8,000.
   */
  vocabulary?: number | undefined
  /** Pairs that occur less often are not merged. Default 2. */
  minCount?: number | undefined
}

/** What `Tokenizer` can learn of texts, by the names of its functions, with their options. */
export interface LearnOptions {
  /** None. */
  characters: Record<never, never>
  /** See {@link WordOptions}. */
  words: WordOptions
  /** See {@link SpacesOptions}. */
  spaces: SpacesOptions
  /** See {@link BpeOptions}. */
  bpe: BpeOptions
}

/** Texts that are taken without a pause. */
const STRETCH = 1 << 14

type Learn<Options> = (texts: Texts, options: Options) => Generator<void, Vocabulary>

export const vocabularyOf = (
  scheme: SchemeName,
  { tokens, merges = [] }: Pick<Vocabulary, 'tokens'> & Partial<Pick<Vocabulary, 'merges'>>,
): Vocabulary => ({ scheme, tokens, merges, boundaries: false, unicode: unicodeOf(scheme) })

export const learning: { [Kind in keyof LearnOptions]: Learn<LearnOptions[Kind]> } = {
  *characters(texts, options) {
    checkNames('tokenizer', options, {})
    const tokens = yield* allCharacters(eachText('characters', texts))
    return vocabularyOf('character', { tokens })
  },

  *words(texts, options) {
    checkNames('tokenizer', options, { split: true, vocabulary: true, minCount: true })
    const { split = 'auto', vocabulary, minCount } = options
    if (split !== 'auto' && split !== 'unicode')
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[tokenizer] split: expected auto or unicode, got ${show(split)}`,
      )
    const all: string[] = []
    for (const text of eachText('words', texts)) if (all.push(text) % STRETCH === 0) yield
    if (split === 'auto' && (yield* findingUnknown(all)))
      return yield* learning.spaces(all, { vocabulary, minCount })
    const frequent = { vocabulary, minCount: minCount ?? 2 }
    return vocabularyOf('word', { tokens: yield* mostFrequent(words, all, frequent, SPACING) })
  },

  *spaces(texts, options) {
    checkNames('tokenizer', options, { vocabulary: true, minCount: true })
    const tokens = yield* mostFrequent(whitespace, eachText('spaces', texts), options)
    return vocabularyOf('whitespace', { tokens })
  },

  *bpe(texts, options) {
    checkNames('tokenizer', options, { vocabulary: true, minCount: true })
    const { vocabulary = 8000, minCount = 2 } = options
    checkWhole('tokenizer', 'vocabulary', vocabulary, BYTE_TOKENS.length)
    checkWhole('tokenizer', 'minCount', minCount, 1)
    const frequent = { vocabulary, minCount }
    return vocabularyOf('bpe', yield* learningPairs(eachText('bpe', texts), frequent, RESERVED))
  },
}
