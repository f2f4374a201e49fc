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
  const jittered = sizes.map((size, i) => {
    const keys = new Float64Array(length)
    for (let example = 0; example < length; ++example)
      keys[example] = size(example) + JITTER * (random[i * length + example] as number)
    return keys
  })
  const first = inOrder(jittered.at(-1) as Float64Array)
  const inBand = jittered.at(-2)
  const order = inBand === undefined ? first : inBands(first, inBand, Math.sqrt(count))
  const batches = cut(order, arrangement)
  const shuffling = sizes.length * length
  for (let left = count; left > 1; --left) {
    const chosen = Math.floor((random[shuffling + left - 1] as number) * left)
    const last = batches[left - 1] as Uint32Array
    batches[left - 1] = batches[chosen] as Uint32Array
    batches[chosen] = last
  }
  return batches
}

/** Cuts an order into about so many bands and sorts each by other keys. */
function inBands(order: Uint32Array, keys: Float64Array, about: number): Uint32Array {
  const { length } = order
  const bands = Math.max(1, Math.round(about))
  const begins = Array.from({ length: bands + 1 }, (_, band) => Math.floor((band * length) / bands))
  const bandOf = new Uint32Array(length)
  const bits = new Uint32Array(keys.buffer)
  for (let band = 0; band < bands; ++band)
    for (let at = begins[band] as number; at < (begins[band + 1] as number); ++at) {
      const example = order[at] as number
      bandOf[example] = band
      if (band % 2 === 0) continue
      // Every other band backwards, so that a batch across two of them is of similar lengths, too.
      bits[2 * example] = ~(bits[2 * example] as number)
      bits[2 * example + 1] = ~(bits[2 * example + 1] as number)
    }
  const sorted = new Uint32Array(length)
  for (const example of inOrder(keys)) sorted[begins[bandOf[example] as number]!++] = example
  return sorted
}

/** Up to so many numbers a digit is a byte. */
const FEW = 1 << 14

/**
 * Positions of numbers of at least 0 (or of complements of their bits, the other way round) from the smallest on, of
 * equals the first one first. Digit by digit: what compares would take seconds of the event loop for a million.
 */
function inOrder(keys: Float64Array): Uint32Array {
  const { length } = keys
  const digits = length < FEW ? new Uint8Array(keys.buffer) : new Uint16Array(keys.buffer)
  const perKey = 8 / digits.BYTES_PER_ELEMENT
  const values = 256 ** digits.BYTES_PER_ELEMENT
  let from = new Uint32Array(length)
  let to = new Uint32Array(length)
  for (let i = 0; i < length; ++i) from[i] = i
  for (let digit = 0; digit < perKey; ++digit) {
    const begins = new Uint32Array(values + 1)
    for (let at = digit; at < digits.length; at += perKey) begins[(digits[at] as number) + 1]! += 1
    for (let value = 0; value < values; ++value) begins[value + 1]! += begins[value] as number
    for (let at = 0; at < length; ++at) {
      const i = from[at] as number
      to[begins[digits[perKey * i + digit] as number]!++] = i
    }
    ;[from, to] = [to, from]
  }
  return from
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
