/** Steps of a beam search that are queued together: each reads on the device what the one before chose. */
import { RnnativeError } from '../errors'
import * as ops from '../ops'
import { checkTensor } from '../ops/support'
import { noGrad, scope, tensor, type Tensor } from '../tensor'
import { formatShape, shapeError } from '../tensor/shape'
import type { BeamSettings } from './beam-options'
import type { Candidate, Group, SourceSearch } from './beam-state'
import { checkLogits, firstRow, PenaltyList, type RowsOfGroups } from './expand'
import { queueLength } from './step-model'
import type { Decoding, QueuedSteps, StepModel } from './step-model'

/** Whether what failed could be of steps that were queued and not needed. */
export const isOfSteps = (error: unknown): boolean =>
  error instanceof RnnativeError && ['ERR_INDEX', 'ERR_NONFINITE'].includes(error.code)

/** How many steps to queue together; 1 where what a step chooses must be known before the next. */
export function stepsAtOnce(
  { queued }: Decoding,
  active: readonly SourceSearch[],
  { groups }: RowsOfGroups,
  { width, blockNgrams }: BeamSettings,
): number {
  if (!queued || groups > 1 || blockNgrams > 0) return 1
  const few = queueLength(active.length * width)
  return active.reduce((least, source) => Math.min(least, source.choices), few)
}

/** Gives the first positions of a row. `ERR_ARGUMENT` and `ERR_SHAPE` where a model gave none, or too few. */
export async function readAttention(
  attention: Tensor | null,
): Promise<(row: number, positions: number) => Float32Array> {
  checkTensor('beam', 'attention', attention as Tensor)
  const { shape } = attention as Tensor
  const width = shape[1] as number
  const data = await (attention as Tensor).data()
  return (row, positions) => {
    if (!(positions <= width))
      throw shapeError('beam', 'attention', `${positions} positions or more`, formatShape(shape))
    return Float32Array.from(data.subarray(row * width, row * width + positions))
  }
}

interface Queue {
  model: StepModel
  decoding: Decoding
  queued: QueuedSteps
  settings: BeamSettings
}

interface Present {
  tokens: Int32Array
  active: readonly SourceSearch[]
  rows: RowsOfGroups
}

/** What a queued step chose, still on the device. */
interface Chosen extends ops.TopkResult {
  attention: Tensor | null
  /** Rows of a source that were continued. */
  slots: number
}

/** Makes so many steps of sources that have a choice in all of them; how the rows lie then. */
export async function advanceQueued(
  queue: Queue,
  count: number,
  present: Present,
): Promise<RowsOfGroups> {
  const steps: Chosen[] = []
  try {
    enqueue(queue, count, present, steps)
    await accept(queue, present.active, steps)
  } finally {
    for (const { indices, scores, attention } of steps)
      for (const x of [indices, scores, attention]) x?.dispose()
  }
  for (const { groups } of present.active) (groups[0] as Group).stay()
  return { groups: 1, slots: steps.at(-1)?.indices.shape[1] as number }
}

function enqueue(
  { model, decoding, queued, settings }: Queue,
  count: number,
  { tokens, active, rows }: Present,
  steps: Chosen[],
): void {
  const { vocabulary } = model
  const { width, coveragePenalty, alignments, end } = settings
  const { known, unknown } = queued.reads ?? { known: vocabulary, unknown: 0 }
  const length = active[0]?.length as number
  const looks = coveragePenalty > 0 || alignments
  let { slots } = rows
  let last: { read: Tensor; scores: Tensor } | null = null
  try {
    for (let step = 0; step < count; ++step) {
      const { logits, attention } = noGrad(() =>
        last ? queued.step(last.read) : decoding.step(tokens),
      )
      try {
        const beams = slots
        checkLogits('beam', logits, beams * active.length, vocabulary)
        const k = Math.min(width, beams * vocabulary)
        const penalties = penaltiesOf(settings, length + step, beams * active.length)
        const before = last
        const { chosen, next } = scope(() =>
          noGrad(() => {
            const scores = before?.scores ?? startOf(active, rows, logits)
            const chosen = ops.topk(logits, scores, { beams, k, penalties })
            const how = { vocabulary, end, beams, known, unknown }
            return { chosen, next: ops.extendBeams(chosen, how) }
          }),
        )
        steps.push({ ...chosen, attention: looks ? attention : null, slots: beams })
        before?.read.dispose()
        before?.scores.dispose()
        last = { read: next.tokens, scores: next.scores }
        // Rows of one hypothesis each stay where they are.
        if (beams > 1 || k > 1) noGrad(() => queued.take(next.rows))
        next.rows.dispose()
        slots = k
      } finally {
        logits.dispose()
        if (!looks) attention?.dispose()
      }
    }
  } finally {
    last?.read.dispose()
    last?.scores.dispose()
  }
}

/** Scores of the rows, relative to the best of their source. */
function startOf(active: readonly SourceSearch[], rows: RowsOfGroups, logits: Tensor): Tensor {
  const scores = new Float64Array(firstRow(rows, active.length, 0)).fill(-Infinity)
  active.forEach(({ groups }, i) => {
    const { live } = groups[0] as Group
    live.forEach(({ score }, slot) => {
      scores[firstRow(rows, i, 0) + slot] = score - (live[0]?.score as number)
    })
  })
  const { device, dtype } = logits
  return tensor(scores, [scores.length], { device, dtype })
}

function penaltiesOf(
  { minLength, forbidden, end }: BeamSettings,
  length: number,
  rows: number,
): PenaltyList {
  const penalties = new PenaltyList()
  const never = length < minLength ? [end, ...forbidden] : forbidden
  for (let row = 0; row < rows; ++row)
    for (const token of never) penalties.add(row, token, -Infinity)
  return penalties
}

/** Hands the sources what was chosen, as one step after another would have. */
async function accept(
  { model: { vocabulary }, settings }: Queue,
  active: readonly SourceSearch[],
  steps: readonly Chosen[],
): Promise<void> {
  const joined = scope(() =>
    noGrad(() => {
      const all = (of: (step: Chosen) => Tensor) =>
        ops.concat(
          steps.map((step) => ops.reshape(of(step), [of(step).size])),
          0,
        )
      return { indices: all(({ indices }) => indices), scores: all(({ scores }) => scores) }
    }),
  )
  const { coveragePenalty, alignments } = settings
  const looks = coveragePenalty > 0 || alignments
  const looking = looks ? steps.map(({ attention }) => readAttention(attention)) : []
  const [indices, values, ...weights] = await Promise.all([
    joined.indices.data(),
    joined.scores.data(),
    ...looking,
  ]).finally(() => {
    joined.indices.dispose()
    joined.scores.dispose()
  })
  let first = 0
  for (const [step, { indices: chosen, slots }] of steps.entries()) {
    const k = chosen.shape[1] as number
    const look = weights[step]
    active.forEach((source, i) => {
      const group = source.groups[0] as Group
      const { live } = group
      if (live.length === 0) return
      const top = live[0]?.score as number
      const candidates: Candidate[] = []
      for (let at = first + i * k; at < first + (i + 1) * k; ++at) {
        const index = indices[at] as number
        if (index < 0) break
        const from = Math.floor(index / vocabulary)
        const score = top + (values[at] as number)
        candidates.push({ from, token: index % vocabulary, logProbability: score, score })
      }
      const own = look ? live.map((_, from) => look(i * slots + from, source.positions)) : null
      group.accept(candidates, source.length, own)
    })
    for (const source of active) ++source.length
    first += chosen.size
  }
}
