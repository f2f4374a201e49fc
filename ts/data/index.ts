export { evaluationWindows } from './evaluation'
export { PairBatches } from './pair-batches'
export {
  encodeSource,
  layOut,
  PairSet,
  readPairs,
  type Pair,
  type PairBatch,
  type PairOptions,
  type Sequences,
  type SourceOptions,
} from './pairs'
export { IGNORED, TokenStreams, type Window } from './streams'
