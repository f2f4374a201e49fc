export { Run, type RunContext } from './run'
export type { TrainingEvent, TrainingOptions, TrainingResult, ValidationEvent } from './options'
