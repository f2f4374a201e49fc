/** Forecasts from origins: numbers in the user's scale. No gradients are recorded, and every batch is awaited. */
import type { Origin } from '../../data/series'
import type { RecurrentState } from '../../nn'
import * as ops from '../../ops'
import { noGrad, scope, tensor, type Tensor } from '../../tensor'
import { randomWords, streamKey } from '../../tensor/random'
import { withInputs } from '../../train/objective'
import { draw, parametersOf, type Uniform } from './distributions'
import type { Frame } from './frames'
import { middleOf } from './losses'
import type { ForecasterNetwork } from './network'
import { restored, type Norm } from './norm'
import type { ForecasterNetworkOptions } from './options'
import type { Scale } from './scales'
import { named } from './task'
import { assemble, placeOf, type LayoutOptions, type WindowBatch } from './windows'

/** What is forecast of a target of a window. */
export interface TargetForecast {
  /** Of each step: the mean of a chain's paths, the median of quantiles, else what the loss makes of it. */
  values: Float64Array
  /** By level, smaller first. */
  quantiles: Float64Array[]
  /** Paths that were drawn; empty but of a chain. */
  samples: Float64Array[]
}

export interface ForecastPlan {
  options: ForecasterNetworkOptions
  layout: LayoutOptions
  /** Levels of the quantiles. */
  levels: readonly number[]
  /** Paths of a chain. */
  paths: number
  seed: number
  checkGoing: () => void
}

/** Numbers of states that are in memory at once. */
const ROWS = 1 << 13

/** Windows to be forecast together. */
export const windowsAtOnce = ({ options, layout, paths }: ForecastPlan): number =>
  Math.max(
    1,
    Math.min(64, Math.floor(ROWS / (options.model === 'deepar' ? paths * layout.targets : 1))),
  )

const inUnits = (scale: Scale, norm: Norm, value: number, h: number): number =>
  restored(norm, value, h) * scale.deviation + scale.mean

/** Of each origin, by target. `numbers`: of each, for random numbers of its own. */
export async function forecastAll(
  network: ForecasterNetwork,
  frames: readonly Frame[],
  origins: readonly Origin[],
  numbers: readonly number[],
  plan: ForecastPlan,
): Promise<TargetForecast[][]> {
  const { options, layout, checkGoing } = plan
  checkGoing()
  const batch = assemble(frames, origins, layout, false)
  network.eval()
  const scaleOf = (row: number, target: number): Scale =>
    frames[origins[row]?.series ?? 0]?.scales.columns[target] as Scale
  return options.model === 'deepar'
    ? paths(network, batch, scaleOf, numbers, plan)
    : points(network, batch, scaleOf, plan)
}

type ScaleOf = (row: number, target: number) => Scale

async function points(
  network: ForecasterNetwork,
  batch: WindowBatch,
  scaleOf: ScaleOf,
  { options, layout, levels }: ForecastPlan,
): Promise<TargetForecast[][]> {
  const { horizon, targets } = layout
  const made = withInputs(Object.values(batch.inputs), network.head.weight.device, (given) =>
    scope(() => noGrad(() => network.forward(named(batch, given)))),
  )
  const data = await made.data().finally(() => made.dispose())
  const outputs = options.loss === 'quantile' ? options.quantiles.length : 1
  const place = placeOf(layout, batch.origins.length)
  const middle = middleOf(options)
  return batch.origins.map((_, row) =>
    Array.from({ length: targets }, (_, target): TargetForecast => {
      const norm = batch.norms[row * targets + target] as Norm
      const scale = scaleOf(row, target)
      // Quantiles that cross are put in order.
      const all = Array.from({ length: horizon }, (_, h) => {
        const at = place(row, h, target) * outputs
        const own = Float64Array.from({ length: outputs }, (_, i) =>
          inUnits(scale, norm, data[at + i] as number, h),
        )
        return outputs > 1 ? own.sort() : own
      })
      return {
        values: Float64Array.from(all, (own) => own[middle] as number),
        quantiles: levels.map((level) =>
          Float64Array.from(all, (own) => between(options.quantiles, own, level)),
        ),
        samples: [],
      }
    }),
  )
}

/** The value at a level, on lines between those that were learned. */
function between(levels: readonly number[], values: ArrayLike<number>, level: number): number {
  const above = levels.findIndex((one) => one >= level)
  const high = values[above] as number
  if (levels[above] === level) return high
  const [from, to] = [levels[above - 1] as number, levels[above] as number]
  const low = values[above - 1] as number
  return low + ((high - low) * (level - from)) / (to - from)
}

/** Words of random bits that are made at once. */
const WORDS = 1 << 14

/** Uniform numbers of a stream. */
function uniformOf(seed: number, window: number): Uniform {
  const key = streamKey(seed, `forecast ${window}`)
  let words: Uint32Array = new Uint32Array(0)
  let [at, step] = [0, 0]
  return () => {
    if (at === words.length) {
      words = randomWords({ key, step: step++, sampleBase: 0 }, WORDS)
      at = 0
    }
    return (words[at++] as number) / 2 ** 32
  }
}

/** The state after the context, of each row as many times as it has paths, and rows' categories likewise. */
function begin(
  network: ForecasterNetwork,
  batch: WindowBatch,
  given: readonly Tensor[],
  count: number,
) {
  const inputs = named(batch, given)
  const past = inputs['past'] as Tensor
  const begun = network.begin(inputs)
  const after = past.shape[0] === 0 ? begun : network.rnn.forward(past, { state: begun }).state
  if (after === null) return {}
  const each = (x: Tensor): Tensor => {
    const [layers, rows, hidden] = x.shape as [number, number, number]
    const apart = ops.reshape(x, [layers, rows, 1, hidden])
    return ops.reshape(ops.concat(Array<Tensor>(count).fill(apart), 2), [
      layers,
      rows * count,
      hidden,
    ])
  }
  return { h: each(after.h), ...(after.c && { c: each(after.c) }) }
}

/** Draws paths step by step, each step told what was drawn before it. */
async function paths(
  network: ForecasterNetwork,
  batch: WindowBatch,
  scaleOf: ScaleOf,
  numbers: readonly number[],
  { options, layout, levels, paths: count, seed, checkGoing }: ForecastPlan,
): Promise<TargetForecast[][]> {
  const { horizon, targets } = layout
  const { distribution } = options
  const { device } = network.head.weight
  const rows = batch.norms.length
  const width = parametersOf(distribution)
  const future = batch.inputs['future']
  const known = future ? (future.shape[2] as number) : 0
  const uniforms = numbers.map((number) => uniformOf(seed, number))
  const drawn = Array.from({ length: rows * count }, () => new Float64Array(horizon))
  const x = new Float32Array(rows * count * (1 + known))
  const last = batch.inputs['last']?.data as Float32Array
  for (let row = 0; row < rows; ++row)
    for (let i = 0; i < count; ++i) x[(row * count + i) * (1 + known)] = last[row] as number
  let state: Partial<RecurrentState> = withInputs(Object.values(batch.inputs), device, (given) =>
    scope(() => noGrad(() => begin(network, batch, given, count))),
  )
  try {
    for (let h = 0; h < horizon; ++h) {
      checkGoing()
      if (future)
        for (let row = 0; row < rows; ++row)
          for (let j = 0; j < known; ++j) {
            const value = future.data[(h * rows + row) * known + j] as number
            for (let i = 0; i < count; ++i) x[(row * count + i) * (1 + known) + 1 + j] = value
          }
      const before = state
      const made = scope(() =>
        noGrad(() => {
          const given = tensor(x, [1, rows * count, 1 + known], { device })
          const start = before.h ? (before as RecurrentState) : null
          const { output, state } = network.rnn.forward(given, { state: start })
          return { state, parameters: network.head.forward(output) }
        }),
      )
      disposeAll(before)
      state = made.state
      const parameters = await made.parameters.data().finally(() => made.parameters.dispose())
      for (let at = 0; at < rows * count; ++at) {
        const row = Math.floor(at / count)
        const { scale } = batch.norms[row] as Norm
        const uniform = uniforms[Math.floor(row / targets)] as Uniform
        const value = draw(distribution, parameters, at * width, scale, uniform)
        ;(drawn[at] as Float64Array)[h] = value
        x[at * (1 + known)] = value
      }
    }
  } finally {
    disposeAll(state)
  }
  return batch.origins.map((_, window) =>
    Array.from({ length: targets }, (_, target) => {
      const row = window * targets + target
      const norm = batch.norms[row] as Norm
      const scale = scaleOf(window, target)
      const samples = drawn
        .slice(row * count, (row + 1) * count)
        .map((path) => path.map((value, h) => inUnits(scale, norm, value, h)))
      return summarise(samples, levels, horizon)
    }),
  )
}

function disposeAll({ h, c }: Partial<RecurrentState>): void {
  h?.dispose()
  c?.dispose()
}

function summarise(
  samples: Float64Array[],
  levels: readonly number[],
  horizon: number,
): TargetForecast {
  const values = new Float64Array(horizon)
  const quantiles = levels.map(() => new Float64Array(horizon))
  for (let h = 0; h < horizon; ++h) {
    const all = Float64Array.from(samples, (path) => path[h] as number).sort()
    values[h] = all.reduce((a, b) => a + b, 0) / all.length
    levels.forEach((level, i) => ((quantiles[i] as Float64Array)[h] = quantileOf(all, level)))
  }
  return { values, quantiles, samples }
}

/** Of numbers in order, on lines between them (Hyndman & Fan 1996, type 7). */
function quantileOf(sorted: Float64Array, level: number): number {
  const at = level * (sorted.length - 1)
  const low = Math.floor(at)
  const value = sorted[low] as number
  return value + (at - low) * ((sorted[Math.min(low + 1, sorted.length - 1)] as number) - value)
}
