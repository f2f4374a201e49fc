import { isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { record, tracks } from '../tensor/autograd'
import { native, type DType, type NativeRandom, type NativeTensor } from '../native/index'
import { checkShape, formatShape, resolveAxis, shapeError } from '../tensor/shape'
import type { Tensor } from '../tensor/tensor'
import { transpose } from './shape'
import { checkDevice, checkInteger, checkReal, result } from './support'

declare module '../native/index' {
  interface NativeAddon {
    /** ids: i32 of any shape, table: [V, E] -> [...ids, E]. */
    embedding(ids: N, table: N): N
    /** sinks: [dtable]. */
    embeddingBackward(ids: N, dy: N, sinks: Sinks, add: number): void
    /**
     * What embeddingBackward comes to without the rows that no id names. ids: lists that rows of dy [N, E] belong to one
     * after another; none: of each an id that counts for nothing. touched: i32 [C], the distinct ids, then -1; sums: [C, E].
     */
    touchedRows(
      ids: readonly N[],
      none: readonly number[],
      dy: N,
      vocabulary: number,
    ): { touched: N; sums: N }
    /** `batchAxis` is the axis of samples (1 for [T, B, F], 0 for [B, F]). Its own backward. */
    dropout(x: N, p: number, batchAxis: number, random: NativeRandom, sink: Maybe, add: boolean): N
    /** saved is null unless training. */
    layerNorm(
      x: N,
      gain: Maybe,
      bias: Maybe,
      eps: number,
      training: boolean,
    ): { y: N; saved: Maybe }
    /** sinks: [dx, dgain, dbias]. */
    layerNormBackward(x: N, gain: Maybe, saved: N, dy: N, sinks: Sinks, add: number): void
    softmax(x: N, log: boolean): N
    softmaxBackward(y: N, dy: N, log: boolean, sinks: Sinks, add: number): void
  }
}

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** A row that this use of the table never teaches. */
  paddingIndex?: number | null | undefined
}

const EMBEDDING_NAMES: Names<EmbeddingOptions> = { paddingIndex: true }

/**
 * Rows of a table. ids: i32 of any shape, each in 0..V-1 (else the result fails with `ERR_INDEX`);
 * table: [V, E]. Returns [...ids, E]. The table's gradient is dense, unless a lazy optimizer has it.
 */
export function embedding<D extends DType>(
  ids: Tensor,
  table: Tensor<D>,
  options: EmbeddingOptions = {},
): Tensor<D> {
  const { paddingIndex = null } = optionsOf('embedding', options, EMBEDDING_NAMES)
  checkInteger('embedding', 'ids', ids)
  checkReal('embedding', 'table', table)
  checkShape('embedding', 'table', table.shape, ['V', 'E'])
  checkDevice('embedding', table, { ids })
  const [rows, features] = table.shape as [number, number]
  if (paddingIndex !== null) {
    const within = Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < rows
    expect('embedding', 'paddingIndex', within, `0..${rows - 1} or null`, paddingIndex)
  }
  const y = result(native.embedding(ids.handle, table.handle), [...ids.shape, features], table)
  if (tracks(table))
    record({
      op: 'embedding',
      inputs: [table],
      outputs: [y],
      save: [ids],
      byRows: true,
      backward: (call) => {
        if (call.rows) {
          const dy = native.view(call.dy, 0, [ids.size, features])
          const own = native.view(call.saved(0), 0, [ids.size])
          return call.rows.add({ ids: own, none: paddingIndex ?? -1, dy })
        }
        const { sinks, add, bits } = call.open()
        const [dtable] = sinks
        if (!dtable) return
        const restore =
          paddingIndex === null ? null : keepRow(dtable, paddingIndex, features, add[0] === true)
        native.embeddingBackward(call.saved(0), call.dy, sinks, bits)
        restore?.()
      },
    })
  return y
}

/** Remembers a row of a gradient; the function returned puts it back. */
function keepRow(gradient: NativeTensor, row: number, features: number, add: boolean): () => void {
  const view = native.view(gradient, row * features, [features])
  const { device, dtype } = native.describe(gradient)
  const before = add ? native.empty(device, dtype, [features]) : null
  if (before !== null) native.copyInto(before, view)
  return () => {
    if (before === null) native.fill(view, 0)
    else {
      native.copyInto(view, before)
      native.dispose(before)
    }
    native.dispose(view)
  }
}

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Which draws it makes: the same give the same mask. */
  random: NativeRandom
  /** The axis of samples. Default: 1 for [time, batch, ...], 0 for [batch, features]. */
  batchAxis?: number | undefined
}

const DROPOUT_NAMES: Names<DropoutOptions> = { random: true, batchAxis: true }

/** Throws `ERR_ARGUMENT` unless `p` is a probability below 1. */
export function checkDropout(op: string, p: number, name = 'dropout'): void {
  if (!(typeof p === 'number' && p >= 0 && p < 1)) expect(op, name, false, 'a number in [0, 1)', p)
}

/** Zeros each element with probability p and divides the others by 1 - p. */
export function dropout<D extends DType>(
  x: Tensor<D>,
  p: number,
  options: DropoutOptions,
): Tensor<D> {
  checkReal('dropout', 'x', x)
  checkDropout('dropout', p)
  const { random, batchAxis } = optionsOf('dropout', options, DROPOUT_NAMES)
  expect('dropout', 'random', isObject(random), 'a stream of random numbers', random)
  const axis = resolveAxis('dropout', batchAxis ?? (x.dims > 2 ? 1 : 0), x.dims)
  const y = result(native.dropout(x.handle, p, axis, random, null, false), x.shape, x)
  if (tracks(x))
    record({
      op: 'dropout',
      inputs: [x],
      outputs: [y],
      backward: (call) => call.give(0, native.dropout(call.dy, p, axis, random, null, false)),
    })
  return y
}

/** Options of {@link layerNorm}. */
export interface LayerNormOptions {
  /** Of each feature. Default: ones. */
  gain?: Tensor | null | undefined
  /** Of each feature. Default: zeros. */
  bias?: Tensor | null | undefined
  /** Added to the variance. Default 1e-5. */
  eps?: number | undefined
}

const NORM_NAMES: Names<LayerNormOptions> = { gain: true, bias: true, eps: true }

/** (x - mean) / sqrt(var + eps) * gain + bias over the last axis (Ba et al. 2016). */
export function layerNorm<D extends DType>(
  x: Tensor<D>,
  options: LayerNormOptions = {},
): Tensor<D> {
  const { gain = null, bias = null, eps = 1e-5 } = optionsOf('layerNorm', options, NORM_NAMES)
  expect('layerNorm', 'eps', typeof eps === 'number', 'a number', eps)
  checkReal('layerNorm', 'x', x)
  checkDevice('layerNorm', x, { gain, bias })
  const features = x.shape.at(-1)
  if (features === undefined) throw shapeError('layerNorm', 'x', '[..., features]', '[]')
  if (gain) checkShape('layerNorm', 'gain', gain.shape, [features])
  if (bias) checkShape('layerNorm', 'bias', bias.shape, [features])
  const training = tracks(x, gain, bias)
  const made = native.layerNorm(x.handle, gain?.handle ?? null, bias?.handle ?? null, eps, training)
  const y = result(made.y, x.shape, x)
  if (training)
    record({
      op: 'layerNorm',
      inputs: [x, gain, bias],
      outputs: [y],
      save: [x, gain],
      own: [made.saved],
      backward: (call) => {
        const { sinks, bits } = call.open()
        const saved = call.saved(2)
        native.layerNormBackward(call.saved(0), call.savedOrNull(1), saved, call.dy, sinks, bits)
      },
    })
  return y
}

function softmaxLast<D extends DType>(x: Tensor<D>, log: boolean): Tensor<D> {
  const op = log ? 'logSoftmax' : 'softmax'
  const y = result(native.softmax(x.handle, log), x.shape, x)
  if (tracks(x))
    record({
      op,
      inputs: [x],
      outputs: [y],
      save: [y],
      backward: (call) => {
        const { sinks, bits } = call.open()
        native.softmaxBackward(call.saved(0), call.dy, log, sinks, bits)
      },
    })
  return y
}

function softmaxAlong<D extends DType>(
  op: string,
  x: Tensor<D>,
  axis: number,
  log: boolean,
): Tensor<D> {
  checkReal(op, 'x', x)
  if (x.dims === 0) throw shapeError(op, 'x', 'an axis', formatShape(x.shape))
  const at = resolveAxis(op, axis, x.dims)
  if (at === x.dims - 1) return softmaxLast(x, log)
  const turned = transpose(x, at, -1)
  const y = softmaxLast(turned, log)
  const back = transpose(y, at, -1)
  turned.dispose()
  y.dispose()
  return back
}

/** Shares along an axis: exp(x) / sum(exp(x)), the maximum taken away first. */
export const softmax = <D extends DType>(x: Tensor<D>, axis = -1): Tensor<D> =>
  softmaxAlong('softmax', x, axis, false)

/** Logarithms of {@link softmax}, computed without it. */
export const logSoftmax = <D extends DType>(x: Tensor<D>, axis = -1): Tensor<D> =>
  softmaxAlong('logSoftmax', x, axis, true)
