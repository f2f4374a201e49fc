import { RnnativeError } from '../errors'
import type { DeviceName, DType, Parameter, Tensor } from '../tensor'
import { flatBuffer, gatherAt, moveInto, partOf } from '../tensor/arena'
import { RowUses, type GradHolder, type GradSlot } from '../tensor/autograd'
import { formatShape, type Shape } from '../tensor/shape'
import { Buckets } from './buckets'
import { LazyTables } from './lazy'

/** Parameters start at multiples of this many elements, a cache line of f32. */
const ALIGNMENT = 16

/** One parameter's place. */
export interface Slice {
  readonly name: string
  readonly parameter: Parameter
  readonly offset: number
}

/** A run of elements. */
export interface Range {
  readonly offset: number
  readonly size: number
}

/** Whether two runs have an element in common. */
const meets = (a: Range, b: Range): boolean =>
  a.offset < b.offset + b.size && b.offset < a.offset + a.size

/** Elements that a parameter takes up, its padding among them. */
export const extentOf = ({ size }: Parameter): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT

/**
 * All parameters and all gradients, each kind in one flat buffer in the order given: the norm is one
 * pass over the gradients and an update one call for neighbours. Padding between parameters
 * is zero and stays so under every optimizer.
 */
export class Arena implements GradHolder {
  readonly slices: readonly Slice[]
  /** Those whose gradients lie in the flat buffer: all but tables that are learned by rows, which come last. */
  readonly dense: readonly Slice[]
  readonly lazy: LazyTables<Slice>
  readonly size: number
  readonly device: DeviceName
  readonly dtype: DType
  readonly values: Tensor
  readonly gradients: Tensor
  /** Each parameter's handle here, which another optimizer would replace. */
  private readonly moved = new Map<Parameter, unknown>()
  /** The slot of each that gathers its gradient here; one that is frozen and thawed gets another. */
  private readonly homes = new Map<Parameter, GradSlot | null>()
  /** Parameters that a loss depended on since the last step, and that were nobody's then. */
  private strays: readonly GradSlot[] = []
  private buckets: Buckets | null = null
  /** Parameters whose gradients are given away as soon as they are final. */
  private early: ReadonlyMap<GradSlot, Parameter> = new Map()

  /** Moves the parameters' storage here; the Parameter objects stay the same. */
  constructor(
    named: readonly (readonly [string, Parameter])[],
    tables: ReadonlySet<Parameter> = new Set(),
  ) {
    const first = named[0]?.[1]
    if (first === undefined)
      throw new RnnativeError(
        'ERR_EMPTY',
        '[optimizer] target: expected at least one parameter, got none; parameters and modules are found in ' +
          'public fields, lists, maps and plain objects, not in #private fields',
      )
    const slices: Slice[] = []
    let end = 0
    const last = ([, parameter]: (typeof named)[number]) => Number(tables.has(parameter))
    for (const [name, parameter] of [...named].sort((a, b) => last(a) - last(b))) {
      if (parameter.device !== first.device)
        throw new RnnativeError(
          'ERR_DEVICE',
          `[optimizer] ${name}: expected a parameter on ${first.device}, got ${parameter.device}`,
        )
      slices.push({ name, parameter, offset: end })
      end += extentOf(parameter)
    }
    this.slices = slices
    this.size = end
    this.device = first.device
    this.dtype = first.dtype
    this.values = this.zeros()
    this.dense = slices.filter(({ parameter }) => !tables.has(parameter))
    this.lazy = new LazyTables(slices.filter(({ parameter }) => tables.has(parameter)))
    this.gradients = flatBuffer(this.lazy.slices[0]?.offset ?? end, this.dtype, this.device)
    for (const { name, parameter, offset } of slices) {
      const byRows = tables.has(parameter)
      moveInto(parameter, this.values, byRows ? null : this.gradients, offset)
      parameter.rows = byRows ? new RowUses(name) : null
      this.moved.set(parameter, parameter.handle)
      parameter.holder = this
      this.homes.set(parameter, parameter.slot)
    }
  }

  meet(strays: readonly GradSlot[]): void {
    this.strays = strays
  }

  /**
   * From now on, `give` takes gradients as backward finishes them, in stretches and always in the same order; those that
   * cover one of `frozen`, and all others that are left, when {@link settleBuckets} is called.
   */
  watch(frozen: readonly Range[], give: (gradients: Tensor) => void): void {
    this.buckets ??= new Buckets(this.dense, this.gradients)
    this.buckets.watch(give)
    const early = new Map<GradSlot, Parameter>()
    for (const { parameter, offset } of this.dense) {
      const home = this.homes.get(parameter)
      const partly = frozen.some((range) => meets(range, { offset, size: parameter.size }))
      if (home && !partly) early.set(home, parameter)
    }
    this.early = early
  }

  get watches(): boolean {
    return this.buckets?.watched ?? false
  }

  finish(slot: GradSlot): void {
    const parameter = this.early.get(slot)
    if (parameter !== undefined && slot.written) this.buckets?.finish(parameter)
  }

  /** All gradients are settled, and count as written. */
  settleBuckets(): void {
    for (const { parameter } of this.dense) if (parameter.slot) parameter.slot.written = true
    this.buckets?.settle()
  }

  /** As if {@link watch} had not been called. */
  dropBuckets(): void {
    this.buckets?.drop()
  }

  /**
   * Throws `ERR_GRAPH` when a loss depended on a parameter that nobody learns: held where modules do not look,
   * it would be neither trained nor saved.
   */
  checkStrays(): void {
    const { strays } = this
    this.strays = []
    const lost = strays.find((slot) => slot.learned?.holder === null && !slot.dead && slot.written)
    if (lost === undefined) return
    throw new RnnativeError(
      'ERR_GRAPH',
      `[optimizer] the loss depends on a parameter ${formatShape(lost.shape)} that the module does not hold: ` +
        'a private field or a closure hides it; put it into a public field, or override members(), give ' +
        'it to an optimizer of its own, or set its requiresGrad to false',
    )
  }

  /** A buffer of the same layout, for optimizer state. */
  zeros(): Tensor {
    return flatBuffer(this.size, this.dtype, this.device)
  }

  /** All gradients that are settled, in as few tensors as they lie in. */
  get settled(): readonly [Tensor, ...Tensor[]] {
    return [this.gradients, ...this.lazy.gradients]
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

  /**
   * Makes gradients zero that no backward wrote since the last zeroGrad, those of frozen parameters, and those of
   * the elements in `frozen`.
   */
  settleGradients(frozen: readonly Range[]): void {
    const forget = (offset: number, shape: Shape) => {
      const part = partOf(this.gradients, offset, shape)
      part.fill(0)
      part.dispose()
    }
    for (const { parameter, offset } of this.dense) {
      this.adopt(parameter, offset)
      if (!parameter.slot?.written) forget(offset, parameter.shape)
    }
    for (const { offset, size } of frozen) forget(offset, [size])
  }

  /** Of a parameter that was frozen and thawed since, takes the gradient in again. */
  private adopt(parameter: Parameter, offset: number): void {
    const { slot } = parameter
    if (slot === null || slot === this.homes.get(parameter) || parameter.holder !== this) return
    gatherAt(parameter, this.gradients, offset)
    this.homes.set(parameter, slot)
  }

  /** Lets the buffers go; parameters keep their values. */
  dispose(): void {
    this.lazy.drop()
    this.buckets?.dispose()
    for (const { parameter } of this.slices)
      if (parameter.holder === this) parameter.holder = parameter.rows = null
    this.values.dispose()
    this.gradients.dispose()
  }
}
