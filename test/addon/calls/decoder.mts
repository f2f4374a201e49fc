import { native, type NativeAddon, type NativeTensor } from '#dist/native/index.js'
import { CELLS, STATES } from '../../support/recurrent.mjs'
import type { Calls, Maker, Shape } from '../maker.mjs'
import { slotShapes } from './recurrent.mjs'

interface Decoder {
  args: Parameters<NativeAddon['decoder']>
  /** Of the outputs and of the gradients' sinks, null where absent. */
  outputs: (number[] | null)[]
  shapes: (number[] | null)[]
}

function decoder(m: Maker, training: boolean): Decoder {
  const cell = m.pick(CELLS)
  const score = m.pick(['additive', 'dot', 'scaled_dot'] as const)
  const feeding = m.pick(['context', 'output'] as const)
  const [layers, hidden, beams] = [
    1 + m.draw.below(2),
    m.extent(1),
    training ? 1 : 1 + m.draw.below(2),
  ]
  const [steps, rows, time] = [m.extent(), m.extent(), m.extent()]
  const [input, width, output] = [m.extent(1), m.extent(1), m.extent(1)]
  const projected = m.bool()
  const features = projected ? m.extent(1) : hidden
  const batch = rows * beams
  const fed = feeding === 'output' ? [batch, output] : null
  const biased = m.bool()
  const slots = Array.from({ length: layers }, (_, i) =>
    slotShapes(cell, hidden, i === 0 ? input + (fed ? output : width) : hidden, biased),
  )
  const [x, keys, values, state] = [
    [steps, batch, input],
    [time, rows, features],
    [time, rows, width],
    [layers, batch, hidden],
  ]
  const weights = [
    projected ? [features, hidden] : null,
    score === 'additive' ? [features] : null,
    fed && [output, width + hidden],
    fed && m.bool() ? [output] : null,
  ]
  const cellState = STATES[cell]!.includes('c') ? state : null
  const maybe = (shape: Shape | null): NativeTensor | null => shape && m.maybeReal(shape)
  const real = (shape: Shape | null): NativeTensor | null => shape && m.real(shape)
  return {
    args: [
      {
        ...{ cell, layers, directions: 1, hidden, training, dropout: m.pick([0, 0.5]) },
        ...{ random: m.random(), score, feeding, beams },
      },
      m.real(x),
      slots.map((shapes) => shapes.map(real)),
      weights.map(real),
      [m.real(keys), m.real(values), m.bool() ? m.ints([rows], time + 1) : null],
      m.bool() ? m.ints([batch], steps + 1) : null,
      [maybe(state), maybe(cellState), maybe(fed)],
    ],
    outputs: [
      [steps, batch, fed ? output : hidden],
      fed ? null : [steps, batch, width],
      [steps, batch, time],
      state,
      cellState,
      fed,
    ],
    shapes: [x, keys, values, state, cellState, fed, ...weights, ...slots.flat()],
  }
}

export const decoderCalls = {
  decoder: (m) => decoder(m, m.bool()).args,
  decoderBackward: (m) => {
    const { args, outputs, shapes } = decoder(m, true)
    const { weights, reserve, ...others } = native.decoder(...args)
    for (const tensor of Object.values(others)) if (tensor) m.keep(tensor)
    const sinks = m.sinks(...shapes)
    return [
      ...args,
      m.keep(weights),
      m.keep(reserve as NativeTensor),
      outputs.map((shape) => shape && m.maybeReal(shape)),
      sinks,
      sinks.map(() => m.bool()),
    ]
  },
} satisfies Partial<Calls>
