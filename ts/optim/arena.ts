import { RnnativeError } from '../errors'
import type { DeviceName, DType, Parameter, Tensor } from '../tensor'
import { flatBuffer, moveInto, partOf } from '../tensor/arena'

/** Parameters start at multiples of this many elements, a cache line of f32. */
const ALIGNMENT = 16

/** One parameter's place. */
export interface Slice {
  readonly name: string
  readonly parameter: Parameter
  readonly offset: number
}

/** A run of parameters that are updated by one call. */
export interface Range {
  readonly offset: number
  readonly size: number
}

/**
 * All parameters and all gradients, each kind in one flat buffer in which groups are contiguous: the
 * norm is one pass over the gradients and an update one call per group. Padding between parameters
 * is zero and stays so under every optimizer.
 */
export class Arena {
  readonly slices: readonly Slice[]
  /** One per group of the constructor's argument. */
  readonly ranges: readonly Range[]
  readonly size: number
  readonly device: DeviceName
  readonly dtype: DType
  readonly values: Tensor
  readonly gradients: Tensor
  /** Each parameter's handle here, which another optimizer would replace. */
  private readonly moved = new Map<Parameter, unknown>()

  /** Moves the parameters' storage here; the Parameter objects stay the same. */
  constructor(groups: readonly (readonly (readonly [string, Parameter])[])[]) {
    const first = groups.flat()[0]?.[1]
    if (first === undefined)
      throw new RnnativeError('ERR_EMPTY', '[optimizer] expected at least one parameter, got none')
    const slices: Slice[] = []
    const ranges: Range[] = []
    let end = 0
    for (const group of groups) {
      const begin = end
      for (const [name, parameter] of group) {
        if (parameter.device !== first.device)
          throw new RnnativeError(
            'ERR_DEVICE',
            `[optimizer] ${name}: expected a parameter on ${first.device}, got ${parameter.device}`,
          )
        slices.push({ name, parameter, offset: end })
        end += Math.ceil(parameter.size / ALIGNMENT) * ALIGNMENT
      }
      ranges.push({ offset: begin, size: end - begin })
    }
    this.slices = slices
    this.ranges = ranges
    this.size = end
    this.device = first.device
    this.dtype = first.dtype
    this.values = this.zeros()
    this.gradients = this.zeros()
    for (const { parameter, offset } of slices) {
      moveInto(parameter, this.values, this.gradients, offset)
      this.moved.set(parameter, parameter.handle)
    }
  }

  /** A buffer of the same layout, for optimizer state. */
  zeros(): Tensor {
    return flatBuffer(this.size, this.dtype, this.device)
  }

  /** A tensor over one parameter's part of a buffer of this layout. */
  part(buffer: Tensor, { parameter, offset }: Slice): Tensor {
    return partOf(buffer, offset, parameter.shape)
  }

  /** Throws `ERR_BUSY` when another optimizer took a parameter over, `ERR_DISPOSED` when one is gone. */
  checkOwnership(): void {
    for (const { name, parameter } of this.slices)
      if (parameter.handle !== this.moved.get(parameter))
        throw new RnnativeError(
          'ERR_BUSY',
          `[optimizer] ${name}: the parameter now belongs to another optimizer`,
        )
  }

  /** Makes gradients that no backward wrote since the last zeroGrad count as zero. */
  settleGradients(): void {
    for (const { parameter, offset } of this.slices) {
      if (parameter.slot?.written !== false) continue
      const untouched = partOf(this.gradients, offset, parameter.shape)
      untouched.fill(0)
      untouched.dispose()
    }
  }

  /** Lets the buffers go; parameters keep their values. */
  dispose(): void {
    this.values.dispose()
    this.gradients.dispose()
  }
}
