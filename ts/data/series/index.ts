export { calendarAt, CALENDAR, PER_FEATURE, type CalendarFeature } from './calendar'
export { frequencyText, parseFrequency, usualSeason, type Frequency } from './frequency'
export {
  readSeries,
  type Series,
  type SeriesFormat,
  type SeriesRow,
  type SeriesRows,
  type SeriesSet,
} from './series'
export { lastOrigins, originsIn, splitByTime, stepFrom } from './splits'
export type { Origin, OriginsOptions, Shares, Splits } from './splits'
