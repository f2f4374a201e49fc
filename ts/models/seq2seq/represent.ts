import { encodeSources, layOutSources, type Source } from '../../data'
import { noGrad, scope } from '../../tensor'
import { checkSources, type Member } from './candidate'

const BATCH = 64

/** The encoder's last output for each source: see {@link Seq2SeqNetwork.summary}. */
export async function representAll(
  member: Member,
  sources: readonly Source[],
): Promise<Float32Array[]> {
  checkSources('represent', member, sources)
  const encoded = await encodeSources(sources, member)
  const { network } = member
  const vectors: Float32Array[] = []
  for (let first = 0; first < sources.length; first += BATCH) {
    const batch = layOutSources(encoded.slice(first, first + BATCH))
    const summary = scope(() => noGrad(() => network.eval().summary(batch)))
    const width = summary.shape[1] as number
    const values = Float32Array.from(await summary.data().finally(() => summary.dispose()))
    for (let row = 0; row < batch.lengths.length; ++row)
      vectors.push(values.slice(row * width, (row + 1) * width))
  }
  return vectors
}
