/** A run's validations: of the averaged weights where there are such. */
import { RnnativeError } from '../errors'
import { ALONE } from '../data/feed'
import type { Averages } from './averages'
import type { Objective } from './objective'
import type { TrainingEvent, ValidationEvent } from './options'
import type { Ranks } from './ranks'
import { unlessStopped, type RunContext } from './run'
import type { Standing } from './standing'
import { figures, means, sumOf } from './totals'

/**
 * Validates. Only `regular` validations move the schedule and the patience: the one at the end of a
 * run that was cut short would not have happened in a longer run, which a resumed one must equal. Nor does a
 * loss that is not finite. Null without validation data, and when the run is asked to stop meanwhile: a resumed
 * run then begins with it. Ranks validate a share each.
 */
export async function validate(
  objective: Pick<Objective<never, never>, 'validate' | 'summary'>,
  standing: Standing,
  averages: Averages,
  context: RunContext<TrainingEvent>,
  regular: boolean,
  ranks: Ranks | null,
): Promise<ValidationEvent | null> {
  const { progress, schedule } = standing
  if (!objective.validate) return null
  const began = performance.now()
  progress.owed = regular
  if (context.stopping) return null
  const checkGoing = () => {
    if (context.stopping) throw new RnnativeError('ERR_ABORTED', '[fit] asked to stop')
  }
  const { validate, summary } = objective
  const own = await averages.within(() =>
    unlessStopped(validate.call(objective, checkGoing, ranks ?? ALONE), context),
  )
  if (own === null) return null
  const totals = ranks ? sumOf(await ranks.exchange('a validation', own)) : own
  progress.owed = false
  const loss = means(totals)['loss'] ?? NaN
  const measures = figures(totals, summary)
  const finite = Number.isFinite(loss)
  const best = finite && (progress.best === null || loss < progress.best.loss)
  if (regular && finite) {
    schedule.observe(loss)
    const better = progress.least === null || loss < progress.least
    progress.stale = better ? 0 : progress.stale + 1
    if (better) progress.least = loss
  }
  if (best) progress.best = { step: progress.step, loss }
  standing.validated = { step: progress.step, loss }
  const { count: averaged } = averages
  if (regular && finite) averages.observe(loss)
  const seconds = (performance.now() - began) / 1000
  return { loss, ...(measures && { measures }), ...(averaged > 0 && { averaged }), best, seconds }
}
