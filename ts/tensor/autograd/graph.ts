/**
 * The tape. There is no global list: a graph hangs from its outputs. A {@link GradSlot} is the
 * autograd identity of one tensor, a {@link GradNode} is one recorded op. Nodes own native references
 * of their own to what they saved, so disposing a tensor early is safe; a node counts its users (live
 * output tensors, and recorded ops that consume an output), and lets its references go with the last
 * one or after backward, without waiting for the garbage collector.
 */
import { native, type DeviceName, type DType, type NativeTensor } from '../../native/index'
import type { Shape } from '../shape'

/** Somebody who learns parameters, and is told which others a loss depends on that nobody learns. */
export interface GradHolder {
  meet(strays: readonly GradSlot[]): void
  /** Whether it is to be told of gradients that are final. */
  readonly watches: boolean
  /** This backward adds nothing more to it. */
  finish(slot: GradSlot): void
}

/** Vectors of a table that an op gave for ids, and what their gradient was. */
export interface RowUse {
  readonly ids: NativeTensor
  /** An id whose vector is not learned; -1: all are. */
  readonly none: number
  /** [as many as ids, features]. */
  readonly dy: NativeTensor
}

/** What is learned of a table by the rows that ids name alone, in place of a gradient of all of it. */
export class RowUses {
  private uses: RowUse[] = []

  constructor(
    /** The table's, for errors. */
    readonly name: string,
  ) {}

  add(use: RowUse): void {
    this.uses.push(use)
  }

  /** All there are, which are the caller's to dispose from then on. */
  take(): RowUse[] {
    const { uses } = this
    this.uses = []
    return uses
  }

  drop(): void {
    for (const { ids, dy } of this.take()) for (const handle of [ids, dy]) native.dispose(handle)
  }
}

/** A parameter, as the tape sees it. */
export interface Learned {
  /** Who takes its gradient. */
  holder: GradHolder | null
  /** Given, it is learned by rows: ops that look rows up leave their gradients here, and no other op may use it. */
  rows: RowUses | null
}

/** Where the gradient of one tensor gathers: across backward passes for a leaf, else during one. */
export class GradSlot {
  /** Null for a leaf. */
  readonly producer: GradNode | null
  readonly shape: Shape
  readonly dtype: DType
  readonly device: DeviceName
  buffer: NativeTensor | null = null
  /** Whether `buffer` holds a gradient; if not, the next one is written over it. */
  written = false
  /** The leaf's tensor is gone: nobody can ask for this gradient. */
  dead = false
  /** The parameter whose gradient this is; null of any other tensor. */
  learned: Learned | null = null

  constructor(producer: GradNode | null, shape: Shape, dtype: DType, device: DeviceName) {
    this.producer = producer
    this.shape = shape
    this.dtype = dtype
    this.device = device
  }

  /** The buffer, made on first use. */
  open(): NativeTensor {
    this.buffer ??= native.empty(this.device, this.dtype, this.shape)
    return this.buffer
  }

  /** Adds `dy`, a tensor of as many elements that stays the caller's. */
  add(dy: NativeTensor): void {
    const sink = this.open()
    if (this.written) native.accumulate(sink, dy)
    else native.copyInto(sink, dy)
    this.written = true
  }

  /** Takes `dy` over as this slot's gradient, or adds and disposes it. */
  give(dy: NativeTensor): void {
    if (this.producer !== null && this.buffer === null) {
      this.buffer = dy
      this.written = true
      return
    }
    this.add(dy)
    native.dispose(dy)
  }

  drop(): void {
    if (this.buffer !== null) native.dispose(this.buffer)
    this.buffer = null
    this.written = false
  }
}

/** A reference held for backward; `version` is null for buffers that no user can reach. */
export interface Saved {
  readonly handle: NativeTensor
  readonly version: number | null
}

let created = 0

export class GradNode {
  /** Grows with time, so descending order is a reverse topological order. */
  readonly id = ++created
  readonly op: string
  readonly inputs: readonly (GradSlot | null)[]
  readonly outputs: GradSlot[] = []
  saved: readonly (Saved | null)[]
  /** Hands this node's gradients on to its inputs; null once its graph is freed. */
  run: ((node: GradNode) => void) | null
  users = 0

  constructor(
    op: string,
    inputs: readonly (GradSlot | null)[],
    saved: readonly (Saved | null)[],
    run: (node: GradNode) => void,
    /** Whether it looks rows up, so that a table may be learned by rows. */
    readonly byRows: boolean,
  ) {
    this.op = op
    this.inputs = inputs
    this.saved = saved
    this.run = run
    for (const input of inputs) if (input?.producer) ++input.producer.users
  }

  get freed(): boolean {
    return this.run === null
  }
}

/** Lets a node's references go, and those of producers that nobody else uses. */
export function freeNode(node: GradNode): void {
  const pending = [node]
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.freed) continue
    next.run = null
    for (const saved of next.saved) if (saved) native.dispose(saved.handle)
    next.saved = []
    for (const output of next.outputs) output.drop()
    for (const input of next.inputs)
      if (input?.producer && --input.producer.users === 0) pending.push(input.producer)
  }
}

/** A user of `node` is gone. */
export function releaseNode(node: GradNode): void {
  if (--node.users === 0) freeNode(node)
}
