import { checkChoice, checkWhole, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError } from '../errors'
import { record, tracks } from '../tensor/autograd'
import { tensor } from '../tensor/create'
import { native, type NativeRandom, type Real } from '../native/index'
import { checkPrecision, type Precision } from '../precision'
import { formatShape, shapeError } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import type { AttentionScore } from './attention'
import { checkPhases, checkSlots, gatesOf, inSlots, isPresent, perCell } from './cells'
import { resolveCellOptions } from './cells'
import type { Cell, CellOptions, CellParameters, Phase, RecurrentOptions } from './cells'
import { checkDropout } from './layers'
import type { RecurrentState } from './recurrent'
import { borrowIntegers, checkDevice, checkReal, checkTensor, result } from './support'
import type { Integers } from './support'

/** What each step of a decoder is fed: RnFeeding in native/abi/backend.h. */
export type DecoderFeeding = 'context' | 'output'

interface DecoderOptions extends RecurrentOptions {
  /** How queries and keys are scored. */
  score: AttentionScore
  feeding: DecoderFeeding
  /** Rows of the batch that share a row of the memory; 1 in training. */
  beams: number
}

declare module '../native/index' {
  interface NativeAddon {
    /**
     * x: [T, B, E]; layers: as parameters of `recurrent`, w_ih of the first [G*H, E + F] with F the
     * features fed; weights: [w_query, v, w_out, b_out]; memory: [keys, values, lengths] of B / beams
     * rows; state: [h0, c0, fed0]. See RnDecoderDesc in native/abi/backend.h.
     */
    decoder(
      options: DecoderOptions,
      x: N,
      layers: readonly (readonly Maybe[])[],
      weights: readonly Maybe[],
      memory: readonly Maybe[],
      lengths: Maybe,
      state: readonly Maybe[],
    ): { y: N; context: Maybe; weights: N; hn: N; cn: Maybe; fedn: Maybe; reserve: Maybe }
    /**
     * gradients: of [y, context, weights, hn, cn, fedn]; sinks: [dx, dkeys, dvalues, dh0, dc0, dfed0,
     * dw_query, dv, dw_out, db_out, then dw_ih, dw_hh, db_ih, db_hh per layer].
     */
    decoderBackward(
      options: DecoderOptions,
      x: N,
      layers: readonly (readonly Maybe[])[],
      weights: readonly Maybe[],
      memory: readonly Maybe[],
      lengths: Maybe,
      state: readonly Maybe[],
      alignment: N,
      reserve: N,
      gradients: readonly Maybe[],
      sinks: Sinks,
      add: readonly boolean[],
    ): void
  }
}

/** Weights of {@link decoder}. Shapes as in the equations there. */
export interface DecoderParameters {
  /** One entry per layer. P: features of h, H unless projected. `weightInput` of the first is [G*H, E + F]: columns of x, then of what is fed. */
  layers: readonly CellParameters[]
  /** [A, P], from the state h to the query; without it h is the query, and A = P. */
  weightQuery?: Tensor | null | undefined
  /** [A]; with additive scores only. */
  v?: Tensor | null | undefined
  /** [D, V + P] and [D]: h~ = tanh(W [context; h] + b); when feeding the output only. */
  weightOutput?: Tensor | null | undefined
  /** `[D]`, with `weightOutput`. */
  biasOutput?: Tensor | null | undefined
}

/** What {@link decoder} looks at. */
export interface DecoderMemory {
  /** [Tk, batch, A], projected. */
  keys: Tensor
  /** [Tk, batch, V] */
  values: Tensor
  /** Real positions of each row, zero included; all unless given. */
  lengths?: Integers | null | undefined
}

/** What a decoder carries from one call to the next. */
export interface DecoderState extends RecurrentState {
  /** `[batch, D]`: the last output, when that is fed. */
  readonly fed?: Tensor | undefined
}

/** What {@link decoder} takes besides tensors. */
export interface DecoderArguments {
  /** Kind of cell. */
  cell: Cell
  /** How queries and keys are scored. */
  score: AttentionScore
  /**
   * `context` (Bahdanau et al. 2015): the query is the top layer's state before the step, and its
   * context is fed to the first layer of the same step. `output` (Luong et al. 2015): the query is
   * the state after the step, and h~ is fed to the next step.
   */
  feeding: DecoderFeeding
  /** Zeros unless given. */
  state?: DecoderState | null | undefined
  /** Steps of each row, 0..time; all unless given. */
  lengths?: Integers | null | undefined
  /** On the layers' outputs but the last, and on h~; needs `random`. */
  dropout?: number | undefined
  /** Of `zoneout_hidden` and `zoneout_cell`, as {@link ops.RecurrentArguments}. */
  phases?: Readonly<Partial<Record<Phase, number>>> | undefined
  /** Which draws dropout and phases make. */
  random?: NativeRandom | null | undefined
  /** Of every product but the attention's. Default 'f32'. */
  precision?: Precision | undefined
  /** Of a cell that has options. */
  cellOptions?: CellOptions | undefined
  /** Rows of the batch, one after another, that share a row of the memory; 1 where gradients flow. */
  beams?: number | undefined
}

const NAMES: Names<DecoderArguments> = {
  ...{ cell: true, score: true, feeding: true, state: true, lengths: true, dropout: true },
  ...{ phases: true, random: true, precision: true, cellOptions: true, beams: true },
}
const MEMORY_NAMES: Names<DecoderMemory> = { keys: true, values: true, lengths: true }
const PARAMETER_NAMES: Names<DecoderParameters> = {
  ...{ layers: true, weightQuery: true, v: true, weightOutput: true, biasOutput: true },
}

/** What {@link decoder} gives. */
export interface DecoderResult {
  /** `[time, batch, P]`: the top layer's states; or [time, batch, D]: h~, when that is fed. */
  output: Tensor<Real>
  /** [time, batch, V]; null when the output is fed. */
  context: Tensor<Real> | null
  /** `[time, batch, Tk]`: each step's distribution over the memory. */
  weights: Tensor<Real>
  /** After each row's own last step. */
  state: DecoderState
}

/**
 * A whole attentional decoder over a whole target sequence: layers, attention and feeding, step by
 * step in one op. x: [time, batch, E], the embedded inputs of the steps. With a `time` of 1 and the
 * states passed on it is one step of decoding.
 */
export function decoder(
  x: Tensor,
  memory: DecoderMemory,
  parameters: DecoderParameters,
  settings: DecoderArguments,
): DecoderResult {
  const op = 'decoder'
  optionsOf(op, settings, NAMES)
  optionsOf(`${op} memory`, memory, MEMORY_NAMES)
  optionsOf(`${op} parameters`, parameters, PARAMETER_NAMES)
  const { cell, score, feeding, state, dropout = 0, random = null, beams = 1 } = settings
  checkChoice(op, 'cell', cell, Object.keys(gatesOf))
  checkChoice(op, 'score', score, ['additive', 'dot', 'scaled_dot'])
  checkChoice(op, 'feeding', feeding, ['context', 'output'])
  checkWhole(op, 'beams', beams, 1)
  if (state !== undefined && state !== null)
    expect(op, 'state', isObject(state), 'an object of tensors', state)
  const { precision = 'f32', cellOptions, phases = {} } = settings
  checkReal(op, 'x', x)
  if (x.dims !== 3) throw shapeError(op, 'x', '[time, batch, features]', formatShape(x.shape))
  checkDropout(op, dropout)
  checkPrecision(op, precision)
  expect(op, 'phases', isObject(phases), 'an object of amounts', phases)
  checkPhases(op, cell, phases)
  if (dropout > 0 && !random)
    throw new RnnativeError('ERR_ARGUMENT', `[${op}] random: expected a stream for dropout`)
  const [time, batch] = x.shape as [number, number, number]
  const { keys, values } = memory
  for (const [name, given] of Object.entries({ keys, values })) {
    checkReal(op, name, given)
    if (given.dims !== 3)
      throw shapeError(op, name, '[positions, batch, features]', formatShape(given.shape))
  }
  const { layers } = parameters
  expect(op, 'layers', isListOf(layers, isObject), 'a list of parameters', layers)
  layers.forEach((of, i) => checkReal(op, `layers[${i}].weightHidden`, of.weightHidden))
  const own = [
    parameters.weightQuery ?? null,
    parameters.v ?? null,
    parameters.weightOutput ?? null,
    parameters.biasOutput ?? null,
  ]
  layers.forEach((of, i) => checkSlots(cell, of, `l${i}`))
  const slots = layers.flatMap((of) => inSlots(cell, of))
  const states = [state?.h ?? null, state?.c ?? null, state?.fed ?? null]
  const names = { h: states[0], c: states[1], fed: states[2], weightQuery: own[0], v: own[1] }
  checkDevice(op, x, { ...names, weightOutput: own[2], biasOutput: own[3] } as Record<
    string,
    Tensor | null
  >)
  for (const slot of slots) if (slot) checkTensor(op, 'layers', slot)
  const training = tracks(x, keys, values, ...states, ...own, ...slots)
  const borrow = (name: string, lengths: Integers | null | undefined, extent: number) =>
    lengths !== undefined && lengths !== null
      ? borrowIntegers(op, name, lengths, extent, x, (data) =>
          tensor(data, [extent], { device: x.device }),
        )
      : null
  const ends = borrow('lengths', settings.lengths, batch)
  const memoryEnds = borrow('memory.lengths', memory.lengths, keys.shape[1] ?? 0)
  const features = layers[0]?.weightHidden.shape[1] ?? 0
  const hidden = layers[0]?.weightProjection?.shape[1] ?? features
  const options: DecoderOptions = {
    ...{ cell, layers: layers.length, directions: 1, hidden, precision, score, feeding, beams },
    ...(features !== hidden && { projection: features }),
    norm: layers.some(({ normInput }) => !!normInput),
    training: training || dropout > 0 || (random !== null && isPresent(phases)),
    ...{ dropout, phases, random },
    ...(cellOptions && { cellOptions: resolveCellOptions(op, cell, cellOptions) }),
  }
  const handles = (tensors: readonly (Tensor | null)[]) => tensors.map((t) => t?.handle ?? null)
  const made = native.decoder(
    options,
    x.handle,
    perCell(cell, handles(slots)),
    handles(own),
    [keys.handle, values.handle, memoryEnds?.tensor.handle ?? null],
    ends?.tensor.handle ?? null,
    handles(states),
  )
  const width = values.shape[2] as number
  const outputs = parameters.weightOutput?.shape[0] ?? 0
  const fedOutput = feeding === 'output'
  const output = result(made.y, [time, batch, fedOutput ? outputs : features], x)
  const context = made.context && result(made.context, [time, batch, width], x)
  const weights = result(made.weights, [time, batch, keys.shape[0] as number], x)
  const h = result(made.hn, [layers.length, batch, features], x)
  const c = made.cn && result(made.cn, [layers.length, batch, hidden], x)
  const fed = made.fedn && result(made.fedn, [batch, outputs], x)
  if (training)
    record({
      op,
      inputs: [x, keys, values, ...states, ...own, ...slots],
      outputs: [output, context, weights, h, c, fed],
      save: [
        ...[x, keys, values, memoryEnds?.tensor ?? null, ends?.tensor ?? null, weights],
        ...[...states, ...own, ...slots],
      ],
      own: [made.reserve],
      backward: (call) => {
        const { sinks, add } = call.open()
        const saved = (from: number, count: number) =>
          Array.from({ length: count }, (_, i) => call.savedOrNull(from + i))
        native.decoderBackward(
          options,
          call.saved(0),
          perCell(cell, saved(13, slots.length)),
          saved(9, 4),
          saved(1, 3),
          call.savedOrNull(4),
          saved(6, 3),
          call.saved(5),
          call.saved(13 + slots.length),
          Array.from({ length: 6 }, (_, i) => call.gradient(i)),
          sinks,
          add,
        )
      },
    })
  else if (made.reserve !== null) native.dispose(made.reserve)
  ends?.release()
  memoryEnds?.release()
  return {
    output,
    context,
    weights,
    state: { h, ...(c && { c }), ...(fed && { fed }) },
  }
}
