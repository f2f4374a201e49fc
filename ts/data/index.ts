export { asRead, checkCopying, copiesOf, type Copies } from './copying'
export { evaluationWindows, type EvaluationWindow } from './evaluation'
export { ALONE, isDealt, shared, shareOf, type Feed, type Portion, type Share } from './feed'
export { PairBatches } from './pair-batches'
export { padPairs } from './pair-padding'
export { readPairs } from './pair-lines'
export {
  encodeSource,
  encodeSources,
  layOut,
  layOutSources,
  tokensOf,
  type EncodedSource,
  type Sequences,
  type Source,
  type SourceBatch,
  type SourceOptions,
} from './pair-sources'
export { PairSet, type Pair, type PairBatch, type PairOptions } from './pairs'
export type { VectorSequence } from './vectors'
export { IGNORED, TokenStreams, type Window } from './streams'
