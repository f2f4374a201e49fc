import { checkFunction } from '../../check'
import { RnnativeError } from '../../errors'
import { isPromise } from '../../kinds'
import { native, type DeviceName, type DType, type NativeTensor } from '../../native/index'
import type { Shape } from '../shape'
import { BackwardCall } from './call'
import { GradNode, GradSlot, type Saved } from './graph'

/** What a tensor shows the tape. */
export interface Tracked {
  readonly handle: NativeTensor
  readonly shape: Shape
  readonly dtype: DType
  readonly device: DeviceName
  readonly requiresGrad: boolean
  slot: GradSlot | null
}

let enabled = true

/**
 * Runs `body` without recording anything for gradients. `body` must be synchronous (`ERR_ARGUMENT`
 * if it returns a promise), so that other code in flight keeps recording.
 */
export function noGrad<T>(body: () => T): T {
  checkFunction('noGrad', 'body', body)
  const before = enabled
  enabled = false
  try {
    const result = body()
    if (isPromise(result)) {
      result.then(undefined, () => undefined)
      throw new RnnativeError('ERR_ARGUMENT', '[noGrad] expected a synchronous function')
    }
    return result
  } finally {
    enabled = before
  }
}

/** Whether an op on these inputs has to be recorded. */
export const tracks = (...inputs: readonly (Tracked | null)[]): boolean =>
  enabled && inputs.some((input) => input !== null && input.requiresGrad)

export interface Recording {
  op: string
  /** What gradients flow to, in the order of the backward function's sinks. */
  inputs: readonly (Tracked | null)[]
  outputs: readonly (Tracked | null)[]
  /** Tensors that backward reads: referenced, and checked for modification before it runs. */
  save?: readonly (Tracked | null)[]
  /** Buffers that backward reads and the tape disposes, after those of `save`. */
  own?: readonly (NativeTensor | null)[]
  /** Whether it looks rows of its first input up, and heeds {@link BackwardCall.rows}. */
  byRows?: boolean
  backward: (call: BackwardCall) => void
}

const reference = (tensor: Tracked | null): Saved | null =>
  tensor && {
    handle: native.view(tensor.handle, 0, tensor.shape),
    version: native.version(tensor.handle),
  }

const owned = (handle: NativeTensor | null): Saved | null => handle && { handle, version: null }

/** Makes the outputs depend on the inputs. Call it only when {@link tracks} says so. */
export function record(recording: Recording): void {
  const { op, inputs, outputs, save = [], own = [], byRows = false, backward } = recording
  const slots = inputs.map((input) => input?.slot ?? null)
  const saved = [...save.map(reference), ...own.map(owned)]
  const run = (self: GradNode) => {
    const call = new BackwardCall(self)
    backward(call)
    call.close()
  }
  const node = new GradNode(op, slots, saved, run, byRows)
  for (const output of outputs) {
    // An absent output keeps its place, so that indices mean the same to every cell.
    const { shape, dtype, device } = output ?? { shape: [], dtype: 'f32', device: 'cpu' }
    const slot = new GradSlot(node, shape, dtype, device)
    node.outputs.push(slot)
    if (output === null) continue
    output.slot = slot
    ++node.users
  }
}
