/** How much memory batches of pairs want: a long pair wants the product of its two lengths, for attention. */
import type { PairSet } from '../../data'
import { RnnativeError } from '../../errors'
import { Pauses } from '../../pauses'
import { memoryOf } from '../../tensor/runtime'
import type { Seq2SeqNetwork } from './network'
import { memoryOf as sizeOfMemory } from './options'

/** Positions of the longest source and the longest target of a batch, and its rows. */
interface Extents {
  rows: number
  source: number
  target: number
}

function extentsOf(pairs: PairSet, indices: Uint32Array): Extents {
  let [source, target] = [0, 0]
  for (const index of indices) {
    source = Math.max(source, pairs.sourceLength(index))
    target = Math.max(target, pairs.targetLength(index))
  }
  return { rows: indices.length, source, target }
}

const cells = ({ rows, source, target }: Extents): number => rows * source * target

/** Rows x source x target that pairs are scored with at a time; a pair alone may have more. */
const CELLS = 1 << 24

/** Cuts pairs that are to be scored, so that a long one does not stretch many short ones. */
export function cutToCells(pairs: PairSet, indices: Uint32Array): Uint32Array[] {
  if (cells(extentsOf(pairs, indices)) <= CELLS) return [indices]
  const size = (index: number) => pairs.sourceLength(index) * pairs.targetLength(index)
  const order = indices.slice().sort((a, b) => size(a) - size(b))
  const parts: Uint32Array[] = []
  let begin = 0
  let most = { source: 0, target: 0 }
  order.forEach((index, i) => {
    const [source, target] = [pairs.sourceLength(index), pairs.targetLength(index)]
    const next = { source: Math.max(most.source, source), target: Math.max(most.target, target) }
    const fits = i === begin || cells({ rows: i - begin + 1, ...next }) <= CELLS
    if (!fits) parts.push(order.subarray(begin, i))
    if (!fits) begin = i
    most = fits ? next : { source, target }
  })
  return [...parts, order.subarray(begin)]
}

/** Each pair alone, as a long one is scored. */
export function* oneByOne({ length }: PairSet): Generator<Uint32Array> {
  for (let i = 0; i < length; ++i) yield Uint32Array.of(i)
}

/** From this share of all memory on it is tried whether a batch fits. */
const TRIED = 1 / 16

/** No less than what a batch holds at a time: what is read, attention, and what is written. */
function bytesOf({ options }: Seq2SeqNetwork, extents: Extents): number {
  const { embedding, hidden, attention, sourceFeatures = 0 } = options
  const { rows, source, target } = extents
  const memory = sizeOfMemory(options)
  const attended = attention === 'none' ? 0 : cells(extents)
  return (
    4 *
    (attended +
      rows * (source * (sourceFeatures + embedding + memory) + target * (embedding + hidden)))
  )
}

/**
 * Throws `ERR_OUT_OF_MEMORY` for the batch that wants most, naming its longest pair, where there is no memory
 * for it. `compute` does with a batch what is going to be done, for those where only that tells.
 */
export async function checkRoomFor(
  network: Seq2SeqNetwork,
  pairs: PairSet,
  batches: Iterable<Uint32Array>,
  what: string,
  compute: (indices: Uint32Array) => Promise<unknown>,
): Promise<void> {
  let most = -1
  let largest = new Uint32Array()
  const pauses = new Pauses()
  for (const indices of batches) {
    if (pauses.due) await pauses.pause()
    const bytes = bytesOf(network, extentsOf(pairs, indices))
    if (bytes <= most) continue
    most = bytes
    largest = Uint32Array.from(indices)
  }
  const limit = memoryOf(network.decoder.output.weight.device)
  const needs = `${Math.ceil(most / 1e6)} MB or more`
  if (most > limit) throw tooLong(pairs, largest, what, limit, needs)
  if (most < limit * TRIED) return
  try {
    await compute(largest)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_OUT_OF_MEMORY') throw error
    throw tooLong(pairs, largest, what, limit, 'more', error)
  }
}

function tooLong(
  pairs: PairSet,
  indices: Uint32Array,
  what: string,
  limit: number,
  needs: string,
  cause?: unknown,
): RnnativeError {
  const size = (index: number) => pairs.sourceLength(index) * pairs.targetLength(index)
  const longest = indices.reduce((most, index) => (size(index) > size(most) ? index : most))
  const [source, target] = [pairs.sourceLength(longest), pairs.targetLength(longest)]
  const others = indices.length > 1 ? ` in a batch of ${indices.length}` : ''
  return new RnnativeError(
    'ERR_OUT_OF_MEMORY',
    `[${what}] pair ${pairs.numberOf(longest)}: ${source} source and ${target} target tokens${others}: ` +
      `expected what fits into ${Math.floor(limit / 1e6)} MB of memory, got ${needs}; ` +
      'leave long pairs out (maxLength) or cut them up',
    { details: { pair: pairs.numberOf(longest), source, target, rows: indices.length }, cause },
  )
}
