export { adagrad, adam, adamw, create, rmsprop, sgd } from './factories'
export type {
  AdagradOptions,
  AdamOptions,
  OptimizerSpec,
  RmspropOptions,
  SgdOptions,
} from './factories'
export { Optimizer } from './optimizer'
export type { OptimizerMeta, OptimizerState, StepOptions } from './optimizer'
export type * from './types'
export * as schedule from './schedule'
export type { Progress, Schedule, ScheduleJSON } from './schedule'
