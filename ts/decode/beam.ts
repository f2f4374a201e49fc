import { checkGoing } from '../check'
import { checkBeam, type BeamOptions, type BeamSettings } from './beam-options'
import { SourceSearch } from './beam-state'
import {
  checkLogits,
  firstRow,
  forcedCandidates,
  freeCandidates,
  type RowsOfGroups,
} from './expand'
import type { Hypothesis } from './hypothesis'
import { advanceQueued, isOfSteps, readAttention, stepsAtOnce } from './queue'
import { rankingOf } from './ranking'
import { checkModel, survivors, takeStates, withStep } from './step-model'
import type { QueuedSteps, StepModel, StepOutput } from './step-model'

/**
 * The best hypotheses of every source, best first: at most `nBest`, fewer where the beam finished
 * fewer, none where the constraints leave none.
 *
 * At each step the `beam` best continuations of a source's live hypotheses are chosen; those that end
 * are set aside, the others are the next beam, which is full again a step later. At `maxLength` the
 * end is forced. Hypotheses compete by log-probability while they grow; finished ones are ranked by
 *
 *     logProbability / ((5 + n) / 6)^lengthPenalty
 *       + coveragePenalty * sum over source positions of log(min(summed attention, 1))
 *
 * (Wu et al. 2016, eq. 14), n counting the end. A source is done when none of its live hypotheses can
 * still beat the worst of the finished ones to be returned; stopping so never changes the result. A
 * `beam` of 1 is greedy decoding. Of equals the earlier hypothesis, then the lower token wins. What
 * a source gives does not depend on the others in its batch.
 *
 * `groups` above 1: diverse beam search (Vijayakumar et al. 2018) with Hamming diversity: the groups
 * choose one after another, `diversity` nats off a token for every hypothesis of an earlier group of
 * the source that has just chosen it. Each is a beam of its own; log-probabilities and scores of
 * hypotheses are free of that penalty.
 *
 * With terms (`withTerms`) all of this is by log-probability and what they add to it.
 *
 * Throws `ERR_ARGUMENT`, naming it, for an option that makes no sense; `ERR_ABORTED` by `signal`.
 */
export async function beamSearch(
  model: StepModel,
  options: BeamOptions = {},
): Promise<Hypothesis[][]> {
  checkModel('beam', model)
  const settings = checkBeam(model, options)
  if (model.sources === 0) return []
  try {
    return await search(model, settings, options, true)
  } catch (error) {
    if (!isOfSteps(error)) throw error
    // Waited for, steps that nothing depends on are not made; others fail again.
    return search(model, settings, options, false)
  }
}

async function search(
  model: StepModel,
  settings: BeamSettings,
  { signal }: BeamOptions,
  queueing: boolean,
): Promise<Hypothesis[][]> {
  const { groups } = settings
  const all = Array.from(
    { length: model.sources },
    (_, i) => new SourceSearch(i, settings, model.sourceLengths?.[i] ?? 0),
  )
  let active: readonly SourceSearch[] = all
  let rows: RowsOfGroups = { groups, slots: 1 }
  let tokens: Int32Array = new Int32Array(all.length * groups).fill(model.bos)
  const decoding = model.start(groups)
  try {
    for (;;) {
      checkGoing('beam', signal)
      const count = queueing ? stepsAtOnce(decoding, active, rows, settings) : 1
      if (count > 1) {
        const queue = { model, decoding, queued: decoding.queued as QueuedSteps, settings }
        rows = await advanceQueued(queue, count, { tokens, active, rows })
      } else
        await withStep(decoding, tokens, async (output) => {
          checkLogits('beam', output.logits, tokens.length, model.vocabulary)
          await advance(output, active, rows, settings)
        })
      const next = survivors(
        active,
        active.filter(({ done }) => !done),
      )
      if (next.length === 0) break
      const moved = layOut(active, next, rows, settings.end, count > 1 ? rows.slots : 1)
      const present = firstRow(rows, active.length, 0)
      takeStates(decoding, moved.origins, moved.sources, present)
      ;({ rows, tokens } = moved)
      active = next
    }
  } finally {
    decoding.dispose()
  }
  return all.map((source) => source.best())
}

/** Chooses the next tokens of all hypotheses. */
async function advance(
  output: StepOutput,
  active: readonly SourceSearch[],
  rows: RowsOfGroups,
  settings: BeamSettings,
): Promise<void> {
  const { coveragePenalty, alignments } = settings
  const weights = coveragePenalty > 0 || alignments ? await readAttention(output.attention) : null
  const ranking = rankingOf(output)
  const used = new Map(active.map((source) => [source, new Map<number, number>()]))
  try {
    const forced = await forcedCandidates(ranking, active, rows)
    for (let g = 0; g < rows.groups; ++g) {
      const free = await freeCandidates(ranking, active, g, rows, used, settings)
      active.forEach((source, i) => {
        const group = source.groups[g]
        const candidates = group && (forced.get(group) ?? free.get(group))
        if (!candidates) return
        const first = firstRow(rows, i, g)
        const own = weights && group.live.map((_, from) => weights(first + from, source.positions))
        group.accept(candidates, source.length, own)
        const counts = used.get(source) as Map<number, number>
        for (const { token } of candidates) counts.set(token, (counts.get(token) ?? 0) + 1)
      })
    }
  } finally {
    ranking.dispose()
  }
  for (const source of active) ++source.length
}

/**
 * Where the states of the next step's rows are among the present ones, and what each reads. A group
 * has as many rows as the fullest one needs: one at first, fewer than the beam where all have
 * hypotheses that ended, but `least`.
 */
function layOut(
  active: readonly SourceSearch[],
  next: readonly SourceSearch[],
  present: RowsOfGroups,
  end: number,
  least: number,
): { rows: RowsOfGroups; origins: Int32Array; sources: Int32Array; tokens: Int32Array } {
  const { groups } = present
  const slots = Math.max(
    least,
    ...next.flatMap((source) => source.groups.map(({ live }) => live.length)),
  )
  const rows = { groups, slots }
  const places = new Map(active.map((source, place) => [source, place]))
  const sources = Int32Array.from(next, (source) => places.get(source) as number)
  const origins = new Int32Array(next.length * groups * slots)
  const tokens = new Int32Array(origins.length).fill(end)
  next.forEach((source, i) =>
    source.groups.forEach(({ live, origins: from }, g) => {
      const [to, first] = [firstRow(rows, i, g), firstRow(present, sources[i] as number, g)]
      // Rows without a hypothesis keep some state of their source and read the end.
      for (let slot = 0; slot < slots; ++slot)
        origins[to + slot] = first + Math.min(slot, present.slots - 1)
      live.forEach(({ token }, slot) => {
        tokens[to + slot] = token
        origins[to + slot] = first + (from[slot] as number)
      })
    }),
  )
  return { rows, origins, sources, tokens }
}
