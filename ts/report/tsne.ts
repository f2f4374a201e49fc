import { checkPositive, checkWhole, isListOf, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { isNumberArray } from '../kinds'
import { needed } from '../packages'
import { Pauses } from '../pauses'
import { randomUniforms, streamKey } from '../tensor/random'

/** Options of {@link tsne}. */
export interface TsneOptions {
  /** About how many neighbours count for each vector. Default: 30, and a third of them where there are few. */
  perplexity?: number | undefined
  /** Steps of the search. Default: 500. */
  iterations?: number | undefined
  /** Of where the search begins. Default: 1. */
  seed?: number | undefined
}

const NAMES: Names<TsneOptions> = { perplexity: true, iterations: true, seed: true }

/** What is used of @keckelt/tsne, whose types an installation without it lacks. */
interface Search {
  gaussRandom: () => number
  initDataRaw(vectors: number[][]): void
  step(): number
  getSolution(): number[][]
}
type Make = new (options: { dim: number; perplexity: number; epsilon: number }) => Search

const load = (): Make =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  needed('[t-SNE] needs', '@keckelt/tsne', () => (require('@keckelt/tsne') as { TSNE: Make }).TSNE)

/** Most vectors: a step looks at all pairs. */
const MOST = 4096

/**
 * Places in the plane where vectors that are near stay near (van der Maaten & Hinton 2008), by the package @keckelt/tsne,
 * which is not installed with rnnative; `ERR_ARGUMENT` says so. The same seed gives the same places.
 */
export async function tsne(
  vectors: readonly ArrayLike<number>[],
  options: TsneOptions = {},
): Promise<[number, number][]> {
  const lists = isListOf(vectors, (row) => Array.isArray(row) || isNumberArray(row))
  const alike = lists && vectors.every((row) => row.length === vectors[0]?.length)
  expect('t-SNE', 'vectors', alike, 'lists of as many numbers each', vectors)
  const { length } = vectors
  expect('t-SNE', 'vectors', length > 1 && length <= MOST, `2 to ${MOST} vectors`, length)
  const { perplexity = Math.min(30, Math.max(1, (length - 1) / 3)), ...more } = optionsOf(
    't-SNE',
    options,
    NAMES,
  )
  const { iterations = 500, seed = 1 } = more
  checkPositive('t-SNE', 'perplexity', perplexity)
  checkWhole('t-SNE', 'iterations', iterations, 1)
  checkWhole('t-SNE', 'seed', seed, 0)
  const search = new (load())({ dim: 2, perplexity, epsilon: 10 })
  search.gaussRandom = normal(seed, 2 * length)
  search.initDataRaw(vectors.map((row) => Array.from(row)))
  const pauses = new Pauses()
  for (let step = 0; step < iterations; ++step) {
    search.step()
    if (pauses.due) await pauses.pause()
  }
  return search.getSolution().map(([x, y]) => [x as number, y as number])
}

/** Normal numbers by a seed (Box & Muller 1958); they begin again after `count`. */
function normal(seed: number, count: number): () => number {
  const key = streamKey(seed, 'tsne')
  const drawn = randomUniforms({ key, step: 0, sampleBase: 0 }, 2 * count)
  let at = 0
  return () => {
    const [a, b] = [drawn[at] as number, drawn[at + 1] as number]
    at = (at + 2) % drawn.length
    return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b)
  }
}
