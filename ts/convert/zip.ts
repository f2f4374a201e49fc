/** Zip archives, which are not believed: what they say of sizes is held against the file's before memory is taken. */
import { RnnativeError } from '../errors'
import { messageOf } from '../kinds'
import { loadZip } from './optional'

const MOST_ENTRIES = 1 << 17
/** Most that deflate makes of a byte, and most of an entry. */
const MOST_RATIO = 1032
const MOST_BYTES = 2 ** 31

/** The entries of an archive whose names are wanted, which may throw. `ERR_FORMAT` says what is wrong with it. */
export function unzip(
  op: string,
  path: string,
  file: Uint8Array,
  wanted: (name: string) => boolean,
): Map<string, Uint8Array> {
  const { unzipSync } = loadZip(op)
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[${op}] ${path}: ${problem}`)
  const sizes = new Map<string, number>()
  let entries = 0
  let packed = 0
  try {
    const found = unzipSync(file, {
      filter: ({ name, size, originalSize, compression }) => {
        if (++entries > MOST_ENTRIES) throw fail(`more than ${MOST_ENTRIES} entries`)
        if (!wanted(name)) return false
        if (sizes.has(name)) throw fail(`${name} occurs twice`)
        packed += size
        if (packed > file.length) throw fail(`${name}: the entries are larger than the file`)
        const most = compression === 0 ? size : Math.min(MOST_BYTES, MOST_RATIO * size + 64)
        if (originalSize > most) throw fail(`${name}: cannot have ${originalSize} bytes`)
        sizes.set(name, originalSize)
        return true
      },
    })
    for (const [name, size] of sizes)
      if (found[name]?.length !== size) throw fail(`${name}: is cut off`)
    return new Map(Object.entries(found))
  } catch (error) {
    if (error instanceof RnnativeError) throw error
    throw fail(`not a whole zip archive: ${messageOf(error)}`)
  }
}

/** What `fflate` writes has no sizes beyond these. */
const MOST_ARCHIVE = 2 ** 32 - 2 ** 20

/** Extra bytes of a local header begin with a tag and a length; PyTorch pads with `FB`. */
const PADDING_TAG = 0x4246
const HEADER = 30
const EXTRA = 4

/** An archive of these entries, uncompressed, each of which begins at a multiple of 64 bytes. */
export function zip(
  op: string,
  path: string,
  entries: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  const { zipSync } = loadZip(op)
  const all: Record<string, [Uint8Array, { extra: Record<number, Uint8Array> }]> = {}
  let at = 0
  for (const [name, bytes] of entries) {
    const begin = at + HEADER + Buffer.byteLength(name) + EXTRA
    const padding = (64 - (begin % 64)) % 64
    all[name] = [bytes, { extra: { [PADDING_TAG]: new Uint8Array(padding) } }]
    at = begin + padding + bytes.length
  }
  if (at > MOST_ARCHIVE)
    throw new RnnativeError('ERR_ARGUMENT', `[${op}] ${path}: expected less than 4 GiB, got ${at}`)
  // The same tensors make the same file.
  return zipSync(all, { level: 0, mtime: '1980-06-01' })
}
