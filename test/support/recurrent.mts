/** The recurrent op as op tests see it: inputs and gradients by name, parameters numbered by run. */
import { native, type NativeRandom } from '#dist/native/index.js'
import type { Cell, RecurrentOptions } from '#dist/ops/cells.js'
import type { LinearPrecision } from '#dist/precision.js'
import { Draw, ints, type Host } from './host.mjs'
import type { Op, Tensors } from './op.mjs'

export type { Cell }
const known = native.cells()
export const CELLS: readonly Cell[] = known.cells.map(({ name }) => name)
/** Gates per unit, and the states of a cell, by its name. */
export const GATES: Record<string, number> = {}
export const STATES: Record<string, readonly string[]> = {}
for (const { name, gates, hasC } of known.cells) {
  GATES[name] = gates
  STATES[name] = hasC ? ['h', 'c'] : ['h']
}
export const PHASES = known.phases
/** A cell's row in native/abi/cells.h. */
export const rowOf = (cell: Cell) => known.cells[CELLS.indexOf(cell)]!

/** Cells with as many gates and products are tiled alike: the largest sizes are for the first of them. */
export const isFirstOfItsTiles = (cell: Cell): boolean => {
  const { gates, products } = rowOf(cell)
  return known.cells.find((one) => one.gates === gates && one.products === products)!.name === cell
}

const PROJECTION = 'weight_hr'
/** Whether a cell may have layer norm. */
export const mayNorm = (cell: Cell): boolean => rowOf(cell).normed

/** Whether h of a cell may be projected. */
export const mayProject = (cell: Cell): boolean => slotNamesOf(cell).includes('w_hr')

/** The parameters of a layer and direction (w_ih, w_hh, ...) and their shapes; state: features of h. */
export function slotsOf(cell: Cell, hidden: number, input: number, state = hidden, norm = false) {
  const extents = { one: 1, hidden, state, gates: GATES[cell]! * hidden, input }
  const mask = rowOf(cell).slots
  const own = known.slots.filter((_, i) => (mask >> i) & 1)
  return own.map(({ name, rows, columns, required }) => ({
    name: name.replace(/^weight/, 'w').replace(/^bias/, 'b'),
    shape: columns === 'one' ? [extents[rows]] : [extents[rows], extents[columns]],
    required: name === PROJECTION ? state !== hidden : name.startsWith('norm_') ? norm : required,
    absent: name === PROJECTION ? state === hidden : name.startsWith('norm_') && !norm,
  }))
}
/** What the native ops are given of a layer and direction: these, and null for the slots that follow. */
export const padded = <T,>(cell: Cell, given: readonly (T | null)[]): (T | null)[] =>
  slotNamesOf(cell).map((_, i) => given[i] ?? null)
export const slotNamesOf = (cell: Cell): string[] => slotsOf(cell, 1, 1).map(({ name }) => name)

/** Draws them into `inputs`, numbered. Weights shrink with their fan-in, as initialisers make them. */
export function drawSlots(
  draw: Draw,
  inputs: Record<string, Host>,
  index: number,
  slots: ReturnType<typeof slotsOf>,
  bias: boolean,
): void {
  for (const { name, shape, required, absent } of slots) {
    if (absent || (!required && !bias)) continue
    const bound = shape.length > 1 ? 2 / Math.sqrt((shape[1] as number) + 3) : 1
    inputs[`${name}_${index}`] = draw.reals(shape, -bound, bound)
  }
}

export interface Stack {
  cell: Cell
  layers: number
  directions: number
  hidden: number
  /** Features of h, where fewer. */
  projection?: number
  /** Layer norm. */
  norm?: boolean
  dropout?: number
  random?: NativeRandom
  phases?: NonNullable<RecurrentOptions['phases']>
  precision?: LinearPrecision
  cellOptions?: NonNullable<RecurrentOptions['cellOptions']>
  /** Without a reserve: forward only. */
  inference?: boolean
}

type CellOptions = NonNullable<Stack['cellOptions']>
/** JSON has no infinity. */
const withBounds = (options: CellOptions): CellOptions => ({
  ...options,
  gateClip: options.gateClip ?? Infinity,
  cellClip: options.cellClip ?? Infinity,
})

const slotNames = ({ cell, layers, directions }: Stack): string[] =>
  Array.from({ length: layers * directions }, (_, run) =>
    slotNamesOf(cell).map((slot) => `${slot}_${run}`),
  ).flat()

/**
 * `given` names x, h0, c0, lengths and the parameters (w_ih_0, ...); absent ones are null. `upstream`
 * names the outputs that have gradients, y, hn and cn unless told otherwise.
 */
export function recurrent(
  stack: Stack,
  given: Record<string, Host | null>,
  upstream: readonly string[] = ['y', 'hn', 'cn'],
): Op {
  const { cell, layers, directions, hidden, projection = hidden } = stack
  const names = slotNames(stack)
  const states = STATES[cell]!
  const [time, batch] = (given['x'] as Host).shape as [number, number]
  const shapes: Record<string, number[]> = {}
  for (const name of upstream)
    if (name === 'y') shapes[name] = [time, batch, directions * projection]
    else if (states.includes(name[0]!))
      shapes[name] = [layers * directions, batch, name === 'hn' ? projection : hidden]
  const inputs: Record<string, Host | null> = {}
  for (const name of ['x', 'lengths', 'h0', 'c0', ...names]) inputs[name] = given[name] ?? null
  const options: RecurrentOptions = {
    cell,
    layers,
    directions,
    hidden,
    ...(stack.projection && { projection }),
    ...(stack.norm && { norm: true }),
    training: !stack.inference,
    dropout: stack.dropout ?? 0,
    random: stack.random ?? null,
    phases: stack.phases ?? {},
    precision: stack.precision ?? 'f32',
    cellOptions: stack.cellOptions ? withBounds(stack.cellOptions) : null,
  }
  return {
    inputs,
    differentiable: ['x', ...states.map((state) => `${state}0`), ...names],
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

export function parametersOf(
  { cell, layers, directions }: Pick<Stack, 'cell' | 'layers' | 'directions'>,
  tensors: Tensors,
) {
  return Array.from({ length: layers * directions }, (_, run) =>
    slotNamesOf(cell).map((slot) => tensors[`${slot}_${run}`] ?? null),
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

/** Random inputs of a stack. */
export function drawInputs(
  stack: Stack,
  { time, batch, input }: Sizes,
  { lengths, bias = true, state = true, seed = 1 }: Drawing = {},
): Record<string, Host> {
  const { cell, layers, directions, hidden, projection = hidden } = stack
  const draw = new Draw(seed)
  const inputs: Record<string, Host> = { x: draw.reals([time, batch, input]) }
  if (lengths) inputs['lengths'] = ints([batch], lengths)
  if (state)
    for (const name of STATES[cell]!)
      inputs[`${name}0`] = draw.reals([
        layers * directions,
        batch,
        name === 'h' ? projection : hidden,
      ])
  for (let run = 0; run < layers * directions; ++run) {
    const width = run < directions ? input : directions * projection
    drawSlots(draw, inputs, run, slotsOf(cell, hidden, width, projection, stack.norm), bias)
  }
  return inputs
}
