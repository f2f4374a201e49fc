/** Words of a source that its target may repeat, whether the target's vocabulary has them or not. */
import { RnnativeError } from '../errors'
import type { Pauses } from '../pauses'
import type { Tokenizer } from '../text'

/** A source, in the words of its target. */
export interface Copies {
  /** Of each position that is read: an id of the target's, or past these the number of one of `words`. */
  ids: Int32Array
  /** Those that the target's vocabulary does not have, each once. */
  words: readonly string[]
}

/** What is copied in a batch of pairs. */
export interface CopyBatch {
  /** `[source steps, rows]`: see {@link Copies.ids}; 0 beyond a row's length. */
  ids: Int32Array
  /** `[target steps, rows]`: outputs, and those among them that can only be copied; IGNORED beyond a row's length. */
  outputs: Int32Array
}

export interface CopyingSides {
  source: Tokenizer
  target: Tokenizer
  reverseSource?: boolean | undefined
}

/** Throws `ERR_ARGUMENT` for tokenizers between which nothing can be copied. */
export function checkCopying(op: string, source: Tokenizer | null, target: Tokenizer): void {
  const problem =
    source === null
      ? 'false where sources are vectors'
      : target.unknown === null
        ? 'false where any text is made of tokens, such as bytes'
        : source.cutsAs(target)
          ? null
          : 'tokenizers of one kind'
  if (problem !== null)
    throw new RnnativeError('ERR_ARGUMENT', `[${op}] copy: expected ${problem}, got true`)
}

/** The end of a source, where it is read, is the end of what is written. */
export async function copiesOf(
  text: string,
  { source, target, reverseSource = false }: CopyingSides,
  pauses?: Pauses,
): Promise<Copies> {
  const numbers = new Map<string, number>()
  const tokens = await source.cutInStretches(text, pauses)
  const ids = tokens.map((token) => {
    const known = target.idOf(token)
    if (known !== undefined) return known
    const number = numbers.get(token) ?? numbers.size
    numbers.set(token, number)
    return target.size + number
  })
  // Words are numbered as they are written, so that readers in both orders agree.
  if (reverseSource) ids.reverse()
  if (source.end !== null) ids.push(target.end ?? 0)
  return { ids: Int32Array.from(ids), words: [...numbers.keys()] }
}

/** A target whose words may be those of its source: see {@link Copies.ids}. */
export async function copyingIds(
  text: string,
  target: Tokenizer,
  words: readonly string[],
  pauses?: Pauses,
): Promise<Int32Array> {
  const numbers = new Map(words.map((word, number) => [word, number]))
  const tokens = await target.cutInStretches(text, pauses)
  return Int32Array.from(tokens, (token) => {
    const known = target.idOf(token)
    if (known !== undefined) return known
    const number = numbers.get(token)
    return number === undefined ? (target.unknown ?? 0) : target.size + number
  })
}

/** What a decoder reads of words: those of the source alone are unknown to it. */
export const asRead = (ids: Int32Array, { size, unknown }: ReadVocabulary): Int32Array =>
  ids.some((id) => id >= size) ? ids.map((id) => (id < size ? id : unknown)) : ids

export interface ReadVocabulary {
  size: number
  unknown: number
}
