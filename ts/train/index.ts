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
export * as scheduledSampling from '../models/seq2seq/scheduled-sampling'
export type {
  SamplingSchedule,
  SamplingScheduleJSON,
  SamplingScheduleName,
} from '../models/seq2seq/scheduled-sampling'
