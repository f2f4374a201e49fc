import { chosenOf } from './decide'
import { cutOff, type Reading } from './examples'

/** What a text is taken for. */
export interface Prediction {
  /** The likeliest label. */
  label: string
  /** Of a multi-label model: all that are likelier than not, the likeliest first. */
  labels?: string[]
  /** The likeliest labels first. They sum to 1, but for multi-label models and where but the `top` ones are told. */
  probabilities: { label: string; probability: number }[]
  /** What each token of the text, of all fields one after another, counts; of a field 1 in all. */
  attention?: { tokens: string[]; weights: number[] }
  /** Of a document that was taken by its sentences: what each is taken for, and its share in what came of them. */
  sentences?: { text: string; label: string; weight: number }[]
}

export function prediction(
  { tokenizer, options }: Reading,
  texts: readonly string[],
  probabilities: Float64Array,
  attention: readonly Float32Array[] | undefined,
  top: number | undefined,
): Prediction {
  const { task, labels } = options
  const order = Array.from(probabilities.keys())
  order.sort((a, b) => probabilities[b]! - probabilities[a]!)
  const labelOf = (k: number) => labels[k] as string
  const chosen = chosenOf(task, probabilities)
  const told = order
    .slice(0, top)
    .map((k) => ({ label: labelOf(k), probability: probabilities[k]! }))
  return {
    label: labelOf(order[0] as number),
    ...(task === 'multi-label' && { labels: order.filter((k) => chosen.includes(k)).map(labelOf) }),
    probabilities: told,
    ...(attention && {
      attention: {
        tokens: texts.flatMap((text) => cutOff(tokenizer.pieces(text), options)),
        weights: attention.flatMap((weights) => [...weights]),
      },
    }),
  }
}
