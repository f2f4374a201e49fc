import type { Calls, Maker } from '../maker.mjs'

function product(m: Maker): { a: number[]; b: number[]; y: number[]; flags: [boolean, boolean] } {
  const [rows, columns, inner] = [m.extent(), m.extent(), m.extent()]
  const lead = m.shape(m.draw.below(3))
  const flags: [boolean, boolean] = [m.bool(), m.bool()]
  const a = flags[0] ? [inner, rows] : [rows, inner]
  const b = flags[1] ? [columns, inner] : [inner, columns]
  return {
    a: [...lead, ...a],
    b: m.bool() ? b : [...lead, ...b],
    y: [...lead, rows, columns],
    flags,
  }
}

export const matmulCalls = {
  matmul: (m) => {
    const { a, b, flags } = product(m)
    return [m.real(a), m.real(b), ...flags]
  },
  matmulInto: (m) => {
    const { a, b, y, flags } = product(m)
    return [m.real(a), m.real(b), ...flags, m.real(y), m.bool()]
  },
  linear: (m) => {
    const [lead, inputs, outputs] = [m.shape(m.draw.below(4)), m.extent(), m.extent()]
    return [m.real([...lead, inputs]), m.real([outputs, inputs]), m.maybeReal([outputs])]
  },
  linearBackward: (m) => {
    const [lead, inputs, outputs] = [m.shape(m.draw.below(4)), m.extent(), m.extent()]
    const [x, weight, y] = [
      [...lead, inputs],
      [outputs, inputs],
      [...lead, outputs],
    ]
    const sinks = m.sinks(x, weight, [outputs])
    return [m.real(x), m.real(weight), m.real(y), sinks, m.add(3)]
  },
} satisfies Partial<Calls>
