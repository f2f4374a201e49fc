/** A shift of each gate's sums: one number for all units of a gate, learned or fixed, in a bias that is made of it. */
import { expect } from '../errors'
import * as ops from '../ops'
import { Parameter, tensor, zeros, type Tensor } from '../tensor'
import type { DeviceOption } from '../tensor/device'
import { readThresholds, thresholdsForms, type ThresholdsSpec } from '../thresholds'

/** Of a layer and direction. */
export class Thresholds {
  /** `[gates]`: the parameter, or a constant that its module is to own. */
  readonly values: Tensor

  private constructor(
    private readonly initial: readonly number[],
    /** The parameter, or null of what is fixed. */
    readonly learned: Parameter | null,
    device: DeviceOption | undefined,
  ) {
    this.values = learned ?? tensor([...initial], [initial.length], { device })
  }

  /** Of gates of these names; null: none. `ERR_ARGUMENT` for what is no {@link ThresholdsSpec} of them. */
  static of(
    op: string,
    gates: readonly string[],
    given: ThresholdsSpec | undefined,
    device: DeviceOption | undefined,
  ): Thresholds | null {
    if (given === undefined) return null
    const read = readThresholds(given, gates)
    expect(op, 'thresholds', read !== null, thresholdsForms(gates), given)
    const { values, trainable } = read as NonNullable<typeof read>
    if (!trainable && values.every((value) => value === 0)) return null
    const learned = trainable ? new Parameter([gates.length], { device }) : null
    if (learned) learned.gates = gates
    return new Thresholds(values, learned, device)
  }

  /** Writes the first values of what is learned. */
  initialise(): void {
    if (!this.learned) return
    const all = this.learned.detach()
    this.initial.forEach((value, i) => {
      const own = all.slice(i, 1)
      own.fill(value)
      own.dispose()
    })
    all.dispose()
  }

  /** The bias of a layer of `hidden` units and them: [gates * hidden]. */
  add(bias: Tensor | null | undefined, hidden: number): Tensor {
    const { values } = this
    const gates = this.initial.length
    const rows = bias
      ? ops.reshape(bias, [gates, hidden])
      : zeros([1, hidden], { device: values.device })
    const column = ops.reshape(values, [gates, 1])
    const sum = ops.add(rows, column)
    const made = ops.reshape(sum, [gates * hidden])
    for (const used of [rows, column, sum]) used.dispose() // the tape holds what it needs
    return made
  }
}
