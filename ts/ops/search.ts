import { checkFinite, checkWhole, isObject, optionsOf, type Names } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isFloat32Array, isFloat64Array } from '../kinds'
import { tensor } from '../tensor/create'
import { native, type DType, type Real } from '../native/index'
import { checkShape, formatShape, shapeError } from '../tensor/shape'
import { Tensor } from '../tensor/tensor'
import { toTypedArray } from '../tensor/device'
import { borrowIntegers, checkDevice, checkInteger, checkNumbers, checkReal } from './support'
import { integers, reals, toIntegers, type Integers } from './support'
import { embedding } from './layers'
import { concat, reshape, slice } from './shape'

declare module '../native/index' {
  interface NativeAddon {
    /**
     * logits: [rows, V], scores: [rows], rows = sentences * beams; penalties: P entries each, or all
     * null. indices: i32 [sentences, k] of beam * V + token, scores: [sentences, k]. See RnTopk in
     * native/abi/backend.h.
     */
    topk(
      logits: N,
      scores: N,
      beams: number,
      k: number,
      penaltyRows: Int32Array | null,
      penaltyTokens: Int32Array | null,
      penaltyValues: Float32Array | Float64Array | null,
    ): { indices: N; scores: N }
    /**
     * indices: i32 [groups, k], best: [groups, k], as of `topk`. tokens, rows: i32 [groups * k], scores: [groups * k].
     * See RnExtendBeams in native/abi/backend.h.
     */
    extendBeams(
      indices: N,
      best: N,
      beams: number,
      vocabulary: number,
      end: number,
      known: number,
      unknown: number,
    ): { tokens: N; rows: N; scores: N }
    /**
     * logits: [rows, V]; given: i32 [rows] or null, -1 where free; words: 2 * rows words of random
     * bits, or null with a temperature of 0; topK 0: all; penalties as of `topk`. tokens: i32 [rows],
     * logProbabilities: [rows]. See RnSampleTokens in native/abi/backend.h.
     */
    sampleTokens(
      logits: N,
      given: Maybe,
      words: Int32Array | null,
      temperature: number,
      topK: number,
      topP: number,
      penaltyRows: Int32Array | null,
      penaltyTokens: Int32Array | null,
      penaltyValues: Float32Array | Float64Array | null,
    ): { tokens: N; logProbabilities: N }
  }
}

/** Adds `values[i]` to the score of token `tokens[i]` after row `rows[i]`; -Infinity forbids it. */
export interface Penalties {
  /** After which row. */
  rows: Int32Array | readonly number[]
  /** Which token. */
  tokens: Int32Array | readonly number[]
  /** What is added to its score. */
  values: Float64Array | Float32Array | readonly number[]
}

/** Penalties as the addon takes them. */
function listsOf(
  op: string,
  penalties: Penalties | null | undefined,
): [Int32Array | null, Int32Array | null, Float32Array | Float64Array | null] {
  if (penalties === null || penalties === undefined) return [null, null, null]
  expect(op, 'penalties', isObject(penalties), 'an object of lists', penalties)
  const { rows, tokens, values } = penalties
  const [at, of] = [
    toIntegers(op, 'penalties.rows', rows),
    toIntegers(op, 'penalties.tokens', tokens),
  ]
  checkNumbers(op, 'penalties.values', values)
  const same = at.length === of.length && at.length === values.length
  expect(op, 'penalties', same, 'lists of one length', [at.length, of.length, values.length])
  if (at.length === 0) return [null, null, null]
  const numbers =
    isFloat32Array(values) || isFloat64Array(values)
      ? values
      : (toTypedArray(op, 'penalties.values', 'f64', values) as Float64Array)
  return [at, of, numbers]
}

/** The rows of logits: [rows, vocabulary]. */
function checkRows(op: string, logits: Tensor): number {
  checkReal(op, 'logits', logits)
  if (logits.dims !== 2)
    throw shapeError(op, 'logits', '[rows, vocabulary]', formatShape(logits.shape))
  return logits.shape[0] as number
}

/** Options of {@link topk}. */
export interface TopkOptions {
  /** Hypotheses of a sentence, one after another among the rows. Default 1. */
  beams?: number | undefined
  /** How many are to be found for each sentence. */
  k: number
  /** What is added to scores, token by token. */
  penalties?: Penalties | null | undefined
}

const TOPK_NAMES: Names<TopkOptions> = { beams: true, k: true, penalties: true }

/** What {@link topk} gives. */
export interface TopkResult {
  /** i32 [sentences, k], best first: beam * vocabulary + token; -1 where no more are possible. */
  indices: Tensor<'i32'>
  /** [sentences, k]; -Infinity with an index of -1. */
  scores: Tensor<Real>
}

/**
 * The k best continuations of each sentence's hypotheses. logits: [rows, vocabulary]; scores: [rows],
 * what each hypothesis has so far, -Infinity for one that must not go on. A continuation scores
 * `scores[row] + logSoftmax(logits[row])[token]` and its penalties. Where the logits of a row hold NaN
 * or have no finite maximum the results fail with `ERR_NONFINITE`. Records no gradients.
 */
export function topk(logits: Tensor, scores: Tensor, options: TopkOptions): TopkResult {
  const op = 'topk'
  const { beams = 1, k, penalties } = optionsOf(op, options, TOPK_NAMES)
  checkWhole(op, 'beams', beams, 1)
  checkWhole(op, 'k', k, 1)
  const rows = checkRows(op, logits)
  checkReal(op, 'scores', scores)
  checkDevice(op, logits, { scores })
  checkShape(op, 'scores', scores.shape, [rows])
  const made = native.topk(logits.handle, scores.handle, beams, k, ...listsOf(op, penalties))
  const shape = [rows / beams, k]
  return {
    indices: integers(made.indices, shape, logits),
    scores: reals(made.scores, shape, logits),
  }
}

/** Options of {@link extendBeams}. */
export interface ExtendBeamsOptions {
  /** Of the search that chose the continuations. */
  vocabulary: number
  /** The token that ends a hypothesis. */
  end: number
  /** Hypotheses of a sentence among the rows that were continued. Default 1. */
  beams?: number | undefined
  /** Tokens from this one on are read as `unknown`. Default: the vocabulary. */
  known?: number | undefined
  /** Below `known`. Default 0. */
  unknown?: number | undefined
}

const EXTEND_NAMES: Names<ExtendBeamsOptions> = {
  ...{ vocabulary: true, end: true, beams: true, known: true, unknown: true },
}

/** What hypotheses go on with: k rows of each sentence, those that are of no use last. */
export interface ExtendedBeams {
  /** i32 [rows]: to be read next; the end in a row of no use. */
  tokens: Tensor<'i32'>
  /** i32 [rows]: which row each extends. */
  rows: Tensor<'i32'>
  /** `[rows]`: relative to the sentence's best; -Infinity in a row of no use. */
  scores: Tensor<Real>
}

/**
 * The next rows of a search from what {@link topk} found: the continuations that do not end their hypothesis, in their
 * order. Together they make steps of a search that nobody has to wait for. Records no gradients.
 */
export function extendBeams(chosen: TopkResult, options: ExtendBeamsOptions): ExtendedBeams {
  const op = 'extendBeams'
  const {
    vocabulary,
    end,
    beams = 1,
    known = vocabulary,
    unknown = 0,
  } = optionsOf(op, options, EXTEND_NAMES)
  expect(op, 'chosen', isObject(chosen), 'what topk gives', chosen)
  const { indices, scores: best } = chosen
  checkWhole(op, 'vocabulary', vocabulary, 1)
  checkWhole(op, 'end', end, 0)
  checkWhole(op, 'beams', beams, 1)
  checkWhole(op, 'known', known, 1)
  checkWhole(op, 'unknown', unknown, 0)
  checkReal(op, 'scores', best)
  checkInteger(op, 'indices', indices)
  checkDevice(op, best, { indices })
  if (best.dims !== 2) throw shapeError(op, 'scores', '[sentences, k]', formatShape(best.shape))
  checkShape(op, 'indices', indices.shape, best.shape)
  const how = [beams, vocabulary, end, known, unknown] as const
  const made = native.extendBeams(indices.handle, best.handle, ...how)
  const shape = [best.size]
  return {
    tokens: integers(made.tokens, shape, best),
    rows: integers(made.rows, shape, best),
    scores: reals(made.scores, shape, best),
  }
}

/** Options of {@link sampleTokens}. */
export interface SampleTokensOptions {
  /** `[rows]`: the token to take after a row; -1 where one is to be chosen. Default: all are. */
  given?: Integers | null | undefined
  /** What is added to scores, token by token. */
  penalties?: Penalties | null | undefined
  /** Divides the scores; 0 chooses the likeliest token, the lowest of equals. Default 1. */
  temperature?: number | undefined
  /** Draws among the k likeliest tokens only; 0: all. Default 0. */
  topK?: number | undefined
  /** Draws among the fewest likeliest tokens that together have this probability. Default 1. */
  topP?: number | undefined
  /** `[rows]`: numbers in [0, 1), each of which decides its row's draw. Needed above temperature 0. */
  uniforms?: ArrayLike<number> | undefined
}

const SAMPLE_NAMES: Names<SampleTokensOptions> = {
  ...{ given: true, penalties: true, temperature: true, topK: true, topP: true, uniforms: true },
}

/** What {@link sampleTokens} gives. */
export interface SampledTokens {
  /** i32 [rows] */
  tokens: Tensor<'i32'>
  /** `[rows]`: logSoftmax(logits[row])[token], whatever the other options. */
  logProbabilities: Tensor<Real>
}

/**
 * A token of each row, given or drawn. logits: [rows, vocabulary]; a token is drawn with probabilities
 * in proportion to exp((logits[row] + penalties) / temperature), among those that topK, then topP
 * leave. A row's choice does not depend on the other rows. Where scores of a row without a given token
 * hold NaN or have no finite maximum the results fail with `ERR_NONFINITE`; where a given token is out
 * of range, with `ERR_INDEX`. Records no gradients.
 */
export function sampleTokens(logits: Tensor, options: SampleTokensOptions = {}): SampledTokens {
  const op = 'sampleTokens'
  optionsOf(op, options, SAMPLE_NAMES)
  const { given = null, penalties, temperature = 1, topK = 0, topP = 1, uniforms } = options
  for (const [name, value] of [
    ['temperature', temperature],
    ['topK', topK],
    ['topP', topP],
  ] as const)
    checkFinite(op, name, value)
  const rows = checkRows(op, logits)
  if (uniforms || temperature !== 0)
    expect(op, 'uniforms', uniforms?.length === rows, `${rows} numbers`, uniforms)
  const { device } = logits
  const make = (data: Int32Array) => tensor(data, [rows], { device })
  const borrowed = given === null ? null : borrowIntegers(op, 'given', given, rows, logits, make)
  const made = native.sampleTokens(
    logits.handle,
    borrowed?.tensor.handle ?? null,
    uniforms ? wordsOf(op, uniforms) : null,
    temperature,
    topK,
    topP,
    ...listsOf(op, penalties),
  )
  borrowed?.release()
  return {
    tokens: integers(made.tokens, [rows], logits),
    logProbabilities: reals(made.logProbabilities, [rows], logits),
  }
}

/** The 64 bits of each number after the binary point, the high word first. */
function wordsOf(op: string, uniforms: ArrayLike<number>): Int32Array {
  const words = new Int32Array(2 * uniforms.length)
  for (let i = 0; i < uniforms.length; ++i) {
    const u = uniforms[i] as number
    if (!(typeof u === 'number' && u >= 0 && u < 1))
      expect(op, `uniforms[${i}]`, false, 'a number in [0, 1)', u)
    const high = Math.floor(u * 2 ** 32)
    words[2 * i] = high
    words[2 * i + 1] = (u * 2 ** 32 - high) * 2 ** 32
  }
  return words
}

/**
 * Rows of the batch in another order, as a search needs after it has chosen hypotheses: y[.., i, :] =
 * x[.., rows[i], :]. x: [batch, features] or [layers, batch, features]; rows: numbers, or i32 on its device.
 */
export function takeRows<D extends DType>(x: Tensor<D>, rows: Integers): Tensor<D> {
  const op = 'takeRows'
  checkReal(op, 'x', x)
  if (x.dims !== 2 && x.dims !== 3)
    throw shapeError(op, 'x', '[..., batch, features]', formatShape(x.shape))
  if (rows instanceof Tensor) {
    checkInteger(op, 'rows', rows)
    checkDevice(op, x, { rows })
    if (rows.dims !== 1) throw shapeError(op, 'rows', '[rows]', formatShape(rows.shape))
    return rowsOfLayers(x, rows)
  }
  const [batch, features] = x.shape.slice(-2) as [number, number]
  checkNumbers(op, 'rows', rows)
  for (let i = 0; i < rows.length; ++i)
    if (!(Number.isInteger(rows[i]) && rows[i]! >= 0 && rows[i]! < batch))
      throw new RnnativeError(
        'ERR_INDEX',
        `[takeRows] rows: expected integers in 0..${batch - 1}, got ${show(rows[i])}`,
      )
  const layers = x.dims === 3 ? (x.shape[0] as number) : 1
  const ids = new Int32Array(layers * rows.length)
  for (let layer = 0; layer < layers; ++layer)
    rows.forEach((row: number, i: number) => (ids[layer * rows.length + i] = layer * batch + row))
  const lead = x.dims === 3 ? [layers, rows.length] : [rows.length]
  const flat = reshape(x, [layers * batch, features])
  const which = tensor(ids, lead, { device: x.device })
  const y = embedding(which, flat)
  for (const temporary of [flat, which]) temporary.dispose()
  return y
}

function rowsOfLayers<D extends DType>(x: Tensor<D>, rows: Tensor): Tensor<D> {
  if (x.dims === 2) return embedding(rows, x)
  const [layers, batch, features] = x.shape as [number, number, number]
  const taken = Array.from({ length: layers }, (_, layer) => {
    const part = slice(x, 0, layer, 1)
    const flat = reshape(part, [batch, features])
    const own = embedding(rows, flat)
    const y = reshape(own, [1, rows.size, features])
    for (const temporary of [part, flat, own]) temporary.dispose()
    return y
  })
  const [only] = taken
  if (taken.length === 1 && only) return only
  const y = concat(taken, 0)
  for (const temporary of taken) temporary.dispose()
  return y
}
