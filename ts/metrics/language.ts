import { expect } from '../errors'

/** How well a language model predicts a text. */
export interface LanguageScore {
  /** Mean negative log-likelihood of a token, natural logarithm. */
  nats: number
  /** exp(nats). */
  perplexity: number
  /** Mean negative log-likelihood of a token, base 2. */
  bitsPerToken: number
  /** All bits over the Unicode characters of the text that was scored: comparable across tokenizers. */
  bitsPerCharacter: number
  /** Tokens scored: all of the text but the first, which nothing precedes. */
  tokens: number
}

/** From the sum of all tokens' losses in nats. */
export function languageScore(
  totalNats: number,
  tokens: number,
  characters: number,
): LanguageScore {
  for (const [name, value] of Object.entries({ totalNats, tokens, characters }))
    expect('language score', name, typeof value === 'number', 'a number', value)
  const nats = totalNats / tokens
  return {
    nats,
    perplexity: Math.exp(nats),
    bitsPerToken: nats / Math.LN2,
    bitsPerCharacter: totalNats / Math.LN2 / characters,
    tokens,
  }
}

/** Unicode code points, which is what `[...text].length` would give. */
export function countCharacters(text: string): number {
  let count = text.length
  for (let at = 0; at < text.length; ++at)
    if ((text.codePointAt(at) ?? 0) > 0xffff) {
      --count
      ++at
    }
  return count
}
