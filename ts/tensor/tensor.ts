import { checkFlag, optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { GradSlot, releaseNode, runBackward, type Learned } from './autograd'
import { toTypedArray } from './device'
import {
  native,
  type ArrayOf,
  type DeviceName,
  type DType,
  type NativeTensor,
  type TypedArray,
} from '../native/index'
import { checkShape, checkThere, formatShape, isTypedArray, sizeOf, type Shape } from './shape'
import { track, untrack } from './scope'

/** `util.inspect.custom`, which is registered under this name: declared here, it needs no types of Node. */
const inspection: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/** Options of {@link Tensor.backward}. */
export interface BackwardOptions {
  /** Keeps what ops saved, so that backward can run again over the same graph. */
  retainGraph?: boolean | undefined
}

const BACKWARD_NAMES: Names<BackwardOptions> = { retainGraph: true }

/** What an op gives to make a tensor of its result. */
export interface TensorInit<D extends DType = DType> {
  handle: NativeTensor
  /** Sizes of its axes. */
  shape: Shape
  /** Of its elements. */
  dtype: D
  /** Where it is. */
  device: DeviceName
}

/**
 * A dense, row-major array on a device. Ops enqueue their work and return at once; {@link data}
 * awaits the values. Made by `tensor`, `zeros`, `randn` and their kin, and by ops; freed by
 * {@link dispose}, `using` or a `scope` (the garbage collector does it too, but late). Methods that are
 * ops come from ts/ops/methods.ts.
 *
 * Using a disposed tensor throws `ERR_DISPOSED`. `Tensor` alone is one of any dtype.
 */
export class Tensor<D extends DType = DType> {
  /** Sizes of its axes, the outermost first. */
  readonly shape: Shape
  /** Of its elements. */
  readonly dtype: D
  /** Where it is. */
  readonly device: DeviceName
  /** @internal The autograd identity; null unless a gradient is required. */
  slot: GradSlot | null = null
  private owned: NativeTensor | null
  private gradient: Tensor<D> | null = null

  /** Made by `tensor`, `zeros` and their kin, and by ops. */
  constructor({ handle, shape, dtype, device }: TensorInit<D>, scoped = true) {
    this.owned = handle
    this.shape = shape
    this.dtype = dtype
    this.device = device
    if (scoped) track(this)
  }

  /** @internal */
  get handle(): NativeTensor {
    if (this.owned === null)
      throw new RnnativeError('ERR_DISPOSED', `[tensor] ${this.toString()} has been disposed`)
    return this.owned
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** Number of dimensions. */
  get dims(): number {
    return this.shape.length
  }

  /** Whether it is freed. */
  get disposed(): boolean {
    return this.owned === null
  }

  // --- values

  /** The values in row-major order, once all work submitted before has run. */
  async data(): Promise<ArrayOf[D]> {
    return native.read(this.handle) as Promise<ArrayOf[D]>
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[item] tensor: expected one element, got ${formatShape(this.shape)}`,
      )
    const [value] = await native.read(this.handle)
    return value as number
  }

  /**
   * Overwrites the values in place, from a tensor of the same shape, dtype and device or from as many
   * numbers. Not differentiable: refused (`ERR_GRAPH`) on the result of a recorded op.
   */
  assign(source: Tensor | TypedArray | readonly number[]): this {
    this.checkWritable('assign')
    if (source instanceof Tensor) {
      checkShape('assign', 'source', source.shape, this.shape)
      native.copyInto(this.handle, source.handle)
    } else {
      const numbers = Array.isArray(source) || isTypedArray(source)
      expect('assign', 'source', numbers, 'a tensor or an array of numbers', source)
      checkThere('assign', 'source', source)
      checkShape('assign', 'source', [source.length], [this.size])
      native.writeInto(this.handle, toTypedArray('assign', 'source', this.dtype, source))
    }
    return this
  }

  /** Sets every element in place; see {@link assign}. */
  fill(value: number): this {
    this.checkWritable('fill')
    expect('fill', 'value', typeof value === 'number', 'a number', value)
    native.fill(this.handle, value)
    return this
  }

  /**
   * @internal Changes with the values: names the storage, since an optimizer moves parameters into
   * another, and how often ops submitted so far have written it.
   */
  written(): string {
    return `${native.describe(this.handle).storageId}:${native.version(this.handle)}`
  }

  private checkWritable(op: string): void {
    if (this.slot?.producer)
      throw new RnnativeError(
        'ERR_GRAPH',
        `[${op}] the tensor is part of a recorded graph; use detach() first`,
      )
  }

  // --- gradients

  /** Whether gradients flow to this tensor. Set it on tensors of reals that no op produced. */
  get requiresGrad(): boolean {
    return this.slot !== null
  }

  /** `ERR_GRAPH` of an op's result, which {@link detach} takes out of the graph; `ERR_DTYPE` of whole numbers. */
  set requiresGrad(value: boolean) {
    checkFlag('requiresGrad', 'value', value)
    if (value === this.requiresGrad) return
    if (this.slot?.producer)
      throw new RnnativeError('ERR_GRAPH', '[requiresGrad] cannot be cleared on a result: detach()')
    if (this.dtype === 'i32')
      throw new RnnativeError('ERR_DTYPE', '[requiresGrad] expected real numbers, got i32')
    if (value) this.slot = this.leafSlot()
    else this.dropSlot()
  }

  /** @internal Itself, of a parameter: somebody has to learn it. */
  get learned(): Learned | null {
    return null
  }

  private leafSlot(): GradSlot {
    const slot = new GradSlot(null, this.shape, this.dtype, this.device)
    slot.learned = this.learned
    return slot
  }

  /**
   * The gradient that `backward` left, summed over calls since the last {@link zeroGrad}; null if
   * none did, and on tensors that an op produced. It belongs to this tensor and is overwritten later.
   */
  get grad(): Tensor<D> | null {
    const { slot } = this
    if (slot === null || slot.producer !== null || slot.buffer === null || !slot.written)
      return null
    if (this.gradient === null || this.gradient.disposed) {
      const { shape, dtype, device } = this
      const handle = native.view(slot.buffer, 0, shape)
      this.gradient = new Tensor({ handle, shape, dtype, device }, false)
    }
    return this.gradient
  }

  /** Forgets the gradient; the next backward writes over it. */
  zeroGrad(): void {
    if (this.slot?.producer === null) this.slot.written = false
  }

  /**
   * Adds the derivative of this tensor to the `grad` of every leaf it depends on, then frees the
   * graph. A tensor of more than one element needs `gradient`, its own gradient of the same shape.
   *
   * Throws `ERR_GRAPH` when nothing was recorded or an earlier backward freed it, `ERR_STALE` when a
   * tensor that an op saved has been modified since; no gradient is touched then.
   */
  backward(gradient?: Tensor | null, options: BackwardOptions = {}): void {
    const { retainGraph = false } = optionsOf('backward', options, BACKWARD_NAMES)
    if (this.slot === null)
      throw new RnnativeError('ERR_GRAPH', '[backward] the tensor does not require a gradient')
    checkFlag('backward', 'retainGraph', retainGraph)
    const given = gradient === undefined || gradient === null || gradient instanceof Tensor
    expect('backward', 'gradient', given, 'a tensor', gradient)
    if (gradient) checkShape('backward', 'gradient', gradient.shape, this.shape)
    else if (this.size !== 1)
      throw new RnnativeError(
        'ERR_SHAPE',
        `[backward] gradient: expected one of shape ${formatShape(this.shape)}, got none`,
      )
    runBackward(this.slot, gradient?.handle ?? null, retainGraph)
  }

  /** The same values outside the graph. Shares storage; dispose both. */
  detach(): Tensor<D> {
    const { shape, dtype, device } = this
    return new Tensor({ handle: native.view(this.handle, 0, shape), shape, dtype, device })
  }

  /**
   * @internal Moves this leaf to other storage of the same shape, with `gradient` as its buffer, and
   * disposes what it had. The new storage must hold the values. A frozen one keeps no buffer; null: none does.
   */
  rebind(handle: NativeTensor, gradient: NativeTensor | null): void {
    if (this.owned !== null) native.dispose(this.owned)
    this.owned = handle
    this.slot?.drop()
    if (gradient !== null) return this.gatherIn(gradient)
    this.gradient?.dispose()
    this.gradient = null
  }

  /** @internal Moves this leaf's gradient, if it has one, to a buffer of the same shape; frozen: disposes that. */
  gatherIn(buffer: NativeTensor): void {
    this.gradient?.dispose()
    this.gradient = null
    const { slot } = this
    if (slot === null) return native.dispose(buffer)
    const { written } = slot
    if (written && slot.buffer !== null) native.copyInto(buffer, slot.buffer)
    slot.drop()
    slot.buffer = buffer
    slot.written = written
  }

  private dropSlot(): void {
    const { slot } = this
    this.slot = null
    if (slot === null) return
    if (slot.producer) return releaseNode(slot.producer)
    slot.dead = true
    slot.drop()
    this.gradient?.dispose()
  }

  // --- lifetime

  /** Frees the values once queued work and recorded ops are done with them. May be called twice. */
  dispose(): void {
    if (this.owned === null) return
    native.dispose(this.owned)
    this.owned = null
    untrack(this)
    this.dropSlot()
  }

  /** As {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Its shape, dtype and device; not its elements. */
  toString(): string {
    return `Tensor(${this.dtype} ${formatShape(this.shape)} on ${this.device})`
  }

  /** As {@link toString}, for `console.log`. */
  [inspection](): string {
    const flags = [this.requiresGrad ? 'requires grad' : '', this.disposed ? 'disposed' : '']
    return [this.toString(), ...flags.filter(Boolean)].join(', ')
  }
}
