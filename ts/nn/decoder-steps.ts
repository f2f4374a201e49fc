/** Attention of beams, and a decoder whose steps are ops one after another. */
import { scope, tensor, zeros, type DType, type Parameter, type Real, type Tensor } from '../tensor'
import * as ops from '../ops'
import { borrowIntegers } from '../ops/support'
import type { Attention } from './attention'
import type { Recurrent } from './recurrent-stack'

/** Attention whose queries [time, rows * beams, A] share `rows` rows of memory: beams become time. */
export function withBeams(
  queries: Tensor,
  beams: number,
  attend: (queries: Tensor) => ops.AttentionResult,
): ops.AttentionResult {
  if (beams === 1) return attend(queries)
  const [time, batch, features] = queries.shape as [number, number, number]
  const rows = batch / beams
  const swap = <D extends DType>(x: Tensor<D>, shape: number[], to: number[]): Tensor<D> => {
    if (rows === 1) return ops.reshape(x, to) // nothing changes places
    const split = ops.reshape(x, shape)
    const turned = ops.permute(split, [0, 2, 1, 3])
    const y = ops.reshape(turned, to)
    for (const tensor of [split, turned]) tensor.dispose()
    return y
  }
  const folded = swap(queries, [time, rows, beams, features], [time * beams, rows, features])
  const made = attend(folded)
  const unfold = <D extends DType>(x: Tensor<D>): Tensor<D> => {
    const width = x.shape[2] as number
    const y = swap(x, [time, beams, rows, width], [time, batch, width])
    x.dispose()
    return y
  }
  folded.dispose()
  return { context: unfold(made.context), weights: unfold(made.weights) }
}

/** What {@link decodeInSteps} reads of an `AttentionDecoder`. */
interface Steps {
  readonly attention: Attention
  readonly layers: Recurrent
  readonly weight_out: Parameter | null
  readonly bias_out: Parameter | null
}

/** As those of an `AttentionDecoder`'s `forward`. */
interface StepsArguments {
  x: Tensor
  memory: Tensor
  keys: Tensor
  feeding: ops.DecoderFeeding
  state?: ops.DecoderState | null | undefined
  lengths?: ops.Integers | null | undefined
  memoryLengths?: ops.Integers | null | undefined
  beams?: number | undefined
}

/** What a step gives; `[1, batch, ..]` each, and the state as {@link ops.decoder} has it. */
type Step = ops.DecoderResult

/**
 * What {@link ops.decoder} gives in inference, by an op for each product, which may be int8. What is fed shares its input's
 * scale.
 */
export function decodeInSteps(
  decoder: Steps,
  cells: readonly ops.CellParameters[],
  given: StepsArguments,
): ops.DecoderResult {
  return scope(() => {
    const { x, lengths } = given
    const [time, batch] = x.shape as [number, number]
    const ends =
      lengths !== undefined && lengths !== null
        ? borrowIntegers('decoder', 'lengths', lengths, batch, x, (data) =>
            tensor(data, [batch], { device: x.device }),
          )
        : null
    let state = begin(decoder, given)
    const made: Step[] = []
    for (let t = 0; t < time; ++t) {
      const step = stepOf(decoder, cells, given, { x: ops.slice(x, 0, t, 1), state })
      made.push(step)
      state = ends ? unlessEnded(step.state, state, ends.tensor, t) : step.state
    }
    const result = { ...joined(decoder, given, made, ends?.tensor ?? null), state }
    ends?.release()
    return result
  })
}

/** The given state as tensors of its own, zeros where there is none. */
function begin({ layers, weight_out }: Steps, given: StepsArguments): ops.DecoderState {
  const { x, state, feeding } = given
  const [, batch] = x.shape as [number, number]
  const own = (part: Tensor | undefined, shape: number[]): Tensor =>
    part ? ops.reshape(part, part.shape) : zeros(shape, { device: x.device })
  const count = layers.layers
  return {
    h: own(state?.h, [count, batch, layers.features]),
    ...(ops.hasC[layers.cell] && { c: own(state?.c, [count, batch, layers.hidden]) }),
    ...(feeding === 'output' && { fed: own(state?.fed, [batch, weight_out?.shape[0] as number]) }),
  }
}

function stepOf(
  { layers, attention, weight_out, bias_out }: Steps,
  cells: readonly ops.CellParameters[],
  { memory, keys, feeding, memoryLengths, beams = 1 }: StepsArguments,
  { x, state }: { x: Tensor; state: ops.DecoderState },
): Step {
  const { h, c, fed } = state
  const { precision, cell, cellOptions, layers: count, zoneout: phases } = layers
  const attend = (states: Tensor) =>
    withBeams(attention.queries(states), beams, (queries) =>
      ops.attention(queries, keys, memory, {
        ...{ score: attention.score, v: attention.v, memoryLengths },
      }),
    )
  const run = (input: Tensor) =>
    ops.recurrent(ops.concat([x, input], -1), cells, {
      ...{ cell, layers: count, cellOptions, phases, precision, state: { h, ...(c && { c }) } },
    })
  if (feeding === 'context') {
    const { context, weights } = attend(ops.slice(h, 0, count - 1, 1))
    const made = run(context)
    return { output: made.output, context, weights, state: made.state }
  }
  const [batch, features] = (fed as Tensor).shape as [number, number]
  const made = run(ops.reshape(fed as Tensor, [1, batch, features]))
  const { context, weights } = attend(made.output)
  const read = ops.concat([context, made.output], -1)
  const output = ops.tanh(ops.linear(read, weight_out as Tensor, bias_out, { precision }))
  const next = { ...made.state, fed: ops.reshape(output, [batch, features]) }
  return { output, context: null, weights, state: next }
}

/** A row's state stays as it was past its last step. */
function unlessEnded(
  next: ops.DecoderState,
  before: ops.DecoderState,
  lengths: Tensor,
  step: number,
): ops.DecoderState {
  const { h, c, fed } = next
  const [, batch] = h.shape as [number, number]
  const goes = ops.greater(lengths, step)
  const kept = (a: Tensor, b: Tensor, shape: number[]): Tensor =>
    ops.where(ops.reshape(goes, shape), a, b)
  return {
    h: kept(h, before.h, [1, batch, 1]),
    ...(c && { c: kept(c, before.c as Tensor, [1, batch, 1]) }),
    ...(fed && { fed: kept(fed, before.fed as Tensor, [batch, 1]) }),
  }
}

/** Steps side by side, zeros past a row's end. */
function joined(
  { layers, weight_out }: Steps,
  { x, memory, keys, feeding }: StepsArguments,
  made: readonly Step[],
  lengths: Tensor | null,
): Omit<ops.DecoderResult, 'state'> {
  const [time, batch] = x.shape as [number, number]
  const all = (of: (step: Step) => Tensor<Real>, width: number): Tensor<Real> => {
    if (time === 0) return zeros([0, batch, width], { device: x.device })
    const y = ops.concat(made.map(of), 0)
    return lengths ? ops.maskTime(y, lengths) : y
  }
  const features = feeding === 'output' ? (weight_out?.shape[0] as number) : layers.features
  const context =
    feeding === 'context'
      ? all((step) => step.context as Tensor<Real>, memory.shape[2] as number)
      : null
  return {
    output: all((step) => step.output, features),
    ...{ context, weights: all((step) => step.weights, keys.shape[0] as number) },
  }
}
