export { Run, type RunContext } from './run'
export type { TrainingEvent, TrainingOptions, TrainingResult, ValidationEvent } from './options'
export * as scheduledSampling from '../models/seq2seq/scheduled-sampling'
export type {
  SamplingSchedule,
  SamplingScheduleJSON,
  SamplingScheduleName,
} from '../models/seq2seq/scheduled-sampling'
