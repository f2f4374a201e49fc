export { Run, type RunContext } from './run'
export type { TrainingEvent, TrainingOptions, TrainingResult, ValidationEvent } from './options'
export * as scheduledSampling from './scheduled-sampling'
export type {
  SamplingSchedule,
  SamplingScheduleJSON,
  SamplingScheduleName,
} from './scheduled-sampling'
