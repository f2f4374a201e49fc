/** Features of a place in the calendar: each is where in its circle a time is, as a sine and a cosine. */
import { DAY, HOUR } from './stamps'

const yearStart = (at: Date): number => Date.UTC(at.getUTCFullYear(), 0, 1)

/** In [0, 1). */
const PHASES = {
  minute: (wall: number) => (((wall % HOUR) + HOUR) % HOUR) / HOUR,
  hour: (wall: number) => (((wall % DAY) + DAY) % DAY) / DAY,
  weekday: (wall: number) => ((new Date(wall).getUTCDay() + 6) % 7) / 7,
  day: (wall: number) => {
    const at = new Date(wall)
    const days = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate()
    return (at.getUTCDate() - 1) / days
  },
  week: (wall: number) => (wall - yearStart(new Date(wall))) / (366 * DAY),
  month: (wall: number) => new Date(wall).getUTCMonth() / 12,
  quarter: (wall: number) => Math.floor(new Date(wall).getUTCMonth() / 3) / 4,
} as const

export const CALENDAR = Object.keys(PHASES) as readonly CalendarFeature[]
export type CalendarFeature = keyof typeof PHASES

/** Numbers that a feature makes. */
export const PER_FEATURE = 2

/** sin and cos of a feature at a wall time. */
export function calendarAt(feature: CalendarFeature, wall: number): [number, number] {
  const angle = 2 * Math.PI * PHASES[feature](wall)
  return [Math.sin(angle), Math.cos(angle)]
}
