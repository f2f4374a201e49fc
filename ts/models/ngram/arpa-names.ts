/** How tokens are written in ARPA files, whose words have no white space. */
import { RnnativeError } from '../../errors'
import { Tokenizer } from '../../text'
import type { ArpaNames } from './arpa'
import type { Words } from './sentences'

const [BEGIN, END, UNKNOWN] = ['<s>', '</s>', '<unk>']

/** A space is a token of characters and of words; it reads <0x20>. */
const shown = (token: string): string =>
  token.replace(
    /[ \t\r\n\f\v]/g,
    (space) => `<0x${space.charCodeAt(0).toString(16).toUpperCase()}>`,
  )

/** `ERR_UNSUPPORTED` where two tokens would be written alike. */
export function arpaNames(tokenizer: Tokenizer, words: Words): ArpaNames {
  const names = tokenizer.tokens.map(shown)
  names[words.end] = END
  names[words.begin] = BEGIN
  if (tokenizer.unknown !== null) names[tokenizer.unknown] = UNKNOWN
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name) || name === '')
      throw new RnnativeError(
        'ERR_UNSUPPORTED',
        `[arpa] ${name || 'the empty token'}: stands for more than one token`,
      )
    seen.add(name)
  }
  return { names, begin: words.begin }
}

/** A tokenizer of a file's unigrams. */
export const arpaWords = (unigrams: readonly string[]): Tokenizer =>
  Tokenizer.ofWords(unigrams.filter((word) => ![BEGIN, END, UNKNOWN].includes(word)))
