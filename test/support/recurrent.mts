/** The recurrent op as op tests see it: inputs and gradients by name, parameters numbered by run. */
import { native, type NativeRandom, type RecurrentOptions } from '#dist/native/index.js'
import type { Precision } from '#dist/precision.js'
import { Draw, ints, type Host } from './host.mjs'
import type { Op, Tensors } from './op.mjs'

export type Cell = RecurrentOptions['cell']
export const CELLS: Cell[] = ['rnn_tanh', 'rnn_relu', 'lstm', 'gru', 'gru_reset_before']
export const GATES: Record<Cell, number> = {
  rnn_tanh: 1,
  rnn_relu: 1,
  lstm: 4,
  gru: 3,
  gru_reset_before: 3,
}

export interface Stack {
  cell: Cell
  layers: number
  directions: number
  hidden: number
  dropout?: number
  random?: NativeRandom
  precision?: Precision
}

const SLOTS = ['w_ih', 'w_hh', 'b_ih', 'b_hh']

const slotNames = ({ layers, directions }: Stack): string[] =>
  Array.from({ length: layers * directions }, (_, run) => SLOTS.map((s) => `${s}_${run}`)).flat()

/**
 * `given` names x, h0, c0, lengths and the parameters (w_ih_0, ...); absent ones are null. `upstream`
 * names the outputs that have gradients, y, hn and cn unless told otherwise.
 */
export function recurrent(
  stack: Stack,
  given: Record<string, Host | null>,
  upstream: readonly string[] = ['y', 'hn', 'cn'],
): Op {
  const { cell, layers, directions, hidden } = stack
  const names = slotNames(stack)
  const states = cell === 'lstm' ? ['h0', 'c0'] : ['h0']
  const [time, batch] = (given['x'] as Host).shape as [number, number]
  const shapes: Record<string, number[]> = {}
  for (const name of upstream)
    if (name === 'y') shapes[name] = [time, batch, directions * hidden]
    else if (name === 'hn' || cell === 'lstm') shapes[name] = [layers * directions, batch, hidden]
  const inputs: Record<string, Host | null> = {}
  for (const name of ['x', 'lengths', 'h0', 'c0', ...names]) inputs[name] = given[name] ?? null
  const options: RecurrentOptions = {
    cell,
    layers,
    directions,
    hidden,
    training: true,
    dropout: stack.dropout ?? 0,
    random: stack.random ?? null,
    precision: stack.precision ?? 'f32',
  }
  return {
    inputs,
    differentiable: ['x', ...states, ...names],
    shapes,
    forward(tensors) {
      const { x, lengths, h0, c0 } = tensors
      const parameters = parametersOf(stack, tensors)
      const { y, hn, cn, reserve } = native.recurrent(options, x!, parameters, lengths!, h0!, c0!)
      return {
        outputs: { y, hn, ...(cn && { cn }) },
        extra: [reserve],
        backward: (up, sinks) =>
          native.recurrentBackward(
            options,
            x!,
            parameters,
            lengths!,
            h0!,
            c0!,
            reserve!,
            up['y'] ?? null,
            up['hn'] ?? null,
            up['cn'] ?? null,
            sinks.list('x', 'h0', 'c0', ...names),
            sinks.flags('x', 'h0', 'c0', ...names),
          ),
      }
    },
  }
}

export function parametersOf({ layers, directions }: Stack, tensors: Tensors) {
  return Array.from({ length: layers * directions }, (_, run) =>
    SLOTS.map((slot) => tensors[`${slot}_${run}`] ?? null),
  )
}

export interface Sizes {
  time: number
  batch: number
  input: number
}

export interface Drawing {
  lengths?: readonly number[]
  bias?: boolean
  state?: boolean
  seed?: number
}

/** Random inputs of a stack. Weights shrink with their fan-in, as initialisers make them. */
export function drawInputs(
  stack: Stack,
  { time, batch, input }: Sizes,
  { lengths, bias = true, state = true, seed = 1 }: Drawing = {},
): Record<string, Host> {
  const { cell, layers, directions, hidden } = stack
  const draw = new Draw(seed)
  const rows = GATES[cell] * hidden
  const inputs: Record<string, Host> = { x: draw.reals([time, batch, input]) }
  if (lengths) inputs['lengths'] = ints([batch], lengths)
  if (state) inputs['h0'] = draw.reals([layers * directions, batch, hidden])
  if (state && cell === 'lstm') inputs['c0'] = draw.reals([layers * directions, batch, hidden])
  for (let run = 0; run < layers * directions; ++run) {
    const width = run < directions ? input : directions * hidden
    const scaled = (shape: number[], fan: number): Host =>
      draw.reals(shape, -2 / Math.sqrt(fan), 2 / Math.sqrt(fan))
    inputs[`w_ih_${run}`] = scaled([rows, width], width + 3)
    inputs[`w_hh_${run}`] = scaled([rows, hidden], hidden + 3)
    if (!bias) continue
    inputs[`b_ih_${run}`] = draw.reals([rows])
    inputs[`b_hh_${run}`] = draw.reals([rows])
  }
  return inputs
}
