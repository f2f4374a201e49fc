/** Windows of series as batches: numbers for the device, laid out as each kind of model reads them. */
import type { Origin } from '../../data/series'
import type { StepInput } from '../../train/objective'
import type { Frame } from './frames'
import { normed, normOf, type Norm, type NormOptions } from './norm'
import type { ForecasterNetworkOptions } from './options'

/** By name, in the order that they go to the device. */
export type WindowInputs = Readonly<Record<string, StepInput>>

export interface WindowBatch {
  origins: readonly Origin[]
  inputs: WindowInputs
  /** Of each window and target, window-major. */
  norms: readonly Norm[]
  /** Targets that are observed. */
  count: number
  /** Whether all windows were observed at every step, so that none is shorter than another. */
  whole: boolean
}

export interface LayoutOptions extends NormOptions {
  segment: number
  targets: number
}

export const layoutOptions = (
  options: ForecasterNetworkOptions,
  season: number,
): LayoutOptions => ({ ...options, targets: options.targets.length, season })

/** The number of a series' category, whose first is that of the frame's place among its series. */
const categoriesOf = (frames: readonly Frame[]): number => frames[0]?.series.categories.length ?? 0

const observed = ({ targets }: Frame, step: number): boolean =>
  step >= 0 && targets.some((values) => !Number.isNaN(values[step] ?? NaN))

/** Where in targets, and in what the network gives, a step of a window's target is. */
export function placeOf(
  { model, horizon, targets, segment, context }: LayoutOptions,
  rows: number,
): (row: number, h: number, target: number) => number {
  const all = rows * targets
  switch (model) {
    case 'direct':
      return (row, h, target) => (row * horizon + h) * targets + target
    case 'seq2seq':
      return (row, h, target) => h * all + row * targets + target
    case 'segments':
      return (row, h, target) =>
        (Math.floor(h / segment) * all + row * targets + target) * segment + (h % segment)
    case 'deepar':
      return (row, h, target) => (context - 1 + h) * all + row * targets + target
  }
}

/** A batch of these windows. `learn`: with targets. */
export function assemble(
  frames: readonly Frame[],
  origins: readonly Origin[],
  options: LayoutOptions,
  learn: boolean,
): WindowBatch {
  const windows = origins.map(({ series, step }) => ({ frame: frames[series] as Frame, step }))
  const norms = windows.flatMap(({ frame, step }) =>
    frame.targets.map((_, target) => normOf(frame, target, step, options)),
  )
  const made = { direct: steps, seq2seq: steps, segments, deepar: chain }[options.model]
  const { inputs, whole } = made(windows, norms, options, learn)
  const ids = categories(windows, options, categoriesOf(frames))
  const { learned, count } = learn ? targetsOf(windows, norms, options) : { learned: {}, count: 0 }
  return { origins, inputs: { ...inputs, ...ids, ...learned }, norms, count, whole }
}

interface WindowAt {
  frame: Frame
  step: number
}

type Layout = (
  windows: readonly WindowAt[],
  norms: readonly Norm[],
  options: LayoutOptions,
  learn: boolean,
) => { inputs: WindowInputs; whole: boolean }

const valueOf = (values: Float32Array, step: number, { level, scale }: Norm): number => {
  const value = values[step] ?? NaN
  return Number.isNaN(value) ? 0 : (value - level) / scale
}

/**
 * For a network that reads all targets step by step: [context, rows, features], of each target its value and whether
 * it was observed. Steps at which nothing was are left out: they change no state.
 */
const steps: Layout = (windows, norms, { model, context, horizon, targets }) => {
  const rows = windows.length
  const [first] = windows
  const [past, known] = [first?.frame.past.length ?? 0, first?.frame.known.length ?? 0]
  const features = 2 * targets + past + known
  const x = new Float32Array(context * rows * features)
  const lengths = new Int32Array(rows)
  windows.forEach(({ frame, step: origin }, row) => {
    let length = 0
    for (let step = origin - context; step < origin; ++step) {
      if (!observed(frame, step)) continue
      let at = (length++ * rows + row) * features
      frame.targets.forEach((values, target) => {
        x[at++] = valueOf(values, step, norms[row * targets + target] as Norm)
        x[at++] = Number.isNaN(values[step]) ? 0 : 1
      })
      for (const values of frame.past) x[at++] = values[step] as number
      for (const values of frame.known) x[at++] = values[step] as number
    }
    lengths[row] = length
  })
  const whole = lengths.every((length) => length === context)
  const ended: WindowInputs = whole ? {} : { lengths: { shape: [rows], data: lengths } }
  const past_ = { shape: [context, rows, features], data: x }
  return { inputs: { past: past_, ...ended, ...ahead() }, whole }

  function ahead(): WindowInputs {
    if (model === 'direct') {
      if (known === 0) return {}
      const data = new Float32Array(rows * horizon * known)
      fillAhead(data, (row, h) => (row * horizon + h) * known)
      return { future: { shape: [rows, horizon * known], data } }
    }
    // A decoder is told how far it is, if nothing else.
    const data = new Float32Array(horizon * rows * (known + 1))
    fillAhead(data, (row, h) => (h * rows + row) * (known + 1) + 1)
    for (let h = 0; h < horizon; ++h)
      for (let row = 0; row < rows; ++row) data[(h * rows + row) * (known + 1)] = (h + 1) / horizon
    return { future: { shape: [horizon, rows, known + 1], data } }
  }

  function fillAhead(data: Float32Array, place: (row: number, h: number) => number): void {
    windows.forEach(({ frame, step }, row) => {
      for (let h = 0; h < horizon; ++h)
        frame.known.forEach((values, i) => (data[place(row, h) + i] = values[step + h] as number))
    })
  }
}

/** For segments: [segments, rows * targets, segment * channels]; what is missing is 0, as it were left out of a sum. */
const segments: Layout = (windows, norms, { context, horizon, segment, targets }) => {
  const rows = windows.length * targets
  const [first] = windows
  const [past, known] = [first?.frame.past.length ?? 0, first?.frame.known.length ?? 0]
  const width = segment * (1 + past + known)
  const x = new Float32Array((context / segment) * rows * width)
  const pieces = horizon / segment
  const queries = new Int32Array(pieces * rows)
  const future = new Float32Array(known === 0 ? 0 : pieces * rows * segment * known)
  windows.forEach(({ frame, step: origin }, window) => {
    frame.targets.forEach((values, target) => {
      const row = window * targets + target
      const { level, scale } = norms[row] as Norm
      for (let i = 0; i < context; ++i) {
        const at = (Math.floor(i / segment) * rows + row) * width + (i % segment)
        const step = origin - context + i
        const value = values[step] ?? NaN
        x[at] = Number.isNaN(value) ? 0 : (value - level) / scale
        if (step < 0) continue
        frame.past.forEach((of, j) => (x[at + (1 + j) * segment] = of[step] as number))
        frame.known.forEach((of, j) => (x[at + (1 + past + j) * segment] = of[step] as number))
      }
      for (let piece = 0; piece < pieces; ++piece)
        queries[piece * rows + row] = piece * targets + target
      frame.known.forEach((of, j) => {
        for (let h = 0; h < horizon; ++h) {
          const at = (Math.floor(h / segment) * rows + row) * segment * known
          future[at + j * segment + (h % segment)] = of[origin + h] as number
        }
      })
    })
  })
  const ahead: WindowInputs =
    known === 0 ? {} : { future: { shape: [1, pieces * rows, segment * known], data: future } }
  return {
    inputs: {
      past: { shape: [context / segment, rows, width], data: x },
      queries: { shape: [1, pieces * rows], data: queries },
      ...ahead,
    },
    whole: true,
  }
}

/**
 * For a chain, each step of which is told the value before it: [steps, rows * targets, 1 + known]. Learned are all
 * steps but the first of the context, and the horizon; else it is the context alone. Steps that were not observed are
 * left out.
 */
const chain: Layout = (windows, norms, { context, horizon, targets }, learn) => {
  const rows = windows.length * targets
  const known = windows[0]?.frame.known.length ?? 0
  const features = 1 + known
  const length = context - 1 + (learn ? horizon : 0)
  const x = new Float32Array(length * rows * features)
  const last = new Float32Array(rows)
  const future = new Float32Array(horizon * rows * known)
  windows.forEach(({ frame, step: origin }, window) => {
    frame.targets.forEach((values, target) => {
      const row = window * targets + target
      const norm = norms[row] as Norm
      let before = 0
      for (let i = 0; i <= length; ++i) {
        const step = origin - context + i
        if (i > 0) {
          const at = ((i - 1) * rows + row) * features
          x[at] = before
          frame.known.forEach((of, j) => (x[at + 1 + j] = of[step] ?? 0))
        }
        const value = values[step] ?? NaN
        if (!Number.isNaN(value)) before = (value - norm.level) / norm.scale
        if (i === context - 1) last[row] = before
      }
      for (let h = 0; h < horizon; ++h)
        frame.known.forEach((of, j) => (future[(h * rows + row) * known + j] = of[origin + h] ?? 0))
    })
  })
  const scale = Float32Array.from(norms, (norm) => norm.scale)
  return {
    inputs: {
      past: { shape: [length, rows, features], data: x },
      scale: { shape: [rows, 1], data: scale },
      ...(!learn && { last: { shape: [1, rows, 1], data: last } }),
      ...(!learn && known > 0 && { future: { shape: [horizon, rows, known], data: future } }),
    },
    whole: true,
  }
}

/** Of each row the number of each category, and for a chain of several targets which one it is of. */
function categories(
  windows: readonly WindowAt[],
  { model, targets }: LayoutOptions,
  count: number,
): WindowInputs {
  const apart = model === 'segments' || model === 'deepar' ? targets : 1
  const which = model === 'deepar' && targets > 1
  const width = count + (which ? 1 : 0)
  if (width === 0) return {}
  const rows = windows.length * apart
  const data = new Int32Array(width * rows)
  windows.forEach(({ frame }, window) => {
    for (let target = 0; target < apart; ++target) {
      const row = window * apart + target
      frame.series.categories.forEach((id, i) => (data[i * rows + row] = id))
      if (which) data[count * rows + row] = target
    }
  })
  return { categories: { shape: [width, rows], data } }
}

function targetsOf(
  windows: readonly WindowAt[],
  norms: readonly Norm[],
  options: LayoutOptions,
): { learned: WindowInputs; count: number } {
  const { model, context, horizon, targets } = options
  const before = model === 'deepar' ? context - 1 : 0
  const size = windows.length * targets * (horizon + before)
  const place = placeOf(options, windows.length)
  const counts = model === 'deepar' && options.distribution === 'negative-binomial'
  const data = new Float32Array(size)
  const weights = new Float32Array(size)
  let count = 0
  windows.forEach(({ frame, step }, row) => {
    frame.targets.forEach((values, target) => {
      const norm = norms[row * targets + target] as Norm
      for (let h = -before; h < horizon; ++h) {
        const value = values[step + h] ?? NaN
        if (Number.isNaN(value)) continue
        const at = place(row, h, target)
        data[at] = counts ? value : normed(norm, value, h)
        weights[at] = 1
        ++count
      }
    })
  })
  const shape = [size, 1]
  return { learned: { targets: { shape, data }, weights: { shape, data: weights } }, count }
}
