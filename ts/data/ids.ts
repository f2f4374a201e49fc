/** Many token ids at a time, in pieces between which others have their turn. */
import { createHash } from 'node:crypto'
import { RnnativeError } from '../errors'
import { Pauses } from '../pauses'

/** A few milliseconds' work. */
const PIECE = 1 << 18

/** The SHA-256 of all numbers, one array after the other. */
export async function digest(
  parts: readonly (Int32Array | Float32Array | Float64Array)[],
): Promise<string> {
  const hash = createHash('sha256')
  const pauses = new Pauses()
  for (const part of parts)
    for (let begin = 0; begin < part.length; begin += PIECE) {
      hash.update(part.subarray(begin, begin + PIECE))
      if (begin + PIECE < part.length) await pauses.pause()
    }
  return hash.digest('hex')
}

/** Throws `ERR_INDEX` for the first id, in the first of several parts, that is none of a vocabulary of `size`. */
export async function checkIds(
  op: string,
  name: string,
  parts: readonly Int32Array[],
  size: number,
): Promise<void> {
  const pauses = new Pauses()
  let before = 0
  for (const ids of parts)
    for (let begin = 0; begin < ids.length; begin += PIECE) {
      const piece = ids.subarray(begin, begin + PIECE)
      const wrong = piece.findIndex((id) => id < 0 || id >= size)
      if (wrong >= 0)
        throw new RnnativeError(
          'ERR_INDEX',
          `[${op}] ${name}: expected ids from 0 to ${size - 1}, got ${piece[wrong]} at position ` +
            `${before + wrong}`,
        )
      before += piece.length
      if (pauses.due) await pauses.pause()
    }
}
