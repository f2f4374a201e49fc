/** What a search ranks the tokens of a step by. */
import { noGrad, scope, tensor, type Tensor } from '../tensor'
import * as ops from '../ops'
import type { StepOutput } from './step-model'

export interface Ranking {
  /** `[rows, vocabulary]`: of which `ops.topk` takes the logarithms of probabilities. */
  readonly logits: Tensor
  /** With terms; null where the logarithms of probabilities are all there is. */
  readonly weighed: Weighed | null
  dispose(): void
}

interface Weighed {
  /** The model's own logarithms of probabilities: [rows, vocabulary]. */
  readonly own: Tensor
  /** `[rows]`: what normalising `logits` takes off. */
  readonly taken: Tensor
}

export function rankingOf({ logits, bonus = null }: StepOutput): Ranking {
  if (bonus === null) return { logits, weighed: null, dispose: () => undefined }
  const { total, own, taken } = scope(() =>
    noGrad(() => {
      const own = ops.logSoftmax(logits, -1)
      const total = ops.add(own, bonus)
      const first = (x: Tensor) => ops.slice(x, 1, 0, 1)
      const lost = ops.sub(first(total), first(ops.logSoftmax(total, -1)))
      return { total, own, taken: ops.reshape(lost, [lost.size]) }
    }),
  )
  const dispose = () => [total, own, taken].forEach((x) => x.dispose())
  return { logits: total, weighed: { own, taken }, dispose }
}

/** The values of one token after each of these rows. */
export async function valuesAt(
  x: Tensor,
  rows: readonly number[],
  tokens: readonly number[],
): Promise<ArrayLike<number>> {
  const [count, width] = x.shape as [number, number]
  const found = scope(() =>
    noGrad(() => {
      const places = Int32Array.from(rows, (row, i) => row * width + (tokens[i] as number))
      const which = tensor(places, [places.length], { device: x.device })
      return ops.embedding(which, ops.reshape(x, [count * width, 1]))
    }),
  )
  return found.data().finally(() => found.dispose())
}
