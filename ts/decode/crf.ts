/**
 * What a conditional random field says of one text: the best tags, the k best, probabilities. In plain TypeScript on
 * numbers of the host: a text's emissions come there anyway, since tags are names, and a text of 30 words and
 * 9 tags takes some 10 µs, less than an op's way to the engine and back.
 */
import { checkNumbers, checkWhole, isObject, MOST_ROWS } from '../check'
import { expect } from '../errors'
import type { CRFScores } from '../nn'
import { atOnce } from '../pauses'

/** Emissions of one text, [steps, tags]. */
export type Emissions = ArrayLike<number>

/** Pairs of tags that are looked at without a pause. */
const STRETCH = 1 << 14

/** Steps between two moments at which there may be a pause. */
const stepsAtOnce = (tags: number): number => Math.max(1, Math.floor(STRETCH / (tags * tags)))

/** Tags of a sequence, and how good they are. */
export interface ScoredTags {
  /** A tag's number for each step. */
  tags: Int32Array
  /** Its log-probability is this less the total of all: see {@link marginals}. */
  score: number
}

function stepsOf(op: string, emissions: Emissions, scores: CRFScores): number {
  expect(op, 'scores', isObject(scores), '{ tags, transitions, start, end }', scores)
  const { tags, transitions, start, end } = scores
  checkWhole(op, 'scores.tags', tags, 1, MOST_ROWS)
  checkNumbers(op, 'scores.transitions', transitions, tags * tags)
  checkNumbers(op, 'scores.start', start, tags)
  checkNumbers(op, 'scores.end', end, tags)
  checkNumbers(op, 'emissions', emissions)
  const steps = emissions.length / tags
  expect(
    op,
    'emissions',
    Number.isInteger(steps),
    `a multiple of ${tags} numbers`,
    emissions.length,
  )
  return steps
}

/** The best tags, of equals the first; empty for no step. */
export const viterbi = (emissions: Emissions, scores: CRFScores): Int32Array =>
  atOnce(findingViterbi(emissions, scores))

/** @internal The same; yields where there may be a pause. */
export function* findingViterbi(
  emissions: Emissions,
  scores: CRFScores,
): Generator<undefined, Int32Array> {
  const [best] = yield* bestOf('viterbi', emissions, scores, 1)
  return best?.tags ?? new Int32Array(0)
}

/** The `k` best sequences of tags, best first; fewer where there are no more that are allowed. */
export function kBest(emissions: Emissions, scores: CRFScores, k: number): ScoredTags[] {
  return atOnce(findingKBest(emissions, scores, k))
}

/** @internal The same; yields where there may be a pause. */
export function* findingKBest(
  emissions: Emissions,
  scores: CRFScores,
  k: number,
): Generator<undefined, ScoredTags[]> {
  checkWhole('kBest', 'k', k, 1, MOST_ROWS)
  return yield* bestOf('kBest', emissions, scores, k)
}

/** Each step keeps the k best ways to each tag: enough for the k best of all. */
function* bestOf(
  op: string,
  emissions: Emissions,
  scores: CRFScores,
  k: number,
): Generator<undefined, ScoredTags[]> {
  const steps = stepsOf(op, emissions, scores)
  const { tags, transitions, start, end } = scores
  if (steps === 0) return [{ tags: new Int32Array(0), score: 0 }]
  const width = tags * k
  // Of way r to tag j, at j * k + r: its score, and which way to the step before it came by.
  let before = new Float64Array(width).fill(-Infinity)
  let after = new Float64Array(width)
  const from = new Int32Array(steps * width).fill(-1)
  for (let j = 0; j < tags; ++j) before[j * k] = (start[j] as number) + (emissions[j] as number)
  const atATime = Math.max(1, Math.floor(stepsAtOnce(tags) / k))
  for (let t = 1; t < steps; ++t) {
    if (t % atATime === 0) yield
    after.fill(-Infinity)
    for (let j = 0; j < tags; ++j) {
      const own = emissions[t * tags + j] as number
      for (let i = 0; i < tags; ++i) {
        const step = (transitions[i * tags + j] as number) + own
        for (let r = 0; r < k; ++r) {
          const score = (before[i * k + r] as number) + step
          if (!(score > (after[j * k + k - 1] as number))) break
          let place = k - 1
          for (; place > 0 && score > (after[j * k + place - 1] as number); --place) {
            after[j * k + place] = after[j * k + place - 1] as number
            from[t * width + j * k + place] = from[t * width + j * k + place - 1] as number
          }
          after[j * k + place] = score
          from[t * width + j * k + place] = i * k + r
        }
      }
    }
    ;[before, after] = [after, before]
  }
  const last = Array.from(before, (score, way) => ({
    score: score + (end[Math.floor(way / k)] as number),
    way,
  }))
  const found = last.filter(({ score }) => score > -Infinity)
  found.sort((a, b) => b.score - a.score || a.way - b.way)
  const all: ScoredTags[] = []
  for (const { score, way: end } of found.slice(0, k)) {
    let way = end
    const path = new Int32Array(steps)
    for (let t = steps - 1; t >= 0; --t) {
      if (t % STRETCH === 0) yield
      path[t] = Math.floor(way / k)
      way = from[t * width + way] as number
    }
    all.push({ tags: path, score })
  }
  return all
}

/** What {@link marginals} gives of a sequence. */
export interface Marginals {
  /** Of each tag at each step, [steps, tags]. */
  probabilities: Float64Array
  /** The log of the sum of exp(score) over all sequences. */
  total: number
  /** The log of the probability that the tags from step `begin` on are these. */
  logOf(begin: number, tags: ArrayLike<number>): number
}

/** Probabilities of tags, by the forward-backward algorithm. */
export function marginals(emissions: Emissions, scores: CRFScores): Marginals {
  return atOnce(findingMarginals(emissions, scores))
}

/** @internal The same; yields where there may be a pause. */
export function* findingMarginals(
  emissions: Emissions,
  scores: CRFScores,
): Generator<undefined, Marginals> {
  const steps = stepsOf('marginals', emissions, scores)
  const { tags, transitions, start, end } = scores
  const [alpha, beta] = [new Float64Array(steps * tags), new Float64Array(steps * tags)]
  const terms = new Float64Array(tags)
  const emission = (t: number, j: number): number => emissions[t * tags + j] as number
  const transition = (i: number, j: number): number => transitions[i * tags + j] as number
  const atATime = stepsAtOnce(tags)
  for (let t = 0; t < steps; ++t) {
    if (t % atATime === atATime - 1) yield
    for (let j = 0; j < tags; ++j) {
      for (let i = 0; i < tags && t > 0; ++i)
        terms[i] = (alpha[(t - 1) * tags + i] as number) + transition(i, j)
      alpha[t * tags + j] = emission(t, j) + (t > 0 ? logSumExp(terms) : (start[j] as number))
    }
  }
  for (let t = steps - 1; t >= 0; --t) {
    if (t % atATime === atATime - 1) yield
    for (let i = 0; i < tags; ++i) {
      for (let j = 0; j < tags && t < steps - 1; ++j)
        terms[j] = transition(i, j) + emission(t + 1, j) + (beta[(t + 1) * tags + j] as number)
      beta[t * tags + i] = t < steps - 1 ? logSumExp(terms) : (end[i] as number)
    }
  }
  for (let j = 0; j < tags && steps > 0; ++j)
    terms[j] = (alpha[(steps - 1) * tags + j] as number) + (end[j] as number)
  const total = steps > 0 ? logSumExp(terms) : 0
  const probabilities = new Float64Array(alpha.length)
  for (let i = 0; i < alpha.length; ++i) {
    if (i % STRETCH === STRETCH - 1) yield
    probabilities[i] = Math.exp((alpha[i] as number) + (beta[i] as number) - total)
  }
  return {
    probabilities,
    total,
    logOf(begin, wanted) {
      const last = begin + wanted.length - 1
      if (wanted.length === 0) return 0
      let score = (alpha[begin * tags + (wanted[0] as number)] as number) - total
      for (let t = begin + 1; t <= last; ++t) {
        const j = wanted[t - begin] as number
        score += transition(wanted[t - begin - 1] as number, j) + emission(t, j)
      }
      return Math.min(0, score + (beta[last * tags + (wanted[last - begin] as number)] as number))
    },
  }
}

function logSumExp(terms: Float64Array): number {
  let most = -Infinity
  for (const x of terms) most = Math.max(most, x)
  if (most === -Infinity) return most
  let sum = 0
  for (const x of terms) sum += Math.exp(x - most)
  return most + Math.log(sum)
}
