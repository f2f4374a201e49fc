import { RnnativeError } from '../../errors'
import { native, type NativeTensor } from '../../native/index'
import { freeNode, type GradHolder, type GradNode, type GradSlot } from './graph'

/** All recorded ops that `slot` depends on, newest first. */
function reachable(slot: GradSlot): GradNode[] {
  const nodes = new Set<GradNode>()
  if (slot.producer) nodes.add(slot.producer)
  // A Set visits what is added while it is iterated.
  for (const node of nodes)
    for (const input of node.inputs) if (input?.producer) nodes.add(input.producer)
  return [...nodes].sort((a, b) => b.id - a.id)
}

function checkIntact(nodes: readonly GradNode[]): void {
  for (const node of nodes) {
    if (node.freed)
      throw new RnnativeError(
        'ERR_GRAPH',
        `[backward] ${node.op}: its graph was freed by an earlier backward; ` +
          'pass { retainGraph: true } to that call to run another one',
      )
    for (const saved of node.saved)
      if (saved && saved.version !== null && native.version(saved.handle) !== saved.version)
        throw new RnnativeError(
          'ERR_STALE',
          `[backward] ${node.op}: a tensor it saved has been modified since ` +
            `(version ${saved.version} then, ${native.version(saved.handle)} now); ` +
            'run backward before updating in place',
        )
    if (!node.byRows) for (const slot of node.inputs) checkDense(node, slot)
  }
}

/** Throws for a table that is learned by rows, in an op that reads all of it. */
function checkDense(node: GradNode, slot: GradSlot | null): void {
  const rows = slot?.learned?.rows
  if (!rows || slot?.dead) return
  throw new RnnativeError(
    'ERR_GRAPH',
    `[backward] ${rows.name}: its optimizer is lazy, which is for tables that embeddings alone look rows up in; ` +
      `${node.op} reads all of it, as tied weights and penalties do`,
  )
}

/** Tells everyone who learns a parameter of this graph of those that nobody does. */
function tellStrays(nodes: readonly GradNode[]): void {
  const holders = new Set<GradHolder>()
  const strays = new Set<GradSlot>()
  for (const { inputs } of nodes)
    for (const slot of inputs) {
      if (slot === null || slot.producer !== null || slot.learned === null || slot.dead) continue
      if (slot.learned.holder !== null) holders.add(slot.learned.holder)
      else if (slot.written) strays.add(slot)
    }
  if (strays.size > 0) for (const holder of holders) holder.meet([...strays])
}

/** Parameters whose learner asks for it, by the last recorded op of those that add to their gradient. */
function lastUses(nodes: readonly GradNode[]): ReadonlyMap<GradNode, GradSlot[]> {
  const last = new Map<GradSlot, GradNode>()
  for (const node of nodes)
    for (const slot of node.inputs) if (slot?.learned?.holder?.watches) last.set(slot, node)
  const finished = new Map<GradNode, GradSlot[]>()
  for (const [slot, node] of last) finished.set(node, [...(finished.get(node) ?? []), slot])
  return finished
}

/**
 * Runs the graph under `root` in reverse: every leaf it depends on gains its gradient. Nothing is
 * touched when the graph turns out to be freed or stale. `gradient` (same shape) stays the caller's.
 */
export function runBackward(
  root: GradSlot,
  gradient: NativeTensor | null,
  retainGraph: boolean,
): void {
  const nodes = reachable(root)
  checkIntact(nodes)
  const finished = lastUses(nodes)
  for (const node of nodes) ++node.users // keeps producers alive while consumers are freed
  try {
    if (gradient !== null) root.add(gradient)
    else root.give(native.full(root.device, root.dtype, root.shape, 1))
    for (const node of nodes) {
      if (node.outputs.some((output) => output.written)) node.run?.(node)
      for (const output of node.outputs) output.drop()
      if (!retainGraph) freeNode(node)
      for (const slot of finished.get(node) ?? []) slot.learned?.holder?.finish(slot)
    }
    tellStrays(nodes)
  } finally {
    for (const node of nodes) {
      for (const output of node.outputs) output.drop()
      if (--node.users === 0) freeNode(node)
    }
  }
}
