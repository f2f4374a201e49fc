/** What may be asked of a batcher, by verb: inputs, options and results are those of the families' own calls. */
import type { Source } from '../data'
import type { SeriesRow } from '../data/series'
import type { Neighbour, NearestOptions } from '../io/word-vectors'
import type {
  BaselinePrediction,
  BaselinePredictOptions,
  ForecastPredictOptions,
  GenerateOptions,
  InferOptions,
  Keyword,
  KeywordOptions,
  Prediction,
  ReplyOptions,
  SampleTextOptions,
  SeriesForecast,
  Summary,
  SummaryDocument,
  SummaryOptions,
  TaggedText,
  TranslateOptions,
  Translation,
} from '../models'

interface Ask<Input, Options, Result> {
  input: Input
  options: Options
  result: Result
}

/** Of each input alone, and what a batcher sees to itself. */
type Own = 'batch' | 'streams' | 'signal' | 'terms' | 'against' | 'groups' | 'diversity' | 'paths'
type Alone<Options> = Omit<Options, Own | 'prefix' | 'maxLength' | 'exclude' | 'lr'>
interface Lengths {
  prefix?: string | undefined
  maxLength?: number | undefined
}

/** A text or the list of texts that make up one input. */
type Texts = string | readonly string[]

/**
 * What a batcher answers, by the families that it is for. Inputs that come together are computed together.
 */
export interface Asked {
  /** Of a `Seq2Seq`. */
  translate: Ask<Source, Alone<TranslateOptions> & Lengths, Translation>
  /** Of a `Seq2Seq` or a `Dialogue`: a draw in place of the best. */
  sample: Ask<Source | readonly string[], Alone<SampleTextOptions> & Lengths, Translation>
  /** Of a `Dialogue`. */
  chat: Ask<Texts, Alone<ReplyOptions> & Lengths, Translation>
  /** Of a `LanguageModel`. */
  generate: Ask<string, Alone<GenerateOptions>, { text: string }>
  /** Of a language model: nats per token of a text. */
  score: Ask<string, object, number>
  /** Of a classifier. */
  classify: Ask<Texts, Alone<BaselinePredictOptions>, Prediction & Partial<BaselinePrediction>>
  /** Of a `SequenceTagger`. */
  tag: Ask<Texts, object, TaggedText>
  /** Of a `Forecaster`. */
  forecast: Ask<readonly SeriesRow[], Alone<ForecastPredictOptions>, SeriesForecast[]>
  /** Of a `Summariser`. */
  summarize: Ask<SummaryDocument, Alone<SummaryOptions>, Summary>
  /** Null of a word that is not known. */
  embed: Ask<Source, Alone<InferOptions>, Float32Array | null>
  /** Of `Embeddings`. */
  nearest: Ask<string, Alone<NearestOptions>, Neighbour[]>
  /** Of a `TfIdf`. */
  keywords: Ask<string, KeywordOptions, Keyword[]>
}
