export { bleu, type BleuOptions, type BleuScore } from './bleu'
export { chrf, type ChrfOptions } from './chrf'
export {
  classification,
  type ClassificationOptions,
  type ClassificationScore,
  type ClassScore,
  type Labels,
} from './classification'
export type { CorpusScore, References } from './corpus'
export {
  logLoss,
  prArea,
  prCurve,
  ranking,
  rocArea,
  rocCurve,
  type Curve,
  type RankingScore,
  type Scores,
} from './curves'
export { distinct } from './distinct'
export { entityScore } from './entities'
export type { EntityOptions, EntityRates, EntityScore } from './entities'
export { rankCorrelation } from './rank-correlation'
export { exactMatch, type ExactMatchScore } from './exact-match'
export { coverage, forecastScore, mase, weightedQuantileLoss, type ForecastScore } from './forecast'
export { drift, naive, seasonalNaive } from './naive'
export { languageScore, type LanguageScore } from './language'
export { measure, type Measures } from './measure'
export { rouge, type RougeOptions, type RougeRates, type RougeScore } from './rouge'
export { ter, type TerScore } from './ter'
export { editDistance, tokenErrorRate, type TokenErrorRate } from './token-error-rate'
export { looseSpans, strictSpans, tagsOf } from './spans'
export type { Span, TagScheme } from './spans'
