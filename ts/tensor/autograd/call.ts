import { native, type NativeTensor, type Sinks } from '../../native/index'
import { RnnativeError } from '../../errors'
import type { GradNode, GradSlot, RowUses } from './graph'

/** What {@link BackwardCall.open} gives: arguments as the addon's `…Backward` functions take them. */
export interface OpenSinks {
  /** One per recorded input; null where no gradient is wanted. */
  sinks: Sinks
  /** Whether to add to the sink of the same index. */
  add: boolean[]
  /** The same as a bit mask. */
  bits: number
}

/** What an op's backward function sees: gradients of its outputs, what it saved, and its sinks. */
export class BackwardCall {
  private readonly node: GradNode
  /** Second sinks of slots that occur twice among the inputs, added when the op is done. */
  private readonly extra: { slot: GradSlot; handle: NativeTensor }[] = []
  private passedTo: GradSlot | null = null

  constructor(node: GradNode) {
    this.node = node
  }

  saved(index: number): NativeTensor {
    const handle = this.savedOrNull(index)
    if (handle === null)
      throw new RnnativeError('ERR_INTERNAL', `[${this.node.op}] nothing saved at ${index}`)
    return handle
  }

  savedOrNull(index: number): NativeTensor | null {
    return this.node.saved[index]?.handle ?? null
  }

  /** The gradient of output `index`; null when nothing depends on it. */
  gradient(index: number): NativeTensor | null {
    const slot = this.node.outputs[index]
    return slot?.written ? slot.buffer : null
  }

  /** The gradient of an op's only output. */
  get dy(): NativeTensor {
    const dy = this.gradient(0)
    if (dy === null) throw new RnnativeError('ERR_INTERNAL', `[${this.node.op}] no gradient`)
    return dy
  }

  wants(input: number): boolean {
    const slot = this.node.inputs[input]
    return slot != null && !slot.dead
  }

  /** Where the gradients of rows go that were looked up in the first input; null: to a sink, as all do. */
  get rows(): RowUses | null {
    const slot = this.node.inputs[0]
    return slot && !slot.dead ? (slot.learned?.rows ?? null) : null
  }

  /** Opens the sinks of all inputs for one call of a fused backward function. */
  open(): OpenSinks {
    const seen = new Set<GradSlot>()
    const sinks: (NativeTensor | null)[] = []
    const add: boolean[] = []
    let bits = 0
    this.node.inputs.forEach((slot, i) => {
      if (slot === null || slot.dead) {
        sinks.push(null)
        add.push(false)
        return
      }
      if (seen.has(slot)) {
        const handle = native.empty(slot.device, slot.dtype, slot.shape)
        this.extra.push({ slot, handle })
        sinks.push(handle)
        add.push(false)
        return
      }
      seen.add(slot)
      sinks.push(slot.open())
      add.push(slot.written)
      if (slot.written && i < 31) bits |= 1 << i
      slot.written = true
    })
    return { sinks, add, bits }
  }

  /** Gives `gradient`, a tensor nobody else holds, to an input. */
  give(input: number, gradient: NativeTensor): void {
    const slot = this.node.inputs[input]
    if (slot == null || slot.dead) native.dispose(gradient)
    else slot.give(gradient)
  }

  /**
   * Passes the output's gradient on unchanged, but for its shape. The first taker shares its storage:
   * nothing reads the output's gradient once this op is done.
   */
  pass(input: number): void {
    const slot = this.node.inputs[input]
    if (slot == null || slot.dead) return
    const { dy } = this
    if (slot === this.passedTo) {
      const copy = native.empty(slot.device, slot.dtype, slot.shape)
      native.copyInto(copy, dy)
      slot.give(copy)
    } else if (this.passedTo === null && slot.producer !== null && slot.buffer === null) {
      slot.give(native.view(dy, 0, slot.shape))
      this.passedTo = slot
    } else slot.add(dy)
  }

  /** Adds the second sinks of {@link open} to the first. */
  close(): void {
    for (const { slot, handle } of this.extra) {
      native.accumulate(slot.open(), handle)
      native.dispose(handle)
    }
    this.extra.length = 0
  }
}
