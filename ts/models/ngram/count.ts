import { ROOT, type NgramTable } from './table'

/** N-grams that are entered without a pause. */
const STRETCH = 1 << 14

/** The words that only a model of sentences has: what each begins with, and what ends it. */
export interface Boundaries {
  begin: number
  end: number
}

/**
 * Counts the n-grams up to `order` of sentences, each between its boundaries. A sentence's begin is context alone:
 * it is never counted by itself.
 */
export function* count(
  table: NgramTable,
  sentences: Iterable<Int32Array>,
  order: number,
  { begin, end }: Boundaries,
): Generator<void, number> {
  // Nodes of the n-grams that end before, and at, the word: by their length.
  let before = new Int32Array(order + 1)
  let here = new Int32Array(order + 1)
  let [tokens, done] = [0, 0]
  for (const sentence of sentences) {
    before[0] = ROOT
    before[1] = table.find(ROOT, begin)
    let known = Math.min(order, 1) // longest n-gram that ends before
    for (let i = 0; i <= sentence.length; ++i) {
      const word = i < sentence.length ? (sentence[i] as number) : end
      const longest = Math.min(order, known + 1)
      here[0] = ROOT
      for (let length = 1; length <= longest; ++length) {
        const parent = before[length - 1] as number
        const node = table.enter(parent, word, here[length - 1] as number)
        here[length] = node
        table.count[node]!++
      }
      ;[before, here] = [here, before]
      known = longest
      done += longest
      if (done > STRETCH) {
        done = 0
        yield
      }
    }
    tokens += sentence.length + 1
  }
  return tokens
}
