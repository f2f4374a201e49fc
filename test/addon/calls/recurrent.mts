import { native, type NativeAddon, type NativeTensor } from '#dist/native/index.js'
import type { RecurrentOptions } from '#dist/ops/cells.js'
import { CELLS, slotsOf, STATES, type Cell } from '../../support/recurrent.mjs'
import type { Calls, Maker } from '../maker.mjs'

/** Of the parameters of a layer and direction, null where absent. */
export const slotShapes = (cell: Cell, hidden: number, input: number, biased: boolean) =>
  slotsOf(cell, hidden, input).map(({ shape, required }) => (required || biased ? shape : null))

interface Recurrent {
  args: Parameters<NativeAddon['recurrent']>
  x: number[]
  state: number[]
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
  const cells = Array.from({ length: layers * directions }, (_, i) =>
    slotShapes(cell, hidden, i < directions ? input : directions * hidden, biased),
  )
  const options: RecurrentOptions = {
    ...{ cell, layers, directions, hidden, training, dropout },
    random: m.random(),
  }
  const x = [time, batch, input]
  const state = [layers * directions, batch, hidden]
  return {
    args: [
      options,
      m.real(x),
      cells.map((shapes) => shapes.map((shape) => shape && m.real(shape))),
      m.bool() ? m.ints([batch], time + 1) : null,
      m.maybeReal(state),
      STATES[cell]!.includes('c') ? m.maybeReal(state) : null,
    ],
    x,
    state,
    output: [time, batch, directions * hidden],
    parameters: cells.flat(),
  }
}

export const recurrentCalls = {
  cells: () => [],
  recurrent: (m) => recurrent(m, m.bool()).args,
  recurrentBackward: (m) => {
    const { args, x, state, output, parameters } = recurrent(m, true)
    const { y, hn, cn, reserve } = native.recurrent(...args)
    for (const tensor of [y, hn, cn]) if (tensor) m.keep(tensor)
    const sinks = m.sinks(x, state, cn && state, ...parameters)
    return [
      ...args,
      m.keep(reserve as NativeTensor),
      m.maybeReal(output),
      m.maybeReal(state),
      cn && m.maybeReal(state),
      sinks,
      sinks.map(() => m.bool()),
    ]
  },
} satisfies Partial<Calls>
