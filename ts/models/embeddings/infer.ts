/** Vectors of documents that were not learned, from tables that stay as they are. */
import { checkGoing } from '../../check'
import { embedTrain, makeRows, readRows, writeRows } from '../../ops/embed-train'
import type { EmbedLists, EmbedTables, EmbedTrainOptions } from '../../ops/embed-train'
import { streamKey } from '../../tensor/random'
import type { AbortSignalLike } from '../../signal'

/** Words that are inferred from together. */
const PART = 1 << 16

export interface Inference {
  tables: EmbedTables
  lists: EmbedLists
  size: number
  options: Pick<EmbedTrainOptions, 'model' | 'loss' | 'window' | 'negative' | 'shrink'>
  epochs: number
  lr: number
  seed: number
  signal: AbortSignalLike | undefined
}

/** All begin alike and draw alike, so that a document's vector depends on its words and the seed alone. */
export async function inferDocuments(
  documents: readonly Int32Array[],
  given: Inference,
): Promise<Float32Array[]> {
  const found: Float32Array[] = []
  for (let begin = 0; begin < documents.length;) {
    let [end, words] = [begin, 0]
    while (end < documents.length && (end === begin || words < PART))
      words += (documents[end++] as Int32Array).length
    found.push(...(await inferPart(documents.slice(begin, end), given)))
    begin = end
  }
  return found
}

async function inferPart(documents: readonly Int32Array[], given: Inference) {
  const { size, epochs, lr, seed, signal } = given
  const first = makeRows(1, size, 0.5 / size, streamKey(seed, 'doc2vec.infer'))
  const row = await readRows(first, 0, 1, size).finally(() => first.dispose())
  const all = new Float32Array(documents.length * size)
  for (let i = 0; i < documents.length; ++i) all.set(row, i * size)
  const table = makeRows(documents.length, size, 0, new Uint32Array(2))
  try {
    writeRows(table, 0, all, size)
    const chunk = chunkOf(documents)
    const key = streamKey(seed, 'doc2vec.infer.draws')
    for (let epoch = 0; epoch < epochs; ++epoch) {
      checkGoing('infer', signal)
      const rate = lr * Math.max(1e-4, 1 - epoch / epochs)
      const random = { key, step: epoch, sampleBase: 0 }
      const options = { ...given.options, lrBegin: rate, lrEnd: rate, random }
      const learning = { ...options, frozen: 3, alike: true, threads: 1024, classes: 1 }
      const losses = embedTrain(learning, { ...given.tables, documents: table }, chunk, given.lists)
      await losses.data().finally(() => losses.dispose())
    }
    const rows = await readRows(table, 0, documents.length, size)
    return documents.map((_, i) => rows.slice(i * size, (i + 1) * size))
  } finally {
    table.dispose()
  }
}

function chunkOf(documents: readonly Int32Array[]) {
  const starts = new Int32Array(documents.length + 1)
  for (const [i, ids] of documents.entries()) starts[i + 1] = (starts[i] as number) + ids.length
  const tokens = new Int32Array(starts.at(-1) as number)
  for (const [i, ids] of documents.entries()) tokens.set(ids, starts[i])
  return { tokens, starts, labels: Int32Array.from(documents, (_, i) => i) }
}
