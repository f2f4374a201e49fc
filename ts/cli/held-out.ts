/** A share of the data that is not learned but validated with. */
import { RnnativeError } from '../errors'
import { fraction } from '../schema'

/** The flag; `what`: which part is taken, in words. */
export const validationSplit = (what: string) =>
  fraction({ about: `validate with this share of the data, ${what}, and do not learn it` })

/** Whether something is held out: by the share, or in the file of another flag; `ERR_ARGUMENT` where by both. */
export function holdsOut(share = 0, file: string | undefined, flag: string): boolean {
  if (share > 0 && file !== undefined)
    throw new RnnativeError('ERR_ARGUMENT', `--validation-split: expected none with ${flag}`)
  return file !== undefined || share > 0
}

/** A text parted where a line ends, or anywhere where no line ends near; token ids parted anywhere. */
export function holdOutEnd<T extends string | Int32Array>(
  text: T,
  share: number,
): { learned: T; heldOut: T } {
  let at = Math.round(text.length * (1 - share))
  if (typeof text !== 'string')
    return { learned: text.subarray(0, at) as T, heldOut: text.subarray(at) as T }
  const line = text.lastIndexOf('\n', at) + 1
  if (line > 0.9 * at) at = line
  else if (isLow(text.charCodeAt(at))) ++at
  return { learned: text.slice(0, at) as T, heldOut: text.slice(at) as T }
}

/** The second half of a surrogate pair. */
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000

/** Entries from everywhere in a list, which may be sorted: of each 1 / `share` the last. */
export function holdOutEvenly<T>(all: readonly T[], share: number): { learned: T[]; heldOut: T[] } {
  const held = (i: number) => Math.floor((i + 1) * share) > Math.floor(i * share)
  return {
    learned: all.filter((_, i) => !held(i)),
    heldOut: all.filter((_, i) => held(i)),
  }
}
