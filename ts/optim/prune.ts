/**
 * Pruning by magnitude to a schedule (Zhu & Gupta 2017): now and then the smallest weights become zero for good,
 * many in the beginning, when there is much to spare, and fewer towards the end.
 */
import type { Optimizer } from './optimizer'
import { pruneSchema, type PruneOptions, type PruneSettings } from './prune-options'
import { Pruner, type PruneProgress, type PruneSchedule } from './pruner'

/** When and how much is pruned, not yet bound to an optimizer. JSON-serialisable but for a function as pattern. */
export interface Pruning extends PruneSchedule {
  /** What prunes that optimizer's parameters. */
  bind(optimizer: Optimizer): Pruner
  /** What a checkpoint has of it. */
  toJSON(): Record<string, unknown>
}

/** Of a run whose length alone is known: where pruning begins and ends. */
const MIDDLE = [0.25, 0.75] as const

/**
 * Prunes by magnitude, for `fit` or, by `bind`, in a loop of your own. The share follows
 * s_t = s_f + (s_i - s_f) (1 - (t - from) / (to - from))³. `ERR_ARGUMENT` for options that make no sense.
 */
export function prune(options: PruneOptions): Pruning {
  const settings = Object.freeze(pruneSchema.resolve(options)) as Readonly<PruneSettings>
  const { sparsity, initial, from = 0, to, every } = settings
  const gone = ({ step, fraction = 0 }: PruneProgress): number => {
    if (to === undefined) return (fraction - MIDDLE[0]) / (MIDDLE[1] - MIDDLE[0])
    return to > from ? (step - from) / (to - from) : step - from + 1
  }
  const pruning: Pruning = {
    settings,
    sparsityAt(progress) {
      const part = gone(progress)
      const left = (1 - Math.min(1, part)) ** 3
      return part < 0 ? null : sparsity * (1 - left) + initial * left
    },
    falls: (progress) =>
      (progress.step - from) % every === 0 || gone(progress) >= 1 || progress.step === to,
    bind: (optimizer) => new Pruner(pruning, optimizer),
    toJSON: () => ({ ...settings, parameters: String(settings.parameters) }),
  }
  return pruning
}
