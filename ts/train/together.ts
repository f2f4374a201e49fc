/** Where ranks meet in a run, beside the sums of {@link Steps}: before it, at each batch and after each step. */
import { expect, RnnativeError } from '../errors'
import type { Optimizer } from '../optim'
import type { Portion } from './feed'
import type { TrainingOptions } from './options'
import type { Ranks } from './ranks'
import type { RunContext } from './run'
import type { StepSums } from './step-sums'

/** What a step came to on a rank. */
export interface Made {
  sums: StepSums
  items: number
  /** By its clock. */
  seconds: number
  /** Whether it is asked to stop. */
  stops: boolean
}

/** A run that stops where all ranks have agreed to, and nowhere between. */
export const agreed = <E>(given: RunContext<E>, ranks: Ranks): RunContext<E> => ({
  emit: (event, important) => given.emit(event, important),
  get stopping() {
    return ranks.stopping
  },
  onStop: () => () => undefined,
})

/** Throws `ERR_ARGUMENT` for what ranks cannot do together, or do not do alike. */
export async function meet(
  ranks: Ranks,
  { device, hyperparameters }: Optimizer,
  { checkpoint, resume = false }: TrainingOptions,
  stops: boolean,
): Promise<void> {
  expect('fit', 'parallel', device !== 'cuda', 'none on cuda', device)
  expect('fit', 'optimizer', !hyperparameters.lazy, 'one that is not lazy with parallel', 'lazy')
  const own = { stops, writes: checkpoint !== undefined, resume }
  const all = await ranks.exchange('the beginning', own)
  const alike = all.every(({ writes, resume }) => writes === own.writes && resume === own.resume)
  expect('fit', 'checkpoint', alike, 'and resume as on the other ranks', checkpoint)
  ranks.stopping = all.some((one) => one.stops)
}

/** Throws `ERR_ARGUMENT` where ranks have not read the same batches. */
export async function agreeOn(ranks: Ranks, portions: readonly Portion<unknown>[]): Promise<void> {
  const shared = portions.every(({ within }) => within !== undefined)
  expect('fit', 'feed', shared, 'one that heeds the share it is given, with parallel', 'another')
  const rows = await ranks.exchange(
    'a batch',
    portions.map(({ within }) => within?.rows),
  )
  const told = (of: readonly unknown[] | undefined) =>
    of?.length === 0 ? 'none' : `one of ${of?.join(' and ')} rows`
  const other = rows.findIndex((own) => own.join() !== rows[0]?.join())
  if (other >= 0)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `[fit] parallel: batches are not the same on all ranks: rank 0 read ${told(rows[0])}, rank ${other} ` +
        `${told(rows[other])}; expected the same data in the same order`,
      { details: { rank: other } },
    )
}
