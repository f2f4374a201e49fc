export { Trainer, type TrainerFitOptions, type TrainerOptions } from './trainer'
export type { Feed, Portion, Share } from './feed'
export type { LossResult, ModuleTask } from './module-objective'
export type { Measure } from './objective'
export type { Total, Totals } from './totals'
export { Run, type RunContext } from './run'
export type {
  Change,
  Outcome,
  RunPlan,
  TokenEvent,
  TokenResult,
  TrainingEvent,
  TrainingOptions,
  TrainingResult,
  ValidationEvent,
  Watch,
  Watcher,
} from './options'
