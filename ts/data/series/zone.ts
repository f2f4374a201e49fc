/** Clocks of a time zone: what they show at a moment, and which moment they show. */
import { RnnativeError } from '../../errors'
import { MINUTE } from './stamps'

export class Zone {
  private readonly format: Intl.DateTimeFormat

  /** `ERR_ARGUMENT` for a name that is none of the IANA's. */
  constructor(readonly name: string) {
    try {
      this.format = new Intl.DateTimeFormat('en-US', {
        ...{ timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
        ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
      })
    } catch {
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[forecaster] timeZone: expected a name such as Europe/Berlin, got ${JSON.stringify(name)}`,
      )
    }
  }

  /** Minutes east of UTC at a moment. */
  offsetAt(instant: number): number {
    const of: Record<string, number> = {}
    for (const { type, value } of this.format.formatToParts(instant)) of[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = of
    const wall = Date.UTC(year, month - 1, day, hour, minute, second)
    return Math.round((wall - Math.floor(instant / 1000) * 1000) / MINUTE)
  }

  /** The offset of a wall time; where clocks show it twice, the first after `before`, a moment, that does. */
  offsetOf(wall: number, before: number): number {
    const guess = this.offsetAt(wall - this.offsetAt(wall) * MINUTE)
    const candidates = [wall - 1440 * MINUTE, wall + 1440 * MINUTE]
      .map((near) => this.offsetAt(near - guess * MINUTE))
      .filter((offset) => this.offsetAt(wall - offset * MINUTE) === offset)
      .sort((a, b) => b - a) // the larger offset comes first in time
    return (
      candidates.find((offset) => wall - offset * MINUTE > before) ?? candidates.at(-1) ?? guess
    )
  }
}
