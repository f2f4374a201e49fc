export { drawAttention, type AttentionMap } from './attention'
export type { CurvePoint, Curves } from './chart'
export {
  renderClassification,
  writeClassification,
  type ClassificationReport,
  type ClassifiedText,
} from './classification'
export { drawGradientFlow } from './flow-chart'
export { drawForecast, type ForecastDrawing } from './forecast'
export { gradientFlow, type GradientFlow, type HasLoss } from './gradient-flow'
export { drawMap, type MapPoint } from './map'
export { writeFigures, type Figure } from './page'
export { pca, type Projection } from './pca'
export { tsne, type TsneOptions } from './tsne'
export { renderReport, writeReport, type Report } from './report'
export { drawSentences, type SentenceMap } from './sentences'
