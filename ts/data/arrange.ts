/** How examples come together in batches: those of similar lengths, in an order that chance decides. */

/** By how many tokens examples of one batch may differ for chance alone, so that batches change. */
const JITTER = 1.5

export interface Arrangement {
  /** How many examples there are. */
  length: number
  /** Lengths of an example by which it is sorted, the last one first of all. */
  sizes: readonly ((example: number) => number)[]
  /** What counts towards a batch's share, such as an example's tokens; all are equal unless given. */
  weight?: ((example: number) => number) | undefined
  /** Batches to be made; of equal shares of the weight, if there is one, else all but one full. */
  count: number
  /** Examples of a full batch, where there is no weight. */
  rows?: number | undefined
}

/** How many random numbers {@link arrange} wants. */
export const numbersFor = ({ length, sizes, count }: Arrangement): number =>
  sizes.length * length + count

/**
 * Sorts examples by their last size, cuts them into bands, and sorts a band by the size before, each size
 * with a jitter of 1.5; cuts batches out of that order, and shuffles the batches. `random`: in [0, 1).
 */
export function arrange(arrangement: Arrangement, random: Float64Array): Uint32Array[] {
  const { length, sizes, count } = arrangement
  const jittered = sizes.map((size, i) =>
    Float64Array.from(
      { length },
      (_, example) => size(example) + JITTER * (random[i * length + example] as number),
    ),
  )
  const by = (keys: Float64Array, sign: number) => (a: number, b: number) =>
    sign * ((keys[a] as number) - (keys[b] as number)) || a - b
  const order = Uint32Array.from({ length }, (_, i) => i)
  order.sort(by(jittered.at(-1) as Float64Array, 1))
  const inBand = jittered.at(-2)
  const bands = Math.max(1, Math.round(Math.sqrt(count)))
  for (let band = 0; inBand !== undefined && band < bands; ++band) {
    const [begin, end] = [band, band + 1].map((i) => Math.floor((i * length) / bands))
    // Every other band backwards, so that a batch across two of them is of similar lengths, too.
    order.subarray(begin, end).sort(by(inBand, band % 2 === 0 ? 1 : -1))
  }
  const batches = cut(order, arrangement)
  const first = sizes.length * length
  for (let left = count; left > 1; --left) {
    const chosen = Math.floor((random[first + left - 1] as number) * left)
    const last = batches[left - 1] as Uint32Array
    batches[left - 1] = batches[chosen] as Uint32Array
    batches[chosen] = last
  }
  return batches
}

function cut(order: Uint32Array, { count, rows, weight }: Arrangement): Uint32Array[] {
  if (weight === undefined) {
    const size = rows ?? order.length
    return Array.from({ length: count }, (_, i) => order.subarray(i * size, (i + 1) * size))
  }
  const total = order.reduce((sum, example) => sum + weight(example), 0)
  const batches: Uint32Array[] = []
  let [begin, tokens] = [0, 0]
  for (let batch = 1; batch <= count; ++batch) {
    const most = order.length - (count - batch) // one example at least for each batch to come
    let end = begin
    const share = batch === count ? Infinity : (total * batch) / count
    while (end < most && (end === begin || tokens < share)) tokens += weight(order[end++] as number)
    batches.push(order.subarray(begin, end))
    begin = end
  }
  return batches
}
