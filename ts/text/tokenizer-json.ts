/**
 * The `tokenizer.json` of Hugging Face's tokenizers library. Characters, bytes and white-space words
 * mean the same there. For words it has no Intl.Segmenter: the file holds a pattern that agrees with
 * ours on space-separated scripts up to rare punctuation, but keeps a run of Chinese as one token;
 * we recognise the pattern and segment with Intl.Segmenter again.
 */
import { RnnativeError } from '../errors'
import { BYTE_TOKENS, type SchemeName } from './scheme'

/** The name of the token that stands for all unknown ones. */
export const UNKNOWN = '<unk>'

const WORD_PATTERN =
  " ?[\\p{L}\\p{M}\\p{N}_]+(?:['’.:·][\\p{L}\\p{M}\\p{N}_]+)*| ?[^\\s\\p{L}\\p{M}\\p{N}_]| +(?= )| ?\\s"

const split = (pattern: string, behavior: 'Isolated' | 'Removed') => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior,
  invert: false,
})

const preTokenizers: Readonly<Record<SchemeName, object>> = {
  character: split('[\\s\\S]', 'Isolated'),
  byte: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  word: split(WORD_PATTERN, 'Isolated'),
  whitespace: {
    type: 'Sequence',
    pretokenizers: [split('[^\\S\\n]+', 'Removed'), split('\\n', 'Isolated')],
  },
}

const decoders: Readonly<Record<SchemeName, object | null>> = {
  character: { type: 'Fuse' },
  byte: preTokenizers.byte,
  word: { type: 'Fuse' },
  whitespace: null, // joins by spaces
}

export function toTokenizerJson(scheme: SchemeName, tokens: readonly string[]): object {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const unknown = { content: UNKNOWN, single_word: false, lstrip: false, rstrip: false }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens:
      scheme === 'byte' ? [] : [{ id: 0, ...unknown, normalized: false, special: true }],
    normalizer: null,
    pre_tokenizer: preTokenizers[scheme],
    post_processor: null,
    decoder: decoders[scheme],
    model:
      scheme === 'byte'
        ? { type: 'BPE', dropout: null, unk_token: null, vocab, merges: [] }
        : { type: 'WordLevel', vocab, unk_token: UNKNOWN },
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The scheme and tokens of a file that {@link toTokenizerJson} could have written. */
export function fromTokenizerJson(
  json: unknown,
  source: string,
): { scheme: SchemeName; tokens: string[] } {
  const fail = (problem: string) =>
    new RnnativeError('ERR_FORMAT', `[tokenizer] ${source}: ${problem}`)
  const model = isObject(json) ? json['model'] : null
  if (!isObject(json) || !isObject(model) || !isObject(model['vocab']))
    throw fail('expected an object with model.vocab')

  const given = JSON.stringify(json['pre_tokenizer'])
  const scheme = (Object.keys(preTokenizers) as SchemeName[]).find(
    (name) => JSON.stringify(preTokenizers[name]) === given,
  )
  if (scheme === undefined)
    throw fail('its pre_tokenizer is none of those that rnnative writes (characters, bytes, words)')
  const type = scheme === 'byte' ? 'BPE' : 'WordLevel'
  if (model['type'] !== type)
    throw fail(`model.type: expected ${type}, got ${String(model['type'])}`)

  const entries = Object.entries(model['vocab'])
  const tokens = new Array<string | undefined>(entries.length).fill(undefined)
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= entries.length)
      throw fail(`model.vocab: expected ids 0 to ${entries.length - 1}, got ${String(id)}`)
    if (tokens[id as number] !== undefined) throw fail(`model.vocab: id ${String(id)} occurs twice`)
    tokens[id as number] = token
  }
  if (
    scheme === 'byte'
      ? !BYTE_TOKENS.every((token, i) => token === tokens[i]) || tokens.length !== 256
      : tokens[0] !== UNKNOWN
  )
    throw fail(
      scheme === 'byte'
        ? 'model.vocab: expected the 256 bytes'
        : `model.vocab: expected ${UNKNOWN} as token 0`,
    )
  return { scheme, tokens: tokens as string[] }
}
