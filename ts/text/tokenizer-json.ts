/**
 * The `tokenizer.json` of Hugging Face's tokenizers library. Characters, bytes and white-space words
 * mean the same there. For words it has no Intl.Segmenter: the file holds a pattern that agrees with
 * ours on space-separated scripts up to rare punctuation, but keeps a run of Chinese as one token, and
 * knows nothing of how tokens are spaced; we recognise the pattern and segment with Intl.Segmenter again.
 */
import { isObject } from '../check'
import { RnnativeError, told } from '../errors'
import { PIECES } from './bpe-pieces'
import type { Merge } from './bpe-trainer'
import { BYTE_TOKENS, type SchemeName } from './scheme'

/** The name of the token that stands for all unknown ones. */
export const UNKNOWN = '<unk>'
/** The names of the tokens that a sequence begins and ends with. */
export const BOUNDARIES: readonly string[] = ['<s>', '</s>']

/** What a tokenizer consists of. */
export interface Vocabulary {
  scheme: SchemeName
  /** By id. */
  tokens: readonly string[]
  /** Whether the last two tokens are BOUNDARIES. */
  boundaries: boolean
  /** Of `bpe`, the earliest first; empty for other schemes. */
  merges: readonly Merge[]
  /** The version of Unicode by which words were cut; null where none matters, or none was written down. */
  unicode: string | null
}

/** Whether tokens are bytes or made of bytes, so that none is unknown. */
export const madeOfBytes = (scheme: SchemeName): boolean => scheme === 'byte' || scheme === 'bpe'

const LETTERS = '[\\p{L}\\p{M}\\p{N}_]+'
const WORD_PATTERN = `${LETTERS}(?:['’.:·]${LETTERS})*|[^\\s\\p{L}\\p{M}\\p{N}_]| {2,}|[^\\S ]`
const SPACED_WORD_PATTERN =
  " ?[\\p{L}\\p{M}\\p{N}_]+(?:['’.:·][\\p{L}\\p{M}\\p{N}_]+)*| ?[^\\s\\p{L}\\p{M}\\p{N}_]| +(?= )| ?\\s"

const split = (pattern: string, behavior: 'Isolated' | 'Removed') => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior,
  invert: false,
})

const byteLevel = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
}

const preTokenizers: Readonly<Record<SchemeName, object>> = {
  character: split('[\\s\\S]', 'Isolated'),
  byte: byteLevel,
  word: {
    type: 'Sequence',
    pretokenizers: [split(WORD_PATTERN, 'Isolated'), split('^ $', 'Removed')],
  },
  'spaced word': split(SPACED_WORD_PATTERN, 'Isolated'),
  whitespace: {
    type: 'Sequence',
    pretokenizers: [split('[^\\S\\n]+', 'Removed'), split('\\n', 'Isolated')],
  },
  bpe: { type: 'Sequence', pretokenizers: [split(PIECES, 'Isolated'), byteLevel] },
}

const decoders: Readonly<Record<SchemeName, object | null>> = {
  character: { type: 'Fuse' },
  byte: byteLevel,
  word: null, // joins by spaces
  'spaced word': { type: 'Fuse' },
  whitespace: null, // joins by spaces
  // Without the space that the normalizer put before the first word.
  bpe: {
    type: 'Sequence',
    decoders: [byteLevel, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
  },
}

const special = (id: number, content: string) => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false },
  ...{ normalized: false, special: true },
})

/** Of the format, which is Hugging Face's. */
const VERSION = '1.0'

export function toTokenizerJson(vocabulary: Vocabulary): object {
  const { scheme, tokens, boundaries, merges, unicode } = vocabulary
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const specials = boundaries
    ? BOUNDARIES.map((name, i) => special(tokens.length - BOUNDARIES.length + i, name))
    : []
  return {
    version: VERSION,
    truncation: null,
    padding: null,
    added_tokens: madeOfBytes(scheme) ? specials : [special(0, UNKNOWN), ...specials],
    normalizer: scheme === 'bpe' ? { type: 'Prepend', prepend: ' ' } : null,
    pre_tokenizer: preTokenizers[scheme],
    post_processor: null,
    decoder: decoders[scheme],
    model: madeOfBytes(scheme)
      ? { type: 'BPE', dropout: null, unk_token: null, vocab, merges }
      : // Hugging Face's library does not mind one name more, here.
        { type: 'WordLevel', vocab, unk_token: UNKNOWN, ...(unicode !== null && { unicode }) },
  }
}

type Fail = (problem: string) => RnnativeError

function readTokens(vocab: Record<string, unknown>, fail: Fail): string[] {
  const entries = Object.entries(vocab)
  const tokens = new Array<string | undefined>(entries.length).fill(undefined)
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= entries.length)
      throw fail(`model.vocab: expected ids 0 to ${entries.length - 1}, got ${told(id)}`)
    if (tokens[id as number] !== undefined) throw fail(`model.vocab: id ${told(id)} occurs twice`)
    tokens[id as number] = token
  }
  return tokens as string[]
}

function readMerges(merges: unknown, tokens: readonly string[], fail: Fail): Merge[] {
  const known = new Set(tokens)
  const isMerge = (merge: unknown): merge is Merge =>
    Array.isArray(merge) &&
    merge.length === 2 &&
    merge.every((part) => typeof part === 'string' && known.has(part)) &&
    known.has(merge.join(''))
  if (!Array.isArray(merges) || !merges.every(isMerge))
    throw fail('model.merges: expected pairs of tokens that make a token')
  return merges
}

/** Undefined of what JSON has no form for, which no file holds. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** What {@link toTokenizerJson} was given; `ERR_FORMAT` for a file that it cannot have written. */
export function fromTokenizerJson(json: unknown, source: string): Vocabulary {
  const fail: Fail = (problem) =>
    new RnnativeError('ERR_FORMAT', `[tokenizer] ${source}: ${problem}`)
  const model = isObject(json) ? json['model'] : null
  if (!isObject(json) || !isObject(model) || !isObject(model['vocab']))
    throw fail('expected an object with model.vocab')
  const { version = VERSION } = json
  if (version !== VERSION)
    throw fail(
      `version: ${told(version)} is another format than this version of rnnative reads, ${VERSION}`,
    )

  const given = jsonOf(json['pre_tokenizer'])
  const scheme = (Object.keys(preTokenizers) as SchemeName[]).find(
    (name) => jsonOf(preTokenizers[name]) === given,
  )
  if (scheme === undefined)
    throw fail(
      'its pre_tokenizer is none of those that rnnative writes (characters, bytes, words, bpe)',
    )
  const type = madeOfBytes(scheme) ? 'BPE' : 'WordLevel'
  if (model['type'] !== type) throw fail(`model.type: expected ${type}, got ${told(model['type'])}`)

  const tokens = readTokens(model['vocab'], fail)
  const added = Array.isArray(json['added_tokens']) ? (json['added_tokens'] as unknown[]) : []
  const boundaries = added.some((token) => isObject(token) && token['content'] === BOUNDARIES[0])
  const last = tokens.slice(-BOUNDARIES.length)
  if (boundaries && !BOUNDARIES.every((name, i) => name === last[i]))
    throw fail(`model.vocab: expected ${BOUNDARIES.join(' and ')} as the last tokens`)
  const ordinary = tokens.length - (boundaries ? BOUNDARIES.length : 0)
  if (!madeOfBytes(scheme)) {
    if (tokens[0] !== UNKNOWN) throw fail(`model.vocab: expected ${UNKNOWN} as token 0`)
  } else if (
    !BYTE_TOKENS.every((token, i) => token === tokens[i]) ||
    (scheme === 'byte' && ordinary !== BYTE_TOKENS.length)
  )
    throw fail('model.vocab: expected the 256 bytes')
  const merges = scheme === 'bpe' ? readMerges(model['merges'], tokens, fail) : []
  const { unicode = null } = model
  if (unicode !== null && typeof unicode !== 'string')
    throw fail('model.unicode: expected a string')
  return { scheme, tokens, boundaries, merges, unicode }
}
