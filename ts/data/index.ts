export { evaluationWindows, type EvaluationWindow } from './evaluation'
export type { Feed, Portion } from './feed'
export { PairBatches } from './pair-batches'
export { padPairs } from './pair-padding'
export {
  encodeSource,
  encodeSources,
  layOut,
  PairSet,
  readPairs,
  tokensOf,
  type Pair,
  type PairBatch,
  type PairOptions,
  type Sequences,
  type SourceOptions,
} from './pairs'
export { IGNORED, TokenStreams, type Window } from './streams'
