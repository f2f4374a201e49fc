export { asRead, checkCopying, copiesOf, type Copies } from './copying'
export { evaluationWindows, type EvaluationWindow } from './evaluation'
export { ALONE, isDealt, shared, shareOf, type Feed, type Portion, type Share } from './feed'
export { PairBatches } from './pair-batches'
export { padPairs } from './pair-padding'
export {
  encodeSource,
  encodeSources,
  layOut,
  layOutSources,
  PairSet,
  readPairs,
  tokensOf,
  type EncodedSource,
  type Pair,
  type PairBatch,
  type PairOptions,
  type Sequences,
  type Source,
  type SourceBatch,
  type SourceOptions,
} from './pairs'
export type { VectorSequence } from './vectors'
export { IGNORED, TokenStreams, type Window } from './streams'
