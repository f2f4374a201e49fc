import { Linear, Module, type RecurrentState } from '../../nn'
import * as ops from '../../ops'
import type { Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'

interface Ends {
  layers: number
  /** Of c. */
  hidden: number
  /** Of h. */
  features: number
}

/** The stacks that a bridge joins. */
export interface BridgeEnds {
  from: Ends & { directions: number }
  to: Ends
}

/**
 * The decoder's first state from the encoder's last. A decoder's layer takes the encoder's layer that
 * is as far from the top, or the lowest. `copy` takes it as it is, of a bidirectional layer the
 * direction that ends at the source's beginning; `dense` gives tanh(W [h of all directions] + b), and
 * for the cells of an LSTM W' [c] + b' (Bahdanau et al. 2015, section A.2.2, extended to layers).
 */
export class Bridge extends Module {
  readonly hidden: readonly Linear[]
  readonly cells: readonly Linear[]

  constructor(
    kind: 'copy' | 'dense',
    private readonly ends: BridgeEnds,
    { hasC, device }: { hasC: boolean; device: DeviceOption },
  ) {
    super()
    const { from, to } = ends
    const projections = (of: 'features' | 'hidden') =>
      Array.from(
        { length: kind === 'dense' ? to.layers : 0 },
        () => new Linear(from.directions * from[of], to[of], { device }),
      )
    this.hidden = projections('features')
    this.cells = hasC ? projections('hidden') : []
  }

  forward({ h, c }: RecurrentState): RecurrentState {
    const first = this.carry(h, this.hidden, true)
    return c ? { h: first, c: this.carry(c, this.cells, false) } : { h: first }
  }

  private carry(states: Tensor, projections: readonly Linear[], squash: boolean): Tensor {
    const { from, to } = this.ends
    const { directions } = from
    const layers = Array.from({ length: to.layers }, (_, layer) => {
      const source = Math.max(0, from.layers - to.layers + layer)
      const direction = (i: number) => ops.slice(states, 0, source * directions + i, 1)
      const projection = projections[layer]
      if (!projection) return direction(directions - 1)
      const all = Array.from({ length: directions }, (_, i) => direction(i))
      const y = projection.forward(ops.concat(all, -1))
      return squash ? ops.tanh(y) : y
    })
    return ops.concat(layers, 0)
  }
}
