export { Attention } from './attention'
export type { AttentionForwardOptions, AttentionKind, AttentionOptions } from './attention'
export { AttentionDecoder } from './decoder'
export type { AttentionDecoderOptions, DecoderForwardOptions, Feeding } from './decoder'
export { Module } from './module'
export type { HostTensor, LoadOptions, LoadReport, StateDict } from './module'
export { Dropout, Embedding, LayerNorm, Linear } from './layers'
export type {
  EmbeddingLayerOptions,
  LayerNormLayerOptions,
  LayerOptions,
  LinearOptions,
} from './layers'
export { PositionEmbedding } from './positions'
export type { PositionEmbeddingOptions, PositionForwardOptions, PositionKind } from './positions'
export type { GRUVariant, LSTMVariant, PeepholeGate } from './variant'
export { AdaptiveSoftmax } from './adaptive-softmax'
export type { AdaptiveLossesOptions, AdaptiveSoftmaxOptions } from './adaptive-softmax'
export { SampledSoftmax, type SampledSoftmaxOptions } from './sampled-softmax'
export { CRF, type AllowedTags, type CRFOptions, type CRFScores } from './crf'
export { GRU, LSTM, RNN } from './recurrent'
export type { GRUOptions, LSTMOptions, RNNOptions } from './recurrent'
export { Recurrent, type ForwardOptions, type RecurrentOptions } from './recurrent-stack'
export { AttentionPooling, type AttentionPoolingOptions } from './pooling'
export { Sequential, type SequentialOptions, type Step } from './sequential'
export { RandomContext, type RandomState } from './random'
export * as init from './init'
export type { InitSource } from './init-source'
export * as penalties from './penalties'
export type { PenaltyOptions } from './penalties'
export type { InitSpec } from '../init-spec'
export type { ThresholdGate, ThresholdsSpec } from '../thresholds'
export type { ZoneoutSpec } from '../zoneout'
export type {
  AttentionResult,
  DecoderResult,
  DecoderState,
  RecurrentResult,
  RecurrentState,
} from '../ops'
export { Parameter } from '../tensor'
