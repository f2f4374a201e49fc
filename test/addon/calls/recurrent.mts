import { native, type NativeAddon, type NativeTensor } from '#dist/native/index.js'
import type { RecurrentOptions } from '#dist/ops/cells.js'
import { CELLS, mayNorm, mayProject, slotsOf, STATES, type Cell } from '../../support/recurrent.mjs'
import type { Calls, Maker } from '../maker.mjs'

/** Of the parameters of a layer and direction, null where absent. */
export const slotShapes = (
  ...[cell, hidden, input, biased, state, norm]: [Cell, number, number, boolean, number?, boolean?]
) =>
  slotsOf(cell, hidden, input, state, norm).map(({ shape, required, absent }) =>
    !absent && (required || biased) ? shape : null,
  )

interface Recurrent {
  args: Parameters<NativeAddon['recurrent']>
  x: number[]
  /** Of h and c. */
  states: [number[], number[]]
  output: number[]
  /** Shapes of the parameters, null where absent. */
  parameters: (number[] | null)[]
}

function recurrent(m: Maker, training: boolean): Recurrent {
  const cell = m.pick(CELLS)
  const [layers, directions, hidden] = [1 + m.draw.below(3), 1 + m.draw.below(2), m.extent(1)]
  const [time, batch, input] = [m.extent(), m.extent(), m.extent(1)]
  const dropout = m.pick([0, 0.5])
  const biased = m.bool()
  const projects = hidden > 1 && mayProject(cell) && m.bool()
  const projection = projects ? 1 + m.draw.below(hidden - 1) : hidden
  const norm = mayNorm(cell) && m.bool()
  const cells = Array.from({ length: layers * directions }, (_, i) => {
    const width = i < directions ? input : directions * projection
    return slotShapes(cell, hidden, width, biased, projection, norm)
  })
  const options: RecurrentOptions = {
    ...{ cell, layers, directions, hidden, training, dropout },
    ...{ random: m.random(), projection: projects ? projection : 0, norm },
  }
  const x = [time, batch, input]
  const [h, c] = [projection, hidden].map((size) => [layers * directions, batch, size]) as [
    number[],
    number[],
  ]
  return {
    args: [
      options,
      m.real(x),
      cells.map((shapes) => shapes.map((shape) => shape && m.real(shape))),
      m.bool() ? m.ints([batch], time + 1) : null,
      m.maybeReal(h),
      STATES[cell]!.includes('c') ? m.maybeReal(c) : null,
    ],
    x,
    states: [h, c],
    output: [time, batch, directions * projection],
    parameters: cells.flat(),
  }
}

export const recurrentCalls = {
  cells: () => [],
  recurrent: (m) => recurrent(m, m.bool()).args,
  recurrentBackward: (m) => {
    const { args, x, states, output, parameters } = recurrent(m, true)
    const [h, c] = states
    const { y, hn, cn, reserve } = native.recurrent(...args)
    for (const tensor of [y, hn, cn]) if (tensor) m.keep(tensor)
    const sinks = m.sinks(x, h, cn && c, ...parameters)
    return [
      ...args,
      m.keep(reserve as NativeTensor),
      m.maybeReal(output),
      m.maybeReal(h),
      cn && m.maybeReal(c),
      sinks,
      sinks.map(() => m.bool()),
    ]
  },
} satisfies Partial<Calls>
