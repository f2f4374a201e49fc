/** Recurrent stacks run a step at a time, so that the gradient that reaches each state can be read. */
import * as ops from '../ops'
import { tensor, Tensor, zeros } from '../tensor'

/** A layer and direction. Leaves are zeros, [1, batch, features of h or c], in the order of time. */
export interface UnrolledLayer {
  readonly cell: ops.Cell
  readonly weightHidden: Tensor
  /** Whether it runs from the last step to the first. */
  readonly backward: boolean
  /** Added to what the step gives as its output. */
  readonly output: readonly Tensor[]
  /** Added to what the next step begins with, or to the final state. */
  readonly h: readonly Tensor[]
  /** The same; empty for a cell without c. */
  readonly c: readonly Tensor[]
  /** Which rows end with a step, [1, batch, 1]; true: all; false: none. */
  readonly ends: readonly (Tensor | boolean)[]
}

let unrolled: UnrolledLayer[] | null = null

/** What a stack is run by. */
export const recurrence = (): typeof ops.recurrent => (unrolled ? inSteps : ops.recurrent)

/** Calls `body`, in which every stack is run a step at a time; in evaluation, since nothing is dropped out. */
export function unrolling<T>(body: () => T): { result: T; layers: readonly UnrolledLayer[] } {
  const outer = unrolled
  const layers: UnrolledLayer[] = []
  unrolled = layers
  try {
    return { result: body(), layers }
  } finally {
    unrolled = outer
  }
}

function inSteps(
  x: Tensor,
  parameters: readonly ops.CellParameters[],
  settings: ops.RecurrentArguments,
): ops.RecurrentResult {
  if (x.shape[0] === 0) return ops.recurrent(x, parameters, settings)
  const { directions = 1, layers = 1, lengths = null, state } = settings
  const steps =
    lengths === null || lengths instanceof Tensor
      ? lengths
      : tensor(Int32Array.from(lengths), [lengths.length], { device: x.device })
  const finals: ops.RecurrentState[] = []
  let below = x
  for (let layer = 0; layer < layers; ++layer) {
    const outputs: Tensor[] = []
    for (let direction = 0; direction < directions; ++direction) {
      const i = layer * directions + direction
      const of = parameters[i] as ops.CellParameters
      const width = (below.shape[2] as number) / directions
      const own =
        of.weightInput === null && directions > 1
          ? ops.slice(below, 2, direction * width, width)
          : below
      const initial = state && {
        h: ops.slice(state.h, 0, i, 1),
        ...(state.c && { c: ops.slice(state.c, 0, i, 1) }),
      }
      const made = oneLayer(own, of, { ...settings, state: initial, lengths: steps }, direction)
      outputs.push(made.output)
      finals.push(made.state)
    }
    below = outputs.length === 1 ? (outputs[0] as Tensor) : ops.concat(outputs, -1)
  }
  const h = ops.concat(finals.map((one) => one.h))
  const cs = finals.flatMap(({ c }) => (c ? [c] : []))
  return {
    output: below as ops.RecurrentResult['output'],
    state: cs.length > 0 ? { h, c: ops.concat(cs) } : { h },
  }
}

function oneLayer(
  x: Tensor,
  parameters: ops.CellParameters,
  settings: ops.RecurrentArguments & { lengths: Tensor | null },
  direction: number,
): ops.RecurrentResult {
  const { cell, lengths } = settings
  const [time, batch] = x.shape as [number, number, number]
  const { device } = x
  const { weightHidden, weightProjection } = parameters
  const features = weightHidden.shape[1] as number
  const leaves = (width = features) =>
    Array.from({ length: time }, () => zeros([1, batch, width], { device, requiresGrad: true }))
  const backward = direction === 1
  const layer = {
    ...{ cell, weightHidden, backward, output: leaves(), h: leaves() },
    c: ops.hasC[cell] ? leaves(weightProjection?.shape[1]) : [],
    ends: [] as (Tensor | boolean)[],
  }
  const outputs: Tensor[] = []
  let state = settings.state ?? null
  for (let i = 0; i < time; ++i) {
    const t = backward ? time - 1 - i : i
    const going = lengths && ops.greater(lengths, t)
    const rows = (of: Tensor) => ops.reshape(ops.toReal(of), [1, batch, 1])
    const add = (to: Tensor, leaf: Tensor | undefined) =>
      ops.add(to, going ? ops.mul(leaf as Tensor, rows(going)) : (leaf as Tensor))
    const step = ops.recurrent(ops.slice(x, 0, t, 1), [parameters], {
      ...{ ...settings, layers: 1, directions: 1, dropout: 0, state, lengths: going },
    })
    const { h, c } = step.state
    state = { h: add(h, layer.h[t]), ...(c && { c: add(c, layer.c[t]) }) }
    outputs[t] = add(step.output, layer.output[t])
    layer.ends[t] = backward || !lengths ? i === time - 1 : rows(ops.equal(lengths, t + 1))
  }
  unrolled?.push(layer)
  return {
    output: ops.concat(outputs) as ops.RecurrentResult['output'],
    state: state as ops.RecurrentState,
  }
}
