import { broadcast, type Calls } from '../maker.mjs'

const UNARY = ['neg', 'abs', 'square', 'tanh', 'sigmoid', 'relu', 'affine', 'clamp'] as const
const BINARY = ['add', 'sub', 'mul', 'maximum', 'minimum'] as const

export const elementwiseCalls = {
  unary: (m) => [m.pick(UNARY), m.real(m.shape()), -0.5, 0.5],
  unaryBackward: (m) => {
    const shape = m.shape()
    return [
      ...([m.pick(UNARY), m.real(shape), m.real(shape), m.real(shape)] as const),
      ...([-0.5, 0.5, m.sinks(shape), m.add(1)] as const),
    ]
  },
  binary: (m) => {
    const [a, b] = broadcast(m)
    return [m.pick(BINARY), m.real(a), m.real(b)]
  },
  binaryBackward: (m) => {
    const [a, b, y] = broadcast(m)
    return [m.pick(BINARY), m.real(a), m.real(b), m.real(y), m.sinks(a, b), m.add(2)]
  },
} satisfies Partial<Calls>
