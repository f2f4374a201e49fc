/** The same run or another: what a resumed run must share with its beginning, and what may differ. */
import { RnnativeError } from '../errors'
import type { Optimizer, OptimizerMeta, Schedule } from '../optim'
import { toJson } from './finite-json'
import { groupsInWords } from './group-option'
import type { Objective } from './objective'
import type { Change, TrainingOptions } from './options'
import type { SavedRun } from './saved-run'

type Facts = Readonly<Record<string, unknown>>

const textOf = (value: unknown): string => JSON.stringify(toJson(value ?? null))

const isDigest = (value: unknown): boolean =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/**
 * Throws `ERR_ARGUMENT` when a run is resumed with other data or another model than it began with. What earlier
 * versions did not write down is not compared.
 */
export function checkIdentity(saved: Facts, own: Facts): void {
  for (const [name, value] of Object.entries(own)) {
    if (saved[name] === undefined || textOf(saved[name]) === textOf(value)) continue
    const [before, now] = [saved[name], value].map(textOf)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[resume] ${name}: ` +
        (isDigest(saved[name])
          ? 'expected the same as the checkpoint was made with, got another'
          : `the checkpoint was made with ${before}, got ${now}`),
    )
  }
}

/** Throws `ERR_ARGUMENT` where a rank, number `rank`, does otherwise than the first. */
export function checkAlike(first: Facts, other: Facts, rank: number): void {
  for (const name of new Set([...Object.keys(first), ...Object.keys(other)])) {
    const [own, theirs] = [first[name], other[name]].map(textOf)
    if (own === theirs) continue
    const told = isDigest(first[name])
      ? 'is not the same on'
      : `is ${own} on rank 0 and ${theirs} on`
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[fit] parallel: ${name} ${told} rank ${rank}; expected the same data and options on all ranks`,
      { details: { rank, name } },
    )
  }
}

/** What of an optimizer makes up the state it keeps. */
export function stateOf({
  kind,
  hyperparameters: { momentum, centered },
}: Pick<OptimizerMeta, 'kind' | 'hyperparameters'>): string {
  return kind + (momentum > 0 ? ' with momentum' : '') + (centered ? ', centered' : '')
}

/** What a resumed run may do otherwise than its beginning; null: not given. `ranks`: how many share its batches. */
export function settingsOf(
  options: TrainingOptions & { perStep: number },
  { hyperparameters, device }: Optimizer,
  schedule: Schedule,
  { validation, settings: own }: Pick<Objective<never, never>, 'validation' | 'settings'>,
  ranks: number,
): Facts {
  const { clipNorm, l1, l2, prune, average, groups, epochs, maxSteps, maxSeconds, perStep } =
    options
  const { evaluateEvery, patience, checkpointEvery } = options
  const { clipValue, gradientNoise, gradientNoiseDecay } = options
  const { name, options: given } = schedule.toJSON()
  const settings = {
    ...{ epochs, maxSteps, maxSeconds, evaluateEvery, patience, checkpointEvery },
    ...{ clipNorm, l1, l2, prune: prune?.toJSON(), average, groups: groupsInWords(groups) },
    ...{ clipValue, gradientNoise, gradientNoiseDecay },
    ...{ accumulate: perStep, ...hyperparameters, ...own },
    ...{ schedule: { name, ...given }, device, validation, ranks },
  }
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]: [string, unknown]) => [name, value ?? null]),
  )
}

/** Settings that differ, of those that both know. */
export const changesOf = (saved: Facts, own: Facts): Change[] =>
  Object.entries(own)
    .filter(([name, value]) => saved[name] !== undefined && textOf(saved[name]) !== textOf(value))
    .map(([name, to]) => ({ name, from: saved[name], to }))

/** For a run that goes on with other validation data: losses over the two mean nothing to each other. */
export function forgetLosses(run: SavedRun): void {
  const { progress, schedule } = run
  Object.assign(progress, { best: null, least: null, stale: 0 })
  const { best: _, ...state } = schedule.state ?? {}
  if (schedule.state) run.schedule = { ...schedule, state: { ...state, bad: 0 } }
}
