/** From a network's outputs to probabilities, on the host, in double. */
import type { ClassifierNetworkOptions, ClassifierTaskName } from './options'

export type Numbers = ArrayLike<number>

const sigmoid = (x: number): number =>
  x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))

/** log(1 + exp(x)) */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** Of each label: they sum to 1, but in multi-label models. */
export function probabilitiesOf(
  { task, labels }: Pick<ClassifierNetworkOptions, 'task' | 'labels'>,
  logits: Numbers,
  temperature: number,
): Float64Array {
  const scaled = Float64Array.from(logits, (x) => x / temperature)
  if (task === 'multi-label') return scaled.map(sigmoid)
  if (task === 'multi-class') {
    const most = scaled.reduce((a, b) => Math.max(a, b), -Infinity)
    const powers = scaled.map((x) => Math.exp(x - most))
    const sum = powers.reduce((a, b) => a + b, 0)
    return powers.map((x) => x / sum)
  }
  // A label lies between two thresholds: beyond one and not beyond the next.
  return Float64Array.from({ length: labels.length }, (_, k) => {
    const [low = Infinity, high = -Infinity] = [scaled[k - 1], scaled[k]]
    // Of numbers that are far out, what is left of 1 is told exactly.
    return low < 0 ? sigmoid(low) - sigmoid(high) : sigmoid(-high) - sigmoid(-low)
  })
}

/** The negative log-likelihood of an example's labels, in nats; of several, by decision. */
export function natsOf(
  task: ClassifierTaskName,
  logits: Numbers,
  labels: Int32Array,
  temperature: number,
  probabilities: Float64Array,
): number {
  if (task !== 'multi-label')
    return -Math.log(Math.max(probabilities[labels[0] as number] as number, Number.MIN_VALUE))
  let sum = 0
  for (let k = 0; k < logits.length; ++k) {
    const x = (logits[k] as number) / temperature
    sum += softplus(labels.includes(k) ? -x : x)
  }
  return sum / logits.length
}

/** The numbers of the labels that are chosen: the likeliest, or all that are likelier than not. */
export function chosenOf(task: ClassifierTaskName, probabilities: Float64Array): Int32Array {
  if (task === 'multi-label')
    return Int32Array.from([...probabilities.keys()].filter((k) => probabilities[k]! >= 0.5))
  let best = 0
  probabilities.forEach((p, k) => {
    if (p > probabilities[best]!) best = k
  })
  return Int32Array.of(best)
}

/** Where a temperature is looked for, as its logarithm. */
const RANGE = [Math.log(0.02), Math.log(50)] as const
const GOLDEN = (Math.sqrt(5) - 1) / 2

/** The temperature that makes a mean loss least (Guo et al. 2017), by golden section. */
export function bestTemperature(lossAt: (temperature: number) => number): number {
  let [low, high] = RANGE as readonly [number, number]
  let [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
  let [atA, atB] = [lossAt(Math.exp(a)), lossAt(Math.exp(b))]
  while (high - low > 1e-5)
    if (atA <= atB) {
      ;[high, b, atB] = [b, a, atA]
      a = high - GOLDEN * (high - low)
      atA = lossAt(Math.exp(a))
    } else {
      ;[low, a, atA] = [a, b, atB]
      b = low + GOLDEN * (high - low)
      atB = lossAt(Math.exp(b))
    }
  return Math.exp((low + high) / 2)
}
