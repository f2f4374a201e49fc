/** Cross-entropy with its fused projection as op tests see it. */
import { native } from '#dist/native/index.js'
import type { Precision } from '#dist/precision.js'
import type { Host } from './host.mjs'
import type { Op } from './op.mjs'

export interface Settings {
  labelSmoothing: number
  ignoreIndex: number
  precision?: Precision
}

export interface Inputs {
  x: Host
  weight?: Host | null
  bias?: Host | null
  targets: Host
  classWeights?: Host | null
}

const NAMES = ['x', 'weight', 'bias']

export function crossEntropy(
  given: Inputs,
  { labelSmoothing, ignoreIndex, precision = 'f32' }: Settings,
): Op {
  const { x, weight = null, bias = null, targets, classWeights = null } = given
  return {
    inputs: { x, weight, bias, targets, classWeights },
    differentiable: NAMES,
    shapes: { losses: targets.shape },
    forward({ x, weight, bias, targets, classWeights }) {
      const { losses, weights, reserve } = native.crossEntropy(
        x!,
        weight!,
        bias!,
        targets!,
        classWeights!,
        ignoreIndex,
        labelSmoothing,
        true,
        precision,
      )
      return {
        outputs: { losses, weights },
        extra: [reserve],
        backward: (up, sinks) =>
          native.crossEntropyBackward(
            x!,
            weight!,
            bias!,
            targets!,
            classWeights!,
            ignoreIndex,
            labelSmoothing,
            reserve!,
            up['losses']!,
            sinks.list(...NAMES),
            sinks.bits(...NAMES),
            precision,
          ),
      }
    },
  }
}
