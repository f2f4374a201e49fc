/** What commands do with files of vectors, and with models of them. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../check'
import { badFile } from '../data/pieces'
import { RnnativeError, show } from '../errors'
import { readVectors, writeVectors } from '../io'
import type { Neighbour, Vectors, WordPair } from '../io'
import { CONFIG_FILE, findModel, tryModelDirectory } from '../io/model-directory'
import { readJson, tryFile } from '../io/files'
import { Doc2Vec, Embeddings, type EmbeddingModel } from '../models'
import { docOptions, type Doc2VecSettings } from '../models/embeddings/doc-options'
import type { EmbeddingSettings } from '../models/embeddings/options'
import { drawMap, pca, tsne, writeFigures } from '../report'
import { readLines } from '../text/read'

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

/** A model of words, or of documents; those of the options that it has. */
export function modelOf(options: EmbedOptions): Embeddings | Doc2Vec {
  const { model, algorithm, ...words } = options
  if (model !== 'doc2vec') return new Embeddings({ model, ...words })
  const { minPart, maxPart, buckets: _, ...rest } = words
  for (const [flag, value] of Object.entries({ 'min-part': minPart, 'max-part': maxPart }))
    if (value > 0)
      throw new RnnativeError('ERR_ARGUMENT', `--${flag}: expected none with --model doc2vec`)
  return new Doc2Vec({ algorithm, ...rest })
}

type EmbedOptions = Omit<EmbeddingSettings, 'model'> &
  Pick<Doc2VecSettings, 'algorithm'> & { model: EmbeddingModel | 'doc2vec' }

const FILE = /\.(bin|vec|txt)$/

/** Throws what {@link writeOut} would, before anything is learned. */
export const tryOut = (path: string, overwrite: boolean): Promise<void> =>
  FILE.test(path) ? tryFile(path) : tryModelDirectory(path, overwrite)

/** Into a file of vectors, or a directory, by the path's end. */
export async function writeOut(model: Embeddings | Doc2Vec, path: string): Promise<void> {
  const parts = model instanceof Embeddings && model.options.maxPart > 0
  if (path.endsWith('.bin') && parts) await model.saveFastText(path)
  else if (FILE.test(path)) await writeVectors(path, await model.vectors())
  else await model.save(path)
}

/** Of a file, or of a model's directory. */
export async function loadVectors(path: string): Promise<Vectors> {
  if (!(await isDirectory(path))) return readVectors(path)
  await using model = (await ofDocuments(path))
    ? await Doc2Vec.load(path)
    : await Embeddings.load(path)
  return await model.vectors()
}

/** Whether a directory holds a model of documents. */
async function ofDocuments(path: string): Promise<boolean> {
  const config = await readJson(join(await findModel(path), CONFIG_FILE))
  return isObject(config) && config['model_type'] === docOptions.type
}

/** The words nearest to one, or to b - a + c. A word that a model with parts never saw is known by these. */
export async function nearestIn(
  path: string,
  words: readonly string[],
  count: number,
): Promise<Neighbour[]> {
  const [a, b, c] = words as [string, string, string]
  const directory = await isDirectory(path)
  if (directory && (await ofDocuments(path))) {
    await using model = await Doc2Vec.load(path)
    const near = await model.nearest(words.join(' '), { count })
    return near.map(({ document, similarity }) => ({ word: String(document), similarity }))
  }
  if (words.length !== 1 && words.length !== 3)
    throw new RnnativeError('ERR_ARGUMENT', `expected a word or three, got ${words.length}`)
  if (directory) {
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
  await tryFile(map.output)
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

/**
 * Pairs of words and numbers, between white space, commas or semicolons. The first line may name the columns; empty
 * lines and those that begin with # are left out. `ERR_FORMAT` with the number of another line that is no pair.
 */
export async function readWordPairs(path: string): Promise<WordPair[]> {
  const pairs: WordPair[] = []
  let first = true
  for (const [i, line] of (await readLines(path)).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [a, b, score] = line.trim().split(/[\s,;]+/)
    if (a && b && score && Number.isFinite(Number(score))) pairs.push([a, b, Number(score)])
    else if (!first || !score)
      throw badFile(
        path,
        `line ${i + 1}: expected two words and a number, got ${show(line.trim())}`,
      )
    first = false
  }
  if (pairs.length === 0)
    throw badFile(path, 'expected two words and a number in each line, got none')
  return pairs
}
