import { randomWords, type NativeRandom } from '../tensor/random'

/** Standard normals by Box-Muller, in double: the values of the native normal fill before rounding. */
function normals(count: number, random: NativeRandom): Float64Array {
  const words = randomWords(random, count + (count % 2))
  return Float64Array.from({ length: count }, (_, i) => {
    const pair = i & ~1
    const u1 = (((words[pair] as number) >>> 8) + 1) * 2 ** -24
    const u2 = ((words[pair + 1] as number) >>> 8) * 2 ** -24
    const angle = 2 * Math.PI * u2
    return Math.sqrt(-2 * Math.log(u1)) * ((i & 1) === 0 ? Math.cos(angle) : Math.sin(angle))
  })
}

/**
 * Makes the `rows` vectors of `length` numbers orthonormal, by Gram-Schmidt done twice over ("twice is
 * enough": Giraud et al. 2005). Keeping the direction that remains of each normal vector makes the
 * result uniform over orthogonal matrices (Mezzadri 2007).
 */
function orthonormalise(vectors: Float64Array, rows: number, length: number): void {
  const row = (i: number) => vectors.subarray(i * length, (i + 1) * length)
  for (let i = 0; i < rows; ++i) {
    const current = row(i)
    for (let round = 0; round < 2; ++round)
      for (let j = 0; j < i; ++j) {
        const other = row(j)
        let dot = 0
        for (let k = 0; k < length; ++k) dot += (current[k] as number) * (other[k] as number)
        for (let k = 0; k < length; ++k) current[k]! -= dot * (other[k] as number)
      }
    let squares = 0
    for (const value of current) squares += value * value
    const scale = 1 / Math.sqrt(squares)
    for (let k = 0; k < length; ++k) current[k]! *= scale
  }
}

/** A [rows, columns] matrix whose rows, or columns if there are more rows, are orthogonal of norm `gain`. */
export function orthogonalRows(
  rows: number,
  columns: number,
  gain: number,
  random: NativeRandom,
): Float64Array {
  const [few, many] = rows <= columns ? [rows, columns] : [columns, rows]
  const vectors = normals(few * many, random)
  orthonormalise(vectors, few, many)
  const at =
    rows <= columns
      ? (i: number) => i
      : (i: number) => (i % columns) * many + Math.floor(i / columns)
  return vectors.map((_, i) => gain * (vectors[at(i)] as number))
}
