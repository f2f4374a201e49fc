/** What is drawn of words: which are kept, which are negatives, and Huffman's tree. As word2vec and fastText do it. */
import { info } from '../../tensor'
import type { Vocabulary } from './corpus'

/** Draws are 31 bits. */
const ALL = 2 ** 31 - 1

const drawn = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * ALL)

/** By word: the largest draw at which an occurrence is learned from (Mikolov et al. 2013); null: all are. */
export function keptOf({ counts }: Vocabulary, sample: number): Int32Array | null {
  if (sample === 0) return null
  const total = counts.reduce((a, b) => a + b, 0)
  return Int32Array.from(counts, (count) => {
    const often = count / (sample * total)
    return drawn(1 / Math.sqrt(often) + 1 / often)
  })
}

/** Words from which threads draw negatives apart. */
const LEAST_WORDS = 1024

/** Threads of the engine's that learn, and classes of negatives for them: see `native/abi/args/embed_train.h`. */
export function teamOf(threads: number | undefined, words: number) {
  const learning = Math.min(threads ?? Infinity, info().threads)
  return { threads: learning, classes: words < LEAST_WORDS ? 1 : Math.min(8, learning) }
}

/**
 * Pairs by word, for draws with a chance of count to a power: the alias method (Vose 1991), for words of each class by
 * themselves.
 */
export function choicesOf(counts: Float64Array, power: number, classes = 1): Int32Array {
  const weights = counts.map((count) => count ** power)
  const pairs = new Int32Array(2 * weights.length)
  for (let first = 0; first < classes; ++first) chooseIn(pairs, weights, first, classes)
  return pairs
}

/** Of every `every`-th word from `first` on. */
function chooseIn(pairs: Int32Array, weights: Float64Array, first: number, every: number): void {
  const own: number[] = []
  for (let i = first; i < weights.length; i += every) own.push(i)
  const mean = own.reduce((sum, i) => sum + (weights[i] as number), 0) / own.length
  const shares = weights.map((weight) => weight / mean)
  const [small, large]: [number[], number[]] = [[], []]
  for (const i of own) ((shares[i] as number) < 1 ? small : large).push(i)
  while (small.length > 0 && large.length > 0) {
    const [little, much] = [small.pop() as number, large.at(-1) as number]
    pairs[2 * little] = drawn(shares[little] as number)
    pairs[2 * little + 1] = much
    shares[much]! -= 1 - (shares[little] as number)
    if ((shares[much] as number) < 1) small.push(large.pop() as number)
  }
  for (const i of [...small, ...large]) {
    pairs[2 * i] = ALL
    pairs[2 * i + 1] = i
  }
}

export interface Paths {
  /** Where each word's begins, and where the last ends. */
  starts: Int32Array
  /** 2 * node + what is predicted there, from the root. */
  paths: Int32Array
}

/** The ways from the root of Huffman's tree to each word; counts do not rise. Nodes are one less than words. */
export function pathsOf(counts: Float64Array): Paths {
  const size = counts.length
  const weights = new Float64Array(2 * size).fill(Infinity)
  weights.set(counts)
  const parents = new Int32Array(2 * size)
  const second = new Uint8Array(2 * size)
  // The two lightest of the words that are left, from behind, and of the nodes that are made.
  let [word, node] = [size - 1, size]
  const lightest = (): number =>
    word >= 0 && (weights[word] as number) < (weights[node] as number) ? word-- : node++
  for (let made = size; made < 2 * size - 1; ++made) {
    const [a, b] = [lightest(), lightest()]
    weights[made] = (weights[a] as number) + (weights[b] as number)
    parents[a] = parents[b] = made
    second[b] = 1
  }
  const starts = new Int32Array(size + 1)
  const paths: number[] = []
  const root = 2 * size - 2
  for (let i = 0; i < size; ++i) {
    const way: number[] = []
    for (let at = i; at !== root; at = parents[at] as number)
      way.push(2 * ((parents[at] as number) - size) + (1 - (second[at] as number)))
    for (const step of way.reverse()) paths.push(step)
    starts[i + 1] = paths.length
  }
  return { starts, paths: Int32Array.from(paths) }
}
