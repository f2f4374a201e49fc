/** What commands do with files of vectors, and with models of them. */
import { stat } from 'node:fs/promises'
import { RnnativeError } from '../errors'
import { readVectors, writeVectors } from '../io'
import type { Neighbour, Vectors, WordPair } from '../io'
import { Embeddings } from '../models'
import { drawMap, pca, tsne, writeFigures } from '../report'
import { readLines } from '../text/read'

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

/** Into a file of vectors, or a directory, by the path's end. */
export async function writeOut(model: Embeddings, path: string): Promise<void> {
  if (path.endsWith('.bin') && model.options.maxPart > 0) await model.saveFastText(path)
  else if (/\.(bin|vec|txt)$/.test(path)) await writeVectors(path, await model.vectors())
  else await model.save(path)
}

/** Of a file, or of a model's directory. */
export async function loadVectors(path: string): Promise<Vectors> {
  if (!(await isDirectory(path))) return readVectors(path)
  await using model = await Embeddings.load(path)
  return model.vectors()
}

/** The words nearest to one, or to b - a + c. A word that a model with parts never saw is known by these. */
export async function nearestIn(
  path: string,
  words: readonly string[],
  count: number,
): Promise<Neighbour[]> {
  const [a, b, c] = words as [string, string, string]
  if (words.length !== 1 && words.length !== 3)
    throw new RnnativeError('ERR_ARGUMENT', `expected a word or three, got ${words.length}`)
  if (await isDirectory(path)) {
    await using model = await Embeddings.load(path)
    return words.length === 1
      ? await model.nearest(a, { count })
      : await model.analogy(a, b, c, { count })
  }
  const vectors = await readVectors(path)
  if (words.length === 3) return vectors.analogy(a, b, c, { count })
  const unseen = vectors.get(a) ? undefined : (await readVectors(path, { words: [a] })).get(a)
  return vectors.nearest(unseen ?? a, { count })
}

export interface WordMap {
  vectors: string
  output: string
  words?: string | undefined
  count: number
  method: 'pca' | 'tsne'
  seed: number
}

/** A page of words where they lie. */
export async function drawWords(map: WordMap): Promise<void> {
  const vectors = await loadVectors(map.vectors)
  const asked = map.words?.split(',').map((word) => word.trim())
  const words = asked ?? [...vectors.words()].slice(0, map.count)
  const rows = words.map((word) => {
    const vector = vectors.get(word)
    if (vector) return vector
    throw new RnnativeError('ERR_ARGUMENT', `[map] ${JSON.stringify(word)}: has no vector here`)
  })
  const places = map.method === 'pca' ? pca(rows).coordinates : await tsne(rows, { seed: map.seed })
  const points = words.map((label, i) => {
    const [x, y] = places[i] as [number, number]
    return { label, x, y }
  })
  await writeFigures(map.output, 'Words', [{ svg: await drawMap(points), caption: map.vectors }])
}

/** Pairs of words and numbers, between white space, commas or semicolons; lines without a number are left out. */
export async function readWordPairs(path: string): Promise<WordPair[]> {
  const pairs: WordPair[] = []
  for (const line of await readLines(path)) {
    const [a, b, score] = line.trim().split(/[\s,;]+/)
    if (a && b && score && Number.isFinite(Number(score))) pairs.push([a, b, Number(score)])
  }
  if (pairs.length === 0)
    throw new RnnativeError(
      'ERR_FORMAT',
      `[read] ${path}: expected two words and a number in each line`,
    )
  return pairs
}
