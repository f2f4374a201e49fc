export { Run, type RunContext } from './run'
export type {
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
