/** Which of several names was meant by one that is none of them. */

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Insertions, deletions, substitutions and swaps of neighbours that make one of the other. */
function distance(a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; ++i) {
    const next = [i]
    for (let j = 1; j <= b.length; ++j) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2]! + 1)
      next.push(least)
    }
    ;[before, row] = [row, next]
  }
  return row[b.length]!
}

/**
 * The name that differs in case and signs alone, by few letters, or by a word that is left out or too much; undefined
 * where none is near.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const wanted = plain(given.slice(0, 64))
  let [best, least] = [undefined as string | undefined, Infinity]
  for (const name of names) {
    const known = plain(name)
    const [short, long] = wanted.length < known.length ? [wanted, known] : [known, wanted]
    const within = short.length >= 4 && long.includes(short) ? 1.5 : Infinity
    const letters = distance(wanted, known)
    const near = Math.min(within, letters <= Math.ceil(short.length / 4) ? letters : Infinity)
    if (near < least) [best, least] = [name, near]
  }
  return best
}
