/** What a window's numbers are told from and divided by, as its context alone tells. */
import type { Frame } from './frames'
import type { ForecasterNetworkOptions } from './options'

export interface Norm {
  /** What is taken from inputs, and from targets unless `ahead` is there. */
  level: number
  scale: number
  /** What is taken from each target: a season before. */
  ahead: Float64Array | null
  /** The last number that was observed, in the frame's scale; NaN where none was. */
  last: number
}

export type NormOptions = Pick<
  ForecasterNetworkOptions,
  'context' | 'horizon' | 'scaling' | 'offset' | 'distribution' | 'model'
> & { season: number }

/** Of one target before a step. */
export function normOf(frame: Frame, target: number, origin: number, options: NormOptions): Norm {
  const { context, scaling, offset } = options
  const values = frame.targets[target] as Float32Array
  let [count, sum, magnitude, last] = [0, 0, 0, NaN]
  for (let step = Math.max(0, origin - context); step < origin; ++step) {
    const value = values[step] as number
    if (Number.isNaN(value)) continue
    ++count
    sum += value
    magnitude += Math.abs(value)
    last = value
  }
  const mean = count === 0 ? 0 : sum / count
  const level = offset === 'none' || count === 0 ? 0 : offset === 'mean' ? mean : last
  return {
    level,
    scale: scaling === 'window' ? widthOf(magnitude, count, options) : 1,
    ahead: aheadOf(),
    last,
  }

  function aheadOf(): Float64Array | null {
    if (offset !== 'season') return null
    const { season, horizon } = options
    return Float64Array.from({ length: horizon }, (_, h) => {
      const earliest = Math.max(0, origin - context)
      for (let step = origin - season + (h % season); step >= earliest; step -= season)
        if (!Number.isNaN(values[step] ?? NaN)) return values[step] as number
      return level
    })
  }
}

/** Counts are divided by one more, so that zeros have a width. */
function widthOf(magnitude: number, count: number, { model, distribution }: NormOptions): number {
  const mean = count === 0 ? 0 : magnitude / count
  if (model === 'deepar' && distribution === 'negative-binomial') return 1 + mean
  return mean > 0 ? mean : 1
}

/** A target as it is learned. */
export const normed = ({ level, scale, ahead }: Norm, value: number, h: number): number =>
  (value - (ahead ? (ahead[h] as number) : level)) / scale

/** The same inverted, into the frame's scale. */
export const restored = ({ level, scale, ahead }: Norm, value: number, h: number): number =>
  value * scale + (ahead ? (ahead[h] as number) : level)
