import { encodeSources, layOut } from '../../data'
import { noGrad, scope } from '../../tensor'
import { checkTexts } from '../model'
import type { Member } from './candidate'

const BATCH = 64

/** The encoder's last output for each text: see {@link Seq2SeqNetwork.summary}. */
export async function representAll(
  member: Member,
  texts: readonly string[],
): Promise<Float32Array[]> {
  checkTexts('represent', texts)
  const encoded = await encodeSources(texts, member)
  const { network } = member
  const vectors: Float32Array[] = []
  for (let first = 0; first < texts.length; first += BATCH) {
    const sources = layOut(encoded.slice(first, first + BATCH))
    const summary = scope(() => noGrad(() => network.eval().summary(sources)))
    const width = summary.shape[1] as number
    const values = Float32Array.from(await summary.data().finally(() => summary.dispose()))
    for (let row = 0; row < sources.lengths.length; ++row)
      vectors.push(values.slice(row * width, (row + 1) * width))
  }
  return vectors
}
