export type { GenerateOptions } from '../decode/sampler'
export type { SaveOptions } from './model'
export { LanguageModel, type LanguageFitOptions, type LanguageModelOptions } from './language/model'
export { TextClassifier } from './classifier/model'
export type {
  ClassifierFitOptions,
  ClassifierPredictOptions,
  TextClassifierOptions,
} from './classifier/model'
export type { Pretrained } from './classifier/pretrained'
export type { WordVectors } from './parts/word-vectors'
export type { ClassifierScore } from './classifier/evaluation'
export type { Fields } from './classifier/examples'
export type { ClassifierTaskName, ClassWeights, DocumentMerge, Pooling } from './classifier/options'
export type { Prediction } from './classifier/prediction'
export type { ReadingOptions } from './classifier/reading'
export type { CellName } from './parts/recurrent-options'
export {
  Seq2Seq,
  type PairScore,
  type Seq2SeqFitOptions,
  type Seq2SeqModelOptions,
  type Seq2SeqScore,
} from './seq2seq/model'
export { Seq2SeqEnsemble } from './seq2seq/ensemble'
export type { BridgeKind, EncoderOptions, Seq2SeqOptions, TiedEmbeddings } from './seq2seq/options'
export type { Candidate, Translation } from './seq2seq/candidate'
export type { SampleTextOptions, StreamOptions, TranslateOptions } from './seq2seq/translate'
export * as scheduledSampling from './seq2seq/scheduled-sampling'
export type {
  SamplingSchedule,
  SamplingScheduleJSON,
  SamplingScheduleName,
} from './seq2seq/scheduled-sampling'
export {
  Autoencoder,
  type AutoencoderFitOptions,
  type AutoencoderOptions,
} from './autoencoder/model'
export type { AutoencoderTask } from './autoencoder/options'
export {
  Dialogue,
  type DialogueFitOptions,
  type DialogueOptions,
  type DialogueTokens,
  type ReplyOptions,
} from './dialogue/model'
export {
  AbstractiveSummariser,
  type AbstractiveEvaluateOptions,
  type AbstractiveOptions,
  type AbstractiveFitOptions,
  type AbstractiveSummarizeOptions,
  type AbstractiveSummary,
  type AbstractiveTokens,
} from './abstractive/model'
export { loadSummarizer } from './load-summarizer'
export { loadPretrained, type PretrainedModel } from './load-pretrained'
export {
  NgramModel,
  type NgramFitResult,
  type NgramModelOptions,
  type NgramScore,
} from './ngram/model'
export type { NgramSampleOptions, NgramSamples } from './ngram/sample'
export { Interpolated, type TokenModel } from './interpolated'
export {
  Forecaster,
  type ForecasterEvaluateOptions,
  type ForecasterFitOptions,
  type ForecasterOptions,
  type ForecastingOptions,
  type ForecastPredictOptions,
} from './forecaster/model'
export type { SeriesForecast } from './forecaster/shown'
export type { Errors, ForecasterScore, LevelScore } from './forecaster/score'
export type { Distribution, ForecasterModel } from './forecaster/options'
export {
  SequenceTagger,
  type SequenceTaggerFitOptions,
  type SequenceTaggerOptions,
  type VocabularyOptions,
  type Sentences,
  type TaggerScore,
} from './tagger/model'
export type { Entity, TaggedText } from './tagger/tag'
export type { TaggerVocabulary } from './tagger/vocabulary'
export { Embeddings, type EmbeddingFitOptions } from './embeddings/model'
export type { EmbeddingModel, EmbeddingOptions } from './embeddings/options'
export {
  Doc2Vec,
  type Doc2VecResult,
  type InferOptions,
  type NearDocument,
} from './embeddings/doc2vec'
export type { Doc2VecOptions } from './embeddings/doc-options'
export {
  FastTextClassifier,
  type FastTextFitOptions,
  type FastTextPrediction,
  type FastTextPredictOptions,
  type FastTextResult,
} from './embeddings/classifier'
export type { FastTextOptions } from './embeddings/classifier-options'
export type { Sentence, TextSource } from './embeddings/source'
export type { EmbeddingEvent, EmbeddingResult } from './embeddings/train'
export { rescore, type RescoringTerm } from './rescore'
export { MaxEnt } from './baselines/max-ent'
export { NaiveBayes } from './baselines/naive-bayes'
export { TfIdf, type Keyword, type KeywordOptions } from './baselines/tf-idf'
export { Vote, type VoteOptions, type Voter } from './baselines/vote'
export type { MaxEntOptions, NaiveBayesOptions, TfIdfOptions } from './baselines/options'
export type { BaselinePrediction, BaselineScore } from './parts/prediction'
export type { Sparse } from './parts/sparse'
export type {
  BaselineFit,
  BaselineFitOptions,
  BaselinePredictOptions,
} from './baselines/classifier'
export { loadClassifier, type Classifier, type LoadClassifierOptions } from './load-classifier'
export {
  Summariser,
  type SummariserEvaluateOptions,
  type SummariserFitOptions,
  type SummariserModelOptions,
  type SummariserReadingOptions,
} from './summariser/model'
export { summarize, type SummarizeOptions, type SummaryOptions } from './summariser/summarize'
export type { ChosenSentence, Summary, SummaryDocument } from './summariser/documents'
export type { RankMethod } from './summariser/rank'
