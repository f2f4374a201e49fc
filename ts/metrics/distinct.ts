import { checkStrings, checkWhole } from '../check'

/**
 * Different n-grams of words among all that texts have (Li et al. 2016): 1 where none comes twice, near 0 where all say
 * the same. Words stand between white space. NaN where there is no n-gram.
 */
export function distinct(texts: readonly string[], n: number): number {
  checkStrings('distinct', 'texts', texts)
  checkWhole('distinct', 'n', n, 1)
  const seen = new Set<string>()
  let count = 0
  for (const text of texts) {
    const words = text.split(/\s+/).filter(Boolean)
    for (let i = 0; i + n <= words.length; ++i, ++count) seen.add(words.slice(i, i + n).join(' '))
  }
  return seen.size / count
}
