import { checkChoice, checkWhole, isListOf, isObject, MOST_LAYERS, optionsOf } from '../check'
import type { Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { record, tracks } from '../tensor/autograd'
import { tensor } from '../tensor/create'
import { native, type NativeRandom, type Real } from '../native/index'
import { checkInference, checkLinear, type LinearPrecision } from '../precision'
import { checkShape, formatShape, shapeError } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { checkPhases, checkSlots, gatesOf, hasC, inSlots, isPresent, mustDraw } from './cells'
import { perCell, resolveCellOptions, slotShape, slotsOf } from './cells'
import type { Cell, CellOptions, CellParameters, Phase, RecurrentOptions } from './cells'
import { checkDropout } from './layers'
import { borrowIntegers, checkDevice, checkReal, reals, type Integers } from './support'

export { gatesOf, hasC } from './cells'
export type { Activation, Cell, CellOptions, CellParameters, Phase } from './cells'

declare module '../native/index' {
  interface NativeAddon {
    /**
     * x: [T, B, I]; parameters: per (layer, direction), layer-major, an entry for each of `slotsOf[cell]`;
     * h0, c0: [layers*directions, B, H] or null; lengths: i32 [B] or null.
     */
    recurrent(
      options: RecurrentOptions,
      x: N,
      parameters: readonly (readonly Maybe[])[],
      lengths: Maybe,
      h0: Maybe,
      c0: Maybe,
    ): { y: N; hn: N; cn: Maybe; reserve: Maybe }
    /** sinks: [dx, dh0, dc0, then those of the parameters]; add as bits, a BigInt when over 31 sinks is avoided by an array of booleans. */
    recurrentBackward(
      options: RecurrentOptions,
      x: N,
      parameters: readonly (readonly Maybe[])[],
      lengths: Maybe,
      h0: Maybe,
      c0: Maybe,
      reserve: N,
      dy: Maybe,
      dhn: Maybe,
      dcn: Maybe,
      sinks: Sinks,
      add: readonly boolean[],
    ): void
  }
}

/** What a recurrent stack carries from one call to the next. */
export interface RecurrentState {
  /** [layers*directions, batch, hidden], or as many features as h is projected to. */
  readonly h: Tensor
  /** [layers*directions, batch, hidden]; the second state of a cell that has one, as an LSTM. */
  readonly c?: Tensor | undefined
}

/** What {@link recurrent} takes besides tensors. */
export interface RecurrentArguments {
  /** Kind of cell. */
  cell: Cell
  /** How many lie on each other. Default 1. */
  layers?: number | undefined
  /** 2: a second direction runs backward in time. */
  directions?: 1 | 2 | undefined
  /** Zeros unless given. */
  state?: RecurrentState | null | undefined
  /** Steps of each sequence, 0..time; all steps unless given. */
  lengths?: Integers | null | undefined
  /** Dropout between layers; needs `random`. */
  dropout?: number | undefined
  /**
   * What a step has beside its cell, by amount. `state_dropout`, which needs `random`: the probability
   * in [0, 1) that a unit of the state is hidden from the recurrent weight, in all steps of a sequence
   * alike (Gal & Ghahramani 2016). `zoneout_hidden`, `zoneout_cell`: that in which a unit of h or c stays
   * as it was before a step (Krueger et al. 2017); without `random` each unit keeps that share.
   */
  phases?: Readonly<Partial<Record<Phase, number>>> | undefined
  /** Of a cell that has options. */
  cellOptions?: CellOptions | undefined
  /** Which draws dropout and phases make. */
  random?: NativeRandom | null | undefined
  /** Of every product of the stack, forward and backward; 'int8' forward alone, without layer norm. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

const NAMES: Names<RecurrentArguments> = {
  ...{ cell: true, layers: true, directions: true, state: true, lengths: true, dropout: true },
  ...{ phases: true, cellOptions: true, random: true, precision: true },
}

/** What {@link recurrent} gives. */
export interface RecurrentResult {
  /** [time, batch, directions * features of h]; zero past a sequence's end. */
  output: Tensor<Real>
  /** After each sequence's own last step. */
  state: RecurrentState
}

/** `weight_ih_l0_reverse` and its kin. */
export function suffixOf(layer: number, direction: number): string {
  checkWhole('suffixOf', 'layer', layer, 0)
  return `l${layer}${direction === 1 ? '_reverse' : ''}`
}

const CELLS = Object.keys(gatesOf)

interface Stack {
  cell: Cell
  layers: number
  directions: number
  /** Of what the parameters are to meet. */
  input: number
  device: string
  hidden: number
  /** Features of h. */
  state: number
  /** Whether there is layer norm. */
  norm: boolean
  /** The parameters of all cells, slot by slot. */
  flat: readonly (Tensor | null)[]
}
/**
 * Lists that were found right, if they are frozen: neither shapes nor devices of tensors change.
 * Inference of a small stack is a matter of microseconds, and its checks would be some of them.
 */
const found = new WeakMap<readonly CellParameters[], Stack>()

/** Checks the parameters of a stack. */
function checkStack(
  x: Tensor,
  parameters: readonly CellParameters[],
  { cell, layers = 1, directions = 1 }: RecurrentArguments,
): Stack {
  const input = x.shape[2] as number
  const known = found.get(parameters)
  if (
    known?.cell === cell &&
    known.layers === layers &&
    known.directions === directions &&
    known.input === input &&
    known.device === x.device
  )
    return known
  expect(cell, 'parameters', isListOf(parameters, isObject), 'a list of parameters', parameters)
  checkShape(cell, 'parameters', [parameters.length], [layers * directions])
  const [first] = parameters
  if (first === undefined)
    throw new RnnativeError('ERR_EMPTY', `[${cell}] layers: expected at least 1`)
  const projected = parameters.slice(0, directions).every(({ weightInput }) => weightInput === null)
  checkReal(cell, `weight_hh_${suffixOf(0, 0)}`, first.weightHidden)
  const { weightProjection } = first
  if (weightProjection) checkReal(cell, `weight_hr_${suffixOf(0, 0)}`, weightProjection)
  const state = first.weightHidden.shape[1] ?? 0
  const hidden = weightProjection ? (weightProjection.shape[1] ?? 0) : state
  const below = weightProjection ? `a list of at most ${hidden - 1} rows` : ''
  if (weightProjection)
    expect(cell, `weight_hr_${suffixOf(0, 0)}`, state < hidden, below, weightProjection.shape)
  const rows = gatesOf[cell] * hidden
  const norm = parameters.some(({ normInput }) => !!normInput)
  parameters.forEach((of, i) => {
    const layer = Math.floor(i / directions)
    const suffix = suffixOf(layer, i % directions)
    const width = layer === 0 ? input : directions * state
    checkSlots(cell, of, suffix)
    const given = inSlots(cell, of)
    slotsOf[cell].forEach((slot, at) => {
      const name = `${slot.name}_${suffix}`
      const parameter = given[at] as Tensor | null
      const shape = slotShape(slot, cell, { hidden, state, input: width })
      if (parameter) {
        checkDevice(cell, x, { [name]: parameter })
        checkShape(cell, name, parameter.shape, shape)
      } else if (
        (slot.required ||
          (norm && slot.name.startsWith('norm_')) ||
          (slot.name === 'weight_hr' && state !== hidden)) &&
        !(slot.name === 'weight_ih' && projected && layer === 0)
      )
        throw shapeError(cell, name, formatShape(shape), 'null')
    })
  })
  if (projected && input !== directions * rows)
    throw shapeError(
      cell,
      'x',
      `[time, batch, ${directions * rows}] without weight_ih_l0`,
      formatShape(x.shape),
    )
  const flat = parameters.flatMap((of) => inSlots(cell, of))
  const stack = { cell, layers, directions, input, device: x.device, hidden, state, norm, flat }
  if (Object.isFrozen(parameters) && parameters.every(Object.isFrozen)) found.set(parameters, stack)
  return stack
}

/** Checks everything but values. */
function check(
  x: Tensor,
  parameters: readonly CellParameters[],
  settings: RecurrentArguments,
): Stack {
  optionsOf('recurrent', settings, NAMES)
  const { cell, layers = 1, directions = 1, state, dropout = 0, phases = {} } = settings
  const { random, precision = 'f32' } = settings
  checkChoice('recurrent', 'cell', cell, CELLS)
  checkWhole(cell, 'layers', layers, 1, MOST_LAYERS)
  checkWhole(cell, 'directions', directions, 1, 2)
  checkReal(cell, 'x', x)
  if (x.dims !== 3) throw shapeError(cell, 'x', '[time, batch, input]', formatShape(x.shape))
  const stack = checkStack(x, parameters, settings)
  if (state !== undefined && state !== null) {
    expect(cell, 'state', isObject(state), 'an object of tensors', state)
    checkReal(cell, 'h', state.h)
    const rows = [layers * directions, x.shape[1] as number]
    checkDevice(cell, x, { h: state.h, c: state.c ?? null })
    checkShape(cell, 'h', state.h.shape, [...rows, stack.state])
    if (state.c) checkShape(cell, 'c', state.c.shape, [...rows, stack.hidden])
    if ((state.c !== undefined) !== hasC[cell])
      throw shapeError(
        cell,
        'state',
        hasC[cell] ? '{ h, c }' : '{ h }',
        state.c ? '{ h, c }' : '{ h }',
      )
  }
  checkDropout(cell, dropout)
  checkLinear(cell, precision)
  expect(cell, 'phases', isObject(phases), 'an object of amounts', phases)
  checkPhases(cell, cell, phases)
  if ((dropout > 0 || mustDraw(phases)) && !random)
    throw new RnnativeError('ERR_ARGUMENT', `[${cell}] random: expected a stream for dropout`)
  return stack
}

/**
 * A whole recurrent stack over whole sequences: layers × directions × steps in one op. x: [time,
 * batch, input], where steps past a sequence's end are never read; parameters: one entry per layer
 * and direction, layer-major. Without layer 0's input weights x is [time, batch, directions*G*H].
 */
export function recurrent(
  x: Tensor,
  parameters: readonly CellParameters[],
  settings: RecurrentArguments,
): RecurrentResult {
  const { hidden, state: features, norm, flat } = check(x, parameters, settings)
  const { cell, layers = 1, directions = 1, state, lengths, dropout = 0, random } = settings
  const { precision = 'f32', phases = {}, cellOptions } = settings
  const [time, batch] = x.shape as [number, number, number]
  const h0 = state?.h ?? null
  const c0 = state?.c ?? null
  const training = tracks(x, h0, c0, ...flat)
  checkInference(cell, settings.precision ?? 'f32', training)
  const make = (data: Int32Array) => tensor(data, [batch], { device: x.device })
  const ends =
    lengths !== undefined && lengths !== null
      ? borrowIntegers(cell, 'lengths', lengths, batch, x, make)
      : null
  const options: RecurrentOptions = {
    cell,
    layers,
    directions,
    hidden,
    ...(features !== hidden && { projection: features }),
    norm,
    training: training || dropout > 0 || (random ? isPresent(phases) : false),
    dropout,
    phases,
    random: random ?? null,
    precision,
    ...(cellOptions && { cellOptions: resolveCellOptions(cell, cell, cellOptions) }),
  }
  const made = native.recurrent(
    options,
    x.handle,
    perCell(
      cell,
      flat.map((parameter) => parameter?.handle ?? null),
    ),
    ends?.tensor.handle ?? null,
    h0?.handle ?? null,
    c0?.handle ?? null,
  )
  const output = reals(made.y, [time, batch, directions * features], x)
  const h = reals(made.hn, [layers * directions, batch, features], x)
  const c = made.cn && reals(made.cn, [layers * directions, batch, hidden], x)
  if (training)
    record({
      op: cell,
      inputs: [x, h0, c0, ...flat],
      outputs: [output, h, c],
      save: [x, ends?.tensor ?? null, h0, c0, ...flat],
      own: [made.reserve],
      backward: (call) => {
        const { sinks, add } = call.open()
        native.recurrentBackward(
          options,
          call.saved(0),
          perCell(
            cell,
            flat.map((_, i) => call.savedOrNull(4 + i)),
          ),
          call.savedOrNull(1),
          call.savedOrNull(2),
          call.savedOrNull(3),
          call.saved(4 + flat.length),
          call.gradient(0),
          call.gradient(1),
          call.gradient(2),
          sinks,
          add,
        )
      },
    })
  else if (made.reserve !== null) native.dispose(made.reserve)
  ends?.release()
  return { output, state: c ? { h, c } : { h } }
}
