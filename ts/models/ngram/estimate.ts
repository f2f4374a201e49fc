import { RnnativeError } from '../../errors'
import type { Boundaries } from './count'
import { NgramTable, ROOT } from './table'

/** A model's probabilities: of each node's last word given those before, and what a node as context leaves to shorter ones. */
export interface Estimated {
  table: NgramTable
  /** Base 10, as ARPA files have them. */
  logProbability: Float32Array
  logBackoff: Float32Array
}

/** What one order's counts lose, by count: none, one, two, more. */
export type Discounts = readonly [number, number, number, number]

/** Of an order that has too few n-grams to estimate them, as KenLM's --discount_fallback. */
const FALLBACK: Discounts = [0, 0.5, 1, 1.5]
const STRETCH = 1 << 16

/** Modified Kneser-Ney's discounts, equation (26) of Chen & Goodman 1998; of small or artificial data none can be had. */
function discountsOf(counts: readonly number[]): Discounts | null {
  const [, one = 0, two = 0, three = 0, four = 0] = counts
  if (one === 0 || two === 0 || three === 0) return null
  const y = one / (one + 2 * two)
  const found = [1 - (2 * y * two) / one, 2 - (3 * y * three) / two, 3 - (4 * y * four) / three]
  if (found.some((discount, i) => discount < 0 || discount > i + 1)) return null
  return [0, ...found] as unknown as Discounts
}

/**
 * Counts as Kneser & Ney 1995 have them: of the longest n-grams, and of those that begin a sentence, the
 * occurrences; of all others, how many different words stand before them.
 */
function* adjusted(table: NgramTable, order: number, begin: number): Generator<void, Uint32Array> {
  const counts = new Uint32Array(table.size)
  const begins = new Uint8Array(table.size)
  for (let node = 1; node < table.size; ++node) {
    const parent = table.parent[node] as number
    const first = parent === ROOT ? table.word[node] === begin : begins[parent] === 1
    begins[node] = first ? 1 : 0
    if (first || table.order[node] === order) counts[node] = table.count[node] as number
    if ((table.order[node] as number) > 1) {
      const suffix = table.suffix[node] as number
      counts[suffix]!++
    }
    if (node % STRETCH === 0) yield
  }
  counts[1 + begin] = 0
  return counts
}

export interface Smoothing {
  estimated: Estimated
  /** By order; `fallback` where they could not be estimated. */
  discounts: { discounts: Discounts; fallback: boolean }[]
}

/**
 * Interpolated modified Kneser-Ney (Chen & Goodman 1998), as KenLM's lmplz computes it (Heafield et al. 2013): unigrams are
 * interpolated with the uniform distribution over all words but the begin of sentences. N-grams of order n that occur
 * `prune[n - 1]` times at most are left out, and their mass goes to the shorter ones.
 */
export function* estimate(
  table: NgramTable,
  order: number,
  prune: readonly number[],
  { begin }: Boundaries,
): Generator<void, Smoothing> {
  const counts = yield* adjusted(table, order, begin)
  const isPruned = (node: number): boolean => {
    const length = table.order[node] as number
    return length > 1 && (table.count[node] as number) <= (prune[length - 1] ?? 0)
  }

  const frequencies = Array.from({ length: order + 1 }, () => [0, 0, 0, 0, 0])
  for (let node = 1; node < table.size; ++node) {
    const count = counts[node] as number
    if (count < 5 && node !== 1 + begin) frequencies[table.order[node] as number]![count]!++
    if (node % STRETCH === 0) yield
  }
  const discounts = frequencies.map((found) => {
    const own = discountsOf(found)
    return { discounts: own ?? FALLBACK, fallback: own === null }
  })
  const discountOf = (node: number): number =>
    discounts[table.order[node] as number]!.discounts[Math.min(3, counts[node] as number)] as number

  // Of each context: the sum of its counts, and what discounts and pruned n-grams leave.
  const sums = new Float64Array(table.size)
  const left = new Float64Array(table.size)
  for (let node = 1; node < table.size; ++node) {
    const parent = table.parent[node] as number
    const count = counts[node] as number
    sums[parent]! += count
    left[parent]! += isPruned(node) ? count : discountOf(node)
    if (node % STRETCH === 0) yield
  }
  if (sums[ROOT] === 0)
    throw new RnnativeError('ERR_EMPTY', '[n-gram model] text: has no words to count')

  const probability = new Float64Array(table.size)
  const shareOf = (context: number): number =>
    sums[context] === 0 ? 1 : (left[context] as number) / (sums[context] as number)
  const uniform = 1 / (table.words - 1)
  // Prefixes and suffixes come before what they are of.
  for (let node = 1; node < table.size; ++node) {
    const [parent, suffix] = [table.parent[node] as number, table.suffix[node] as number]
    const own = Math.max(0, (counts[node] as number) - discountOf(node)) / (sums[parent] as number)
    const lower = table.order[node] === 1 ? uniform : (probability[suffix] as number)
    probability[node] = node === 1 + begin ? 1 : own + shareOf(parent) * lower
    if (node % STRETCH === 0) yield
  }
  const { kept, places } = yield* without(table, isPruned, prune)
  const logProbability = new Float32Array(kept.size)
  const logBackoff = new Float32Array(kept.size)
  for (let node = 1; node < kept.size; ++node) {
    const from = places?.[node] ?? node
    logProbability[node] = Math.min(0, Math.log10(probability[from] as number))
    logBackoff[node] = Math.log10(shareOf(from))
    if (node % STRETCH === 0) yield
  }
  return {
    estimated: { table: kept, logProbability, logBackoff },
    discounts: discounts.slice(1),
  }
}

/** The table of what is left, and where its nodes were; the same where nothing is pruned. */
function* without(
  table: NgramTable,
  isPruned: (node: number) => boolean,
  prune: readonly number[],
): Generator<void, { kept: NgramTable; places: Int32Array | null }> {
  if (!prune.some((most) => most > 0)) return { kept: table, places: null }
  const kept = new NgramTable(table.words)
  const nodes = new Int32Array(table.size)
  const places = new Int32Array(table.size)
  for (let node = 1; node < table.size; ++node) {
    if (isPruned(node)) continue
    const of = (other: number): number => nodes[other] as number
    const to =
      node <= table.words
        ? node
        : kept.enter(
            of(table.parent[node] as number),
            table.word[node] as number,
            of(table.suffix[node] as number),
          )
    nodes[node] = to
    places[to] = node
    if (node % STRETCH === 0) yield
  }
  return { kept, places }
}
