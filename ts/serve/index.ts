export { batcher, type Batcher, type BatcherStats } from './batcher'
export type { BatcherOptions } from './options'
export type { Asked } from './asked'
export type { Servable } from './families'
