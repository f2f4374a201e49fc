import { Module } from '../../nn'
import * as ops from '../../ops'
import { Parameter, type DType, type Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'

/**
 * Where one label of an order ends and the next begins, on the line that an output lies on (McCullagh 1980): the first
 * threshold, and the logarithms of the steps to the next ones, so that they are in order whatever is learned.
 */
export class Cuts extends Module {
  steps: Parameter

  constructor(
    private readonly count: number,
    { device }: { device: DeviceOption },
  ) {
    super()
    this.steps = new Parameter([count], { device })
  }

  /** A unit apart, around zero. */
  protected override initialise(): void {
    const values = new Float32Array(this.count)
    values[0] = -(this.count - 1) / 2
    this.steps.assign(values)
  }

  /** [rows, 1] to [rows, thresholds]: by how much each is exceeded. */
  forward(x: Tensor): Tensor {
    const { count, steps } = this
    const all: Tensor[] = [ops.slice(steps, 0, 0, 1)]
    for (let i = 1; i < count; ++i)
      all.push(ops.add(all[i - 1] as Tensor, ops.exp<DType>(ops.slice(steps, 0, i, 1))))
    return ops.sub(x, ops.concat(all, 0))
  }
}
