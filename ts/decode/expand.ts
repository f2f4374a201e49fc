import { RnnativeError } from '../errors'
import { noGrad } from '../tensor/autograd'
import { tensor, type Tensor } from '../tensor'
import * as ops from '../ops'
import type { BeamSettings } from './beam-options'
import type { Candidate, Group, SourceSearch } from './beam-state'
import { repeats, type Node } from './hypothesis'
import { valuesAt, type Ranking } from './ranking'

const IGNORED = -100

/** A step's rows: source by source, in it group by group, of a group so many `slots`. */
export interface RowsOfGroups {
  readonly groups: number
  readonly slots: number
}

/** Of group `g` of active source `i`. */
export const firstRow = ({ groups, slots }: RowsOfGroups, i: number, g: number): number =>
  (i * groups + g) * slots

/** Log-probability of one given token after each row, 0 where it is negative. */
export async function logProbabilitiesOf(
  logits: Tensor,
  tokens: Int32Array,
): Promise<ArrayLike<number>> {
  const { device } = logits
  const made = noGrad(() => {
    const targets = tensor(tokens, [tokens.length], { device })
    const losses = ops.crossEntropyLosses(logits, targets, { ignoreIndex: IGNORED })
    targets.dispose()
    return losses
  })
  try {
    return (await made.losses.data()).map((loss) => (loss === 0 ? 0 : -loss))
  } finally {
    made.losses.dispose()
    made.weights.dispose()
  }
}

/** The candidates of sources that have no choice: row by row, best first. */
export async function forcedCandidates(
  { logits, weighed }: Ranking,
  active: readonly SourceSearch[],
  rows: RowsOfGroups,
): Promise<Map<Group, Candidate[]>> {
  const found = new Map<Group, Candidate[]>()
  const tokens = new Int32Array(firstRow(rows, active.length, 0)).fill(IGNORED)
  const each = (visit: (group: Group, from: number, row: number, token: number) => void) =>
    active.forEach(({ groups, forced }, i) => {
      if (forced === null) return
      groups.forEach((group, g) =>
        group.live.forEach((_, from) => visit(group, from, firstRow(rows, i, g) + from, forced)),
      )
    })
  each((group, _, row, token) => {
    tokens[row] = token
    found.set(group, [])
  })
  if (found.size === 0) return found
  const places = Array.from(tokens.keys()).filter((row) => (tokens[row] as number) >= 0)
  const at = (x: Tensor) =>
    valuesAt(
      x,
      places,
      places.map((row) => tokens[row] as number),
    )
  const [own, all] = weighed
    ? await Promise.all([at(weighed.own), at(logits)])
    : [await logProbabilitiesOf(logits, tokens), null]
  each((group, from, row, token) => {
    const node = group.live[from] as Node
    const place = all ? places.indexOf(row) : row
    const logProbability = node.logProbability + (own[place] as number)
    const score = node.score + ((all ?? own)[place] as number)
    if (Number.isNaN(score))
      throw new RnnativeError(
        'ERR_NONFINITE',
        `[beam] logits: expected no NaN and a finite maximum, got others after row ${row}`,
      )
    if (score > -Infinity) found.get(group)?.push({ from, token, logProbability, score })
  })
  for (const candidates of found.values()) candidates.sort((a, b) => b.score - a.score)
  return found
}

/** Penalties of rows' tokens, as the ops that choose tokens read them. */
export class PenaltyList {
  readonly rows: number[] = []
  readonly tokens: number[] = []
  readonly values: number[] = []

  add(row: number, token: number, value: number): void {
    this.rows.push(row)
    this.tokens.push(token)
    this.values.push(value)
  }
}

/**
 * The best continuations of group number `g` of every source that has a choice: `width` of each.
 * `used`: how often the earlier groups of a source chose each token at this step.
 */
export async function freeCandidates(
  { logits, weighed }: Ranking,
  active: readonly SourceSearch[],
  g: number,
  rows: RowsOfGroups,
  used: ReadonlyMap<SourceSearch, ReadonlyMap<number, number>>,
  settings: BeamSettings,
): Promise<Map<Group, Candidate[]>> {
  const { width, minLength, forbidden, blockNgrams, diversity, end } = settings
  const found = new Map<Group, Candidate[]>()
  const penalties = new PenaltyList()
  // Relative to the best of the group, so that long hypotheses lose no digits in f32.
  const scores = new Float64Array(firstRow(rows, active.length, 0)).fill(-Infinity)
  const tops = new Map<Group, number>()
  active.forEach((source, i) => {
    const group = source.groups[g] as Group
    if (source.forced !== null || group.live.length === 0) return
    found.set(group, [])
    const top = Math.max(...group.live.map(({ score }) => score))
    tops.set(group, top)
    group.live.forEach((node, from) => {
      const row = firstRow(rows, i, g) + from
      scores[row] = node.score - top
      if (source.length < minLength) penalties.add(row, end, -Infinity)
      for (const token of forbidden) penalties.add(row, token, -Infinity)
      if (blockNgrams > 0)
        for (const token of repeats(node, blockNgrams)) penalties.add(row, token, -Infinity)
      for (const [token, times] of used.get(source) ?? [])
        penalties.add(row, token, -diversity * times)
    })
  })
  if (found.size === 0) return found

  const vocabulary = logits.shape[1] as number
  const beams = firstRow(rows, 1, 0)
  const best = Math.min(width, beams * vocabulary)
  const made = noGrad(() => {
    const own = tensor(scores, [scores.length], { device: logits.device, dtype: logits.dtype })
    const running = weighed ? ops.add(own, weighed.taken) : own
    const chosen = ops.topk(logits, running, { beams, k: best, penalties })
    for (const x of new Set([own, running])) x.dispose()
    return chosen
  })
  try {
    const [indices, values] = await Promise.all([made.indices.data(), made.scores.data()])
    const chosen: { group: Group; row: number; token: number; score: number }[] = []
    active.forEach((source, i) => {
      const group = source.groups[g] as Group
      const candidates = found.get(group)
      for (let k = 0; candidates && k < best; ++k) {
        const index = indices[i * best + k] as number
        if (index < 0) break
        const token = index % vocabulary
        const penalty = diversity * (used.get(source)?.get(token) ?? 0)
        const score = values[i * best + k] as number
        const row = firstRow(rows, i, 0) + Math.floor(index / vocabulary)
        chosen.push({ group, row, token, score: (tops.get(group) as number) + score + penalty })
      }
    })
    const own = weighed
      ? await valuesAt(
          weighed.own,
          chosen.map(({ row }) => row),
          chosen.map(({ token }) => token),
        )
      : null
    chosen.forEach(({ group, row, token, score }, i) => {
      const from = (row - firstRow(rows, 0, g)) % beams
      const before = (group.live[from] as Node).logProbability
      const logProbability = own ? before + (own[i] as number) : score
      found.get(group)?.push({ from, token, logProbability, score })
    })
  } finally {
    made.indices.dispose()
    made.scores.dispose()
  }
  return found
}

/** Throws `ERR_SHAPE` unless the model gave a row of logits for each hypothesis. */
export function checkLogits(op: string, logits: Tensor, rows: number, vocabulary: number): void {
  const [given, width] = logits.shape
  if (logits.dims === 2 && given === rows && width === vocabulary) return
  throw new RnnativeError(
    'ERR_SHAPE',
    `[${op}] logits: expected [${rows}, ${vocabulary}], got [${logits.shape.join(', ')}]`,
  )
}
