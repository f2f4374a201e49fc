import type { NativeProgram } from '#dist/native/index.js'
import type { Calls } from '../maker.mjs'

// Of no use without a CUDA device, where a program could be had.
export const programsCalls = {
  beginProgram: () => [],
  cancelProgram: () => [],
  endProgram: (m) => [[m.real(m.shape())], 4, Float64Array.of(1e-3, 1)],
  runProgram: (m) => [{} as NativeProgram, m.draw.below(9), Float64Array.of(1e-3, 1)],
  disposeProgram: () => [{} as NativeProgram],
} satisfies Partial<Calls>
