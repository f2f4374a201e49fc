import { native } from '#dist/native/index.js'
import type { Calls } from '../maker.mjs'

export const processCalls = {
  info: () => [],
  memory: () => [],
  setMemoryLimit: () => [0],
  setThreads: (m) => [m.draw.below(3)],
  setIsa: (m) => [m.pick(native.info().isas)],
  profileStart: () => [],
  profileStop: () => [],
  synchronize: () => [],
  streamKey: (m) => [m.draw.below(1000), 'model.lstm'],
  philox: (m) => [m.random(), m.draw.below(100), m.draw.below(10)],
  cudaProbe: () => [],
  peak: () => ['cpu', 1e-4],
} satisfies Partial<Calls>
