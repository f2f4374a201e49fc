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

export interface Asked {
  translate: Ask<Source, Alone<TranslateOptions> & Lengths, Translation>
  sample: Ask<Source | readonly string[], Alone<SampleTextOptions> & Lengths, Translation>
  chat: Ask<Texts, Alone<ReplyOptions> & Lengths, Translation>
  generate: Ask<string, Alone<GenerateOptions>, { text: string }>
  score: Ask<string, object, number>
  classify: Ask<Texts, Alone<BaselinePredictOptions>, Prediction & Partial<BaselinePrediction>>
  tag: Ask<Texts, object, TaggedText>
  forecast: Ask<readonly SeriesRow[], Alone<ForecastPredictOptions>, SeriesForecast[]>
  summarize: Ask<SummaryDocument, Alone<SummaryOptions>, Summary>
  /** Null of a word that is not known. */
  embed: Ask<Source, Alone<InferOptions>, Float32Array | null>
  nearest: Ask<string, Alone<NearestOptions>, Neighbour[]>
  keywords: Ask<string, KeywordOptions, Keyword[]>
}
