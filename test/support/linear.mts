/** The affine layer as op tests see it. */
import { native } from '#dist/native/index.js'
import type { LinearPrecision, Precision } from '#dist/precision.js'
import type { Host } from './host.mjs'
import type { Op, Tensors } from './op.mjs'

export const linear = (
  x: Host,
  weight: Host,
  bias: Host | null,
  precision: LinearPrecision = 'f32',
): Op => ({
  inputs: { x, weight, bias },
  differentiable: ['x', 'weight', 'bias'],
  shapes: { y: [...x.shape.slice(0, -1), weight.shape[0] as number] },
  forward: ({ x, weight, bias }: Tensors) => ({
    outputs: { y: native.linear(x!, weight!, bias!, precision) },
    backward: (up, sinks) => {
      const names = ['x', 'weight', 'bias']
      const [list, bits] = [sinks.list(...names), sinks.bits(...names)]
      native.linearBackward(x!, weight!, up['y']!, list, bits, precision as Precision)
    },
  }),
})
