/** Event files read back: what of TensorBoard's format stands in those that runs write. */
import { eventDecoder, type ReadEvent } from '../event-format'
import type { Take } from './follow'

/** Bytes of a record besides its data: a length and two checksums. */
const HEAD = 12
const FOOT = 4
/** A longer one is none: the file is damaged, and nothing after it can be told apart. */
const LONGEST = 2 ** 28

/** Takes whole records. A file that is damaged has none from there on. */
export function eventRecords(each: (event: ReadEvent) => void): Take {
  const decode = eventDecoder()
  let damaged = false
  return (bytes) => {
    let at = 0
    while (!damaged && at + HEAD <= bytes.length) {
      const length = Number(bytes.readBigUInt64LE(at))
      damaged = length > LONGEST
      const end = at + HEAD + length + FOOT
      if (damaged || end > bytes.length) break
      try {
        each(decode(bytes.subarray(at + HEAD, end - FOOT)))
      } catch {
        damaged = true
      }
      at = end
    }
    return damaged ? bytes.length : at
  }
}
