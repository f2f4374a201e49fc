export { adagrad, adam, adamw, create, rmsprop, sgd } from './factories'
export type {
  AdagradOptions,
  AdamOptions,
  OptimizerSpec,
  RmspropOptions,
  SgdOptions,
} from './factories'
export * as average from './average'
export type {
  AverageName,
  AverageSpec,
  AsgdOptions,
  EmaOptions,
  NtAsgdOptions,
  SwaOptions,
} from './average'
export { Optimizer } from './optimizer'
export type { OptimizerMeta, OptimizerState, StepOptions } from './optimizer'
export { prune } from './prune'
export type { Pruning } from './prune'
export type { PruneOptions, PruneSettings } from './prune-options'
export type { PruneProgress, Pruner, PruneSchedule } from './pruner'
export type * from './types'
export * as schedule from './schedule'
export type { Progress, Schedule, ScheduleJSON } from './schedule'
