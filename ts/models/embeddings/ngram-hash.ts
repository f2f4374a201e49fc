/** N-grams of words, hashed as fastText hashes them: in 64 bits, of which JavaScript's numbers hold a half each. */

const FACTOR = 116049371
const HALF = 2 ** 16
const WORD = 2 ** 32

/**
 * The buckets of all n-grams of two words and more that begin at one of the first `begins` words, of words given by
 * their hashes, signed as fastText has them.
 */
export function ngramBuckets(
  hashes: Int32Array,
  longest: number,
  buckets: number,
  begins = hashes.length,
): number[] {
  const found: number[] = []
  for (let i = 0; i < Math.min(begins, hashes.length); ++i) {
    let [high, low] = extended(hashes[i] as number)
    for (let j = i + 1; j < hashes.length && j < i + longest; ++j) {
      // (high, low) * FACTOR + hashes[j], of which 64 bits stay.
      const upper = Math.floor(low / HALF) * FACTOR
      const sum = (low % HALF) * FACTOR + (upper % HALF) * HALF
      const carried = Math.floor(sum / WORD) + Math.floor(upper / HALF)
      const [otherHigh, otherLow] = extended(hashes[j] as number)
      const lower = (sum % WORD) + otherLow
      low = lower % WORD
      high = (Math.imul(high, FACTOR) + carried + otherHigh + Math.floor(lower / WORD)) >>> 0
      found.push(modulo(high, low, buckets))
    }
  }
  return found
}

/** A signed number of 32 bits in 64. */
const extended = (hash: number): [number, number] => [hash < 0 ? WORD - 1 : 0, hash >>> 0]

function modulo(high: number, low: number, by: number): number {
  const middle = ((high % by) * HALF + Math.floor(low / HALF)) % by
  return (middle * HALF + (low % HALF)) % by
}
