import { size, upload } from '../../support/host.mjs'
import type { Calls } from '../maker.mjs'

export const tensorsCalls = {
  fromData: (m) => {
    const shape = m.shape()
    return [m.device, m.realType, shape, new Float32Array(size(shape))]
  },
  empty: (m) => [m.device, m.pick([m.realType, 'i32']), m.shape()],
  full: (m) => [m.device, m.pick([m.realType, 'i32']), m.shape(), 3],
  random: (m) => [
    ...([m.device, m.realType, m.shape()] as const),
    ...([m.pick(['uniform', 'normal'] as const), 0, 2, m.random()] as const),
  ],
  orthogonal: (m) => {
    const blocks = 1 + m.draw.below(3)
    return [m.device, blocks * m.extent(), m.extent(), blocks, 1, m.random()]
  },
  view: (m) => {
    const shape = m.shape()
    const offset = m.draw.below(size(shape) + 1)
    return [m.real(shape), offset, [m.draw.below(size(shape) - offset + 1)]]
  },
  describe: (m) => [m.real(m.shape())],
  version: (m) => [m.real(m.shape())],
  dispose: (m) => [upload(m.device, m.draw.reals(m.shape()))],
  read: (m) => [m.real(m.shape())],
  fill: (m) => [m.real(m.shape()), 2],
  copyInto: (m) => {
    const shape = m.shape()
    return [m.real(shape), m.real([size(shape)])]
  },
  accumulate: (m) => {
    const shape = m.shape()
    return [m.real(shape), m.real(shape)]
  },
  writeInto: (m) => {
    const shape = m.shape()
    return [m.real(shape), new Float32Array(size(shape))]
  },
} satisfies Partial<Calls>
