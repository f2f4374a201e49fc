/** What a network says of encoded texts. No gradients are recorded, and every batch is awaited. */
import { noGrad, scope } from '../../tensor'
import { withInputs } from '../../train/objective'
import type { TextSet } from './examples'
import type { ClassifierNetwork } from './network'
import { textBatch, textInputs, textTensors } from './task'

/** Tokens, padding included, and examples that are read at a time. */
const MOST = { tokens: 8192, examples: 256 }

export interface Scored {
  logits: Float32Array
  /** Of each field's tokens; absent without attention. */
  attention?: Float32Array[]
}

/** Examples by length, so that little is padded. */
function* batchesOf(set: TextSet): Generator<number[]> {
  const order = Array.from({ length: set.length }, (_, i) => i)
  order.sort((a, b) => set.longestOf(a) - set.longestOf(b))
  let batch: number[] = []
  for (const index of order) {
    const fields = (set.ids[index] as readonly Int32Array[]).length
    const tokens = (batch.length + 1) * fields * set.longestOf(index)
    if (batch.length === MOST.examples || (batch.length > 0 && tokens > MOST.tokens)) {
      yield batch
      batch = []
    }
    batch.push(index)
  }
  if (batch.length > 0) yield batch
}

/** In the order of the set. */
export async function scoreAll(
  network: ClassifierNetwork,
  set: TextSet,
  checkGoing: () => void,
): Promise<Scored[]> {
  const all = new Array<Scored>(set.length)
  for (const indices of batchesOf(set)) {
    checkGoing()
    const scored = await scoreBatch(network, set, indices)
    indices.forEach((index, row) => (all[index] = scored[row] as Scored))
  }
  return all
}

async function scoreBatch(
  network: ClassifierNetwork,
  set: TextSet,
  indices: readonly number[],
): Promise<Scored[]> {
  const batch = textBatch(set, indices)
  const { device } = network.output.weight
  const made = withInputs(textInputs(batch), device, (given) =>
    scope(() => noGrad(() => network.eval().forward(textTensors(given)))),
  )
  const { fields } = network.options
  const outputs = made.logits.shape[1] as number
  try {
    const [logits, weights] = await Promise.all([made.logits.data(), made.attention?.data()])
    return indices.map((_, row) => ({
      logits: Float32Array.from(logits.subarray(row * outputs, (row + 1) * outputs)),
      ...(weights && {
        attention: Array.from({ length: fields }, (_, field) => {
          const text = row * fields + field
          const from = text * batch.steps
          const to = from + (batch.lengths[text] as number)
          return Float32Array.from(weights.subarray(from, to))
        }),
      }),
    }))
  } finally {
    made.logits.dispose()
    made.attention?.dispose()
  }
}
