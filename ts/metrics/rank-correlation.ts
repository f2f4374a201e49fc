import { checkNumbers } from '../check'

/** Places in order of size, from 1; equal numbers share the mean of theirs. */
function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i)
  order.sort((a, b) => (values[a] as number) - (values[b] as number))
  const ranks = new Float64Array(values.length)
  for (let begin = 0; begin < order.length;) {
    let end = begin + 1
    while (end < order.length && values[order[end] as number] === values[order[begin] as number])
      ++end
    for (let i = begin; i < end; ++i) ranks[order[i] as number] = (begin + 1 + end) / 2
    begin = end
  }
  return ranks
}

/** Spearman's rank correlation of two lists; NaN for fewer than two numbers, and where all of one are equal. */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkNumbers('rank correlation', 'a', a)
  checkNumbers('rank correlation', 'b', b, a.length)
  const [x, y] = [ranksOf(a), ranksOf(b)]
  const mean = (a.length + 1) / 2
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < a.length; ++i) {
    const [dx, dy] = [(x[i] as number) - mean, (y[i] as number) - mean]
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  return xy / Math.sqrt(xx * yy)
}
