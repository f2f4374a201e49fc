import type { Sampler } from '../../decode/sampler'

/** A word drawn from probabilities, which need not sum to 1, as the sampler's options say. -1 where all are 0. */
export function choose(probabilities: Float64Array, sampler: Sampler): number {
  const { temperature, topK, topP } = sampler.options
  if (temperature === 0) return likeliest(probabilities)
  const weights =
    temperature === 1 ? probabilities : probabilities.map((p) => p ** (1 / temperature))
  if (topK === 0 && topP === 1) return draw(weights, sampler.uniform())
  const order = Array.from(weights.keys())
    .filter((word) => (weights[word] as number) > 0)
    .sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b)
    .slice(0, topK || undefined)
  const whole = order.reduce((sum, word) => sum + (weights[word] as number), 0)
  let mass = 0
  const kept = order.filter((word) => {
    const before = mass
    mass += weights[word] as number
    return before < topP * whole
  })
  const left = new Float64Array(weights.length)
  for (const word of kept) left[word] = weights[word] as number
  return draw(left, sampler.uniform())
}

function likeliest(weights: Float64Array): number {
  let best = -1
  for (const [word, weight] of weights.entries())
    if (weight > (best < 0 ? 0 : (weights[best] as number))) best = word
  return best
}

/** `uniform`: in [0, 1). */
export function draw(weights: Float64Array, uniform: number): number {
  let whole = 0
  for (const weight of weights) whole += weight
  let left = uniform * whole
  let last = -1
  for (const [word, weight] of weights.entries()) {
    if (weight === 0) continue
    last = word
    if ((left -= weight) < 0) return word
  }
  return last
}
