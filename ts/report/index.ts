export { renderReport, writeReport, type Report } from './report'
export type { CurvePoint, Curves } from './chart'
