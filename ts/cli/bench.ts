/** What is timed of recurrent stacks, by the command and beside other packages. */
import type { Recurrent } from '../nn'
import { cellOf, type CellName } from '../models/parts/recurrent-options'
import { makeRecurrent, type LSTMOptions } from '../nn/recurrent'
import { noGrad, scope, type DeviceOption, type Tensor } from '../tensor'
import { gatesOf, type Integers } from '../ops'
import type { Precision } from '../precision'

/** 2·T·B·G·H·(I+H) over layers and directions; three times that for forward and backward. */
export function recurrentFlops(
  stack: Recurrent,
  steps: number,
  batch: number,
  train: boolean,
): number {
  const { cell, layers, directions, hidden, input } = stack
  let columns = 0
  for (let layer = 0; layer < layers; ++layer)
    columns += (layer === 0 ? input : directions * hidden) + hidden
  const forward = 2 * steps * batch * gatesOf[cell] * hidden * columns * directions
  return train ? 3 * forward : forward
}

export interface StackOptions {
  cell: CellName
  layers: number
  input: number
  hidden: number
  bidirectional: boolean
  precision: Precision
  device: DeviceOption
  /** Options of the layer besides, such as `peephole`. */
  variant?: Partial<LSTMOptions>
}

/** `options` may hold what is asked of the measurement besides. */
export function makeStack(options: StackOptions): Recurrent {
  const { cell, layers, input, hidden, bidirectional, precision, device, variant } = options
  const sizes = { layers, input, hidden, bidirectional }
  return makeRecurrent(cellOf(cell), { ...sizes, ...variant, precision, device, seed: 1 })
}

/** Makes the weights a new version, as an optimizer's update would, so that they are packed again. */
function touch(stack: Recurrent): void {
  scope(() =>
    noGrad(() => {
      for (const parameter of stack.parameters()) parameter.reshape(-1).slice(0, 1).fill(0.01)
    }),
  )
}

/** One sequence: forward, and backward from `dy` where given, to be awaited with `synchronize`. */
export function enqueueRun(
  stack: Recurrent,
  x: Tensor,
  dy: Tensor | null,
  lengths: Integers | null = null,
): void {
  scope(() => {
    if (dy === null) return void noGrad(() => stack.forward(x, { lengths }))
    touch(stack)
    stack.zeroGrad()
    x.zeroGrad()
    stack.forward(x, { lengths }).output.backward(dy)
  })
}
