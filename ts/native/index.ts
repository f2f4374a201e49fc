/**
 * The addon's interface: what native/addon exports and the only thing the TypeScript layer calls.
 * Every function checks its arguments again and throws Errors that become RnnativeErrors here
 * (`code`, message `[op] name: expected …, got …`); none can crash the process.
 *
 * Ops enqueue and return at once; values arrive through {@link NativeAddon.read}. Values of integer
 * tensors are checked when the op runs, so a bad id fails the op's outputs with `ERR_INDEX`.
 */
import { join } from 'node:path'
import { guardNative } from '../errors'
import type { Precision } from '../precision'

/** An opaque handle on storage + offset + shape + dtype + device. */
export interface NativeTensor {
  readonly __brand: unique symbol
}

/** An opaque handle on recorded ops. */
export interface NativeProgram {
  readonly __program: unique symbol
}

export type DeviceName = 'cpu' | 'reference' | 'cuda'
/** `f32` on cpu and cuda, `f64` on reference; `i32` for ids and lengths everywhere. */
export type DType = 'f32' | 'f64' | 'i32'
export type TypedArray = Float32Array | Float64Array | Int32Array

/** Key of a random stream: see RnRandom in native/abi/backend.h. */
export interface NativeRandom {
  /** From {@link NativeAddon.streamKey}. */
  key: Uint32Array
  step: number
  sampleBase: number
  stream?: number
}

export interface NativeInfo {
  isa: string
  /** All the ISAs this build and CPU can run, slowest first. */
  isas: string[]
  threads: number
  /** CPUs the default team was sized from. */
  affinity: number
  /** cgroup CPU quota in CPUs, or null. */
  quota: number | null
  memoryLimit: number
  buildId: string
  napi: number
  compiler: string
}

export interface NativeDeviceMemory {
  tensors: number
  bytes: number
  peakBytes: number
}

export interface NativeMemory {
  /**
   * Live storages and their bytes per device, packed weights and staged inputs included; `cuda` only
   * while it holds any.
   */
  devices: Record<'cpu' | 'reference', NativeDeviceMemory> & { cuda?: NativeDeviceMemory }
  /** Of the CUDA device's memory what recorded training steps hold; not among the bytes above. */
  programs: number
  /** Of the host's memory. */
  limit: number
  staged: number
  pendingOps: number
}

export interface NativeProfileRow {
  op: string
  device: string
  calls: number
  milliseconds: number
}

export interface RecurrentOptions {
  cell: 'rnn_tanh' | 'rnn_relu' | 'lstm' | 'gru' | 'gru_reset_before'
  layers: number
  directions: number
  hidden: number
  training: boolean
  dropout: number
  /** Amounts of the phases of a step; those left out, or 0, are not there. */
  phases?: Partial<Record<NativePhase['name'], number>>
  /** Required when dropout or a phase's amount is above 0. */
  random?: NativeRandom | null
  /** 'f32' unless given, here and below. */
  precision?: Precision
}

/** A row of RN_CELLS in native/abi/cells.h. */
export interface NativeCell {
  name: RecurrentOptions['cell']
  /** Rows of a weight per unit. */
  gates: number
  /** Whether there is a c beside h. */
  hasC: boolean
  /** With R, one after the other in a step. */
  products: number
  /** Whether the state after a step has a part of that before it that no product touches. */
  carriesH: boolean
  /** Whether the last gate's term with R has a bias and a gradient of its own. */
  apart: boolean
}

/** A row of RN_SLOTS there: a parameter of a layer and direction, its shape and whether it must be. */
export interface NativeSlot {
  name: 'weight_ih' | 'weight_hh' | 'bias_ih' | 'bias_hh'
  rows: NativeExtent
  columns: NativeExtent
  required: boolean
}

/** A row of RN_PHASES there: what a step may have beside its cell, in an amount of 0..below. */
export interface NativePhase {
  name: 'state_dropout'
  below: number
  /** Whether it acts in training only. */
  training: boolean
}
type NativeExtent = 'one' | 'hidden' | 'gates' | 'input'

/** How queries are scored against keys: RnScore in native/abi/backend.h. */
export type AttentionScore = 'additive' | 'dot' | 'scaled_dot'

/** What each step of a decoder is fed: RnFeeding in native/abi/backend.h. */
export type DecoderFeeding = 'context' | 'output'

export interface DecoderOptions extends RecurrentOptions {
  score: AttentionScore
  feeding: DecoderFeeding
  /** Rows of the batch that share a row of the memory; 1 in training. */
  beams: number
}

export interface OptimizerOptions {
  kind: 'sgd' | 'adam' | 'adamw' | 'rmsprop' | 'adagrad'
  clipNorm: number
  lr: number
  weightDecay: number
  momentum: number
  dampening: number
  beta1: number
  beta2: number
  eps: number
  alpha: number
  lrDecay: number
  nesterov: boolean
  centered: boolean
  step: number
}

/** A gradient's destination: null to skip it. Bit i of `add` says destination i is added to. */
export type Sinks = readonly (NativeTensor | null)[]
type N = NativeTensor
type Maybe = NativeTensor | null

export interface NativeAddon {
  // --- process and environment
  info(): NativeInfo
  memory(): NativeMemory
  /** Sets the limit of the host's memory in bytes; 0 restores the default. */
  setMemoryLimit(bytes: number): void
  /** Takes effect in queue order. 0 restores the default. */
  setThreads(n: number): void
  /** Tests and RNNATIVE_ISA only: switches the cpu backend in queue order. */
  setIsa(isa: string): void
  profileStart(): void
  profileStop(): Promise<NativeProfileRow[]>
  /** Resolves when this environment's queue is empty; rejects with the first unread failure. */
  synchronize(): Promise<void>
  streamKey(seed: number, path: string): Uint32Array
  /** Philox4x32-10 words for tests and host-side sampling: 4 * blocks words from counter 0. */
  philox(random: NativeRandom, firstBlock: number, blocks: number): Uint32Array
  cudaProbe(): {
    available: boolean
    reason: string
    fix: string
    devices: string[]
    /** Of the device, in bytes. */
    memory: number
    /** Where cuBLAS was found; empty: nowhere. */
    cublas: string
    /** The newest CUDA that the driver supports, 1000 * major + 10 * minor; 0: no driver. */
    driver: number
    runtime: number
  }

  // --- tensors
  fromData(device: DeviceName, dtype: DType, shape: readonly number[], data: TypedArray): N
  /** Contents undefined until an op writes them (memory is taken then); reading before is an error. */
  empty(device: DeviceName, dtype: DType, shape: readonly number[]): N
  full(device: DeviceName, dtype: DType, shape: readonly number[], value: number): N
  random(
    device: DeviceName,
    dtype: DType,
    shape: readonly number[],
    distribution: 'uniform' | 'normal',
    a: number,
    b: number,
    random: NativeRandom,
  ): N
  /** `blocks` blocks of rows, each of orthonormal rows, or columns if it has more rows, times gain. */
  orthogonal(
    device: DeviceName,
    rows: number,
    columns: number,
    blocks: number,
    gain: number,
    random: NativeRandom,
  ): N
  /** Shares storage: `offset` elements from x's own start. */
  view(x: N, offset: number, shape: readonly number[]): N
  describe(x: N): {
    device: DeviceName
    dtype: DType
    shape: number[]
    offset: number
    storageId: number
    disposed: boolean
  }
  /** How often the range of storage under x has been written by ops submitted so far. */
  version(x: N): number
  dispose(x: N): void
  read(x: N): Promise<TypedArray>

  // --- in place (targets are left as they were when the op or an input failed)
  fill(y: N, value: number): void
  /** y = x, same element count and dtype, same device. */
  copyInto(y: N, x: N): void
  /** y += x. Fails y with x. */
  accumulate(y: N, x: N): void
  /** y = data from JavaScript, copied at the call. */
  writeInto(y: N, data: TypedArray): void

  // --- elementwise, reduction, shape
  unary(
    op:
      | 'neg'
      | 'exp'
      | 'log'
      | 'sqrt'
      | 'abs'
      | 'square'
      | 'tanh'
      | 'sigmoid'
      | 'relu'
      | 'affine'
      | 'pow'
      | 'clamp',
    x: N,
    a: number,
    b: number,
  ): N
  unaryBackward(
    op: string,
    x: N,
    y: N,
    dy: N,
    a: number,
    b: number,
    sinks: Sinks,
    add: number,
  ): void
  /** NumPy broadcasting. */
  binary(op: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum', a: N, b: N): N
  /** sinks: [da, db]. */
  binaryBackward(op: string, a: N, b: N, dy: N, sinks: Sinks, add: number): void
  /** Over one axis, which disappears. 'max' also returns argmax as i32. */
  reduce(op: 'sum' | 'mean' | 'max', x: N, axis: number): { y: N; argmax: Maybe }
  /** sinks: [dx]; `shape` is x's. */
  reduceBackward(
    op: string,
    shape: readonly number[],
    axis: number,
    argmax: Maybe,
    dy: N,
    sinks: Sinks,
    add: number,
  ): void
  permute(x: N, axes: readonly number[], sink: Maybe, add: boolean): N
  /** x[begin : begin + length] along axis, as a copy. */
  slice(x: N, axis: number, begin: number, length: number): N
  /** dx[begin : begin + length] along axis (+)= dy; with add = false the rest of dx becomes 0. */
  sliceBackward(dy: N, axis: number, begin: number, dx: N, add: boolean): void
  concat(xs: readonly N[], axis: number): N
  /** x: [T, B, ...], lengths: i32 [B]. sink null: returns a new tensor; else (+)= into sink. */
  maskTime(x: N, lengths: N, sink: Maybe, add: boolean): N
  /** x: [T, B, ...], lengths: i32 [B] or null. steps: i32, where each maximum was; null unless 'max'. */
  poolTime(op: 'mean' | 'max' | 'last', x: N, lengths: Maybe): { y: N; steps: Maybe }
  /** sinks: [dx]. */
  poolTimeBackward(op: string, lengths: Maybe, steps: Maybe, dy: N, sinks: Sinks, add: number): void

  // --- comparing, choosing, integers as reals
  /** i32, with broadcasting; a and b real or both i32. */
  compare(op: 'equal' | 'not_equal' | 'less' | 'less_equal', a: N, b: N): N
  /** condition: i32. All three broadcast. */
  where(condition: N, a: N, b: N): N
  /** sinks: [da, db], whose shapes are the operands'. */
  whereBackward(condition: N, dy: N, sinks: Sinks, add: number): void
  /** ids: i32 of any shape -> [...ids, classes]. */
  oneHot(ids: N, classes: number): N
  toReal(x: N): N

  // --- matrix products
  /** a: [..., M, K], b: [..., K, N] (after transposition), equal leading axes or b 2-D. */
  matmul(a: N, b: N, transA: boolean, transB: boolean): N
  matmulInto(a: N, b: N, transA: boolean, transB: boolean, y: N, add: boolean): void
  /** x: [..., I], weight: [O, I], bias: [O] or null -> [..., O]. */
  linear(x: N, weight: N, bias: Maybe, precision?: Precision): N
  /** sinks: [dx, dweight, dbias]. */
  linearBackward(x: N, weight: N, dy: N, sinks: Sinks, add: number, precision?: Precision): void

  // --- layers
  /** ids: i32 of any shape, table: [V, E] -> [...ids, E]. */
  embedding(ids: N, table: N): N
  /** sinks: [dtable]. */
  embeddingBackward(ids: N, dy: N, sinks: Sinks, add: number): void
  /** `batchAxis` is the axis of samples (1 for [T, B, F], 0 for [B, F]). Its own backward. */
  dropout(x: N, p: number, batchAxis: number, random: NativeRandom, sink: Maybe, add: boolean): N
  /** saved is null unless training. */
  layerNorm(x: N, gain: Maybe, bias: Maybe, eps: number, training: boolean): { y: N; saved: Maybe }
  /** sinks: [dx, dgain, dbias]. */
  layerNormBackward(x: N, gain: Maybe, saved: N, dy: N, sinks: Sinks, add: number): void
  softmax(x: N, log: boolean): N
  softmaxBackward(y: N, dy: N, log: boolean, sinks: Sinks, add: number): void
  /**
   * x: [..., H], targets: i32 [...]; weight [V, H] or null (x holds logits), bias [V] or null.
   * losses and weights have the shape of targets. reserve is null unless training.
   */
  crossEntropy(
    x: N,
    weight: Maybe,
    bias: Maybe,
    targets: N,
    classWeights: Maybe,
    ignoreIndex: number,
    labelSmoothing: number,
    training: boolean,
    precision?: Precision,
  ): { losses: N; weights: N; reserve: Maybe }
  /** sinks: [dx, dweight, dbias]. */
  crossEntropyBackward(
    x: N,
    weight: Maybe,
    bias: Maybe,
    targets: N,
    classWeights: Maybe,
    ignoreIndex: number,
    labelSmoothing: number,
    reserve: N,
    dlosses: N,
    sinks: Sinks,
    add: number,
    precision?: Precision,
  ): void
  /** The rows of native/abi/cells.h. */
  cells(): { cells: NativeCell[]; slots: NativeSlot[]; phases: NativePhase[] }
  /**
   * x: [T, B, I]; parameters: per (layer, direction), layer-major, an entry for each of `slots`;
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
  /** sinks: [dx, dh0, dc0, then dw_ih, dw_hh, db_ih, db_hh per (layer, direction)]; add as bits, a BigInt when over 31 sinks is avoided by an array of booleans. */
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

  // --- attention
  /**
   * queries: [Tq, B, A], keys: [Tk, B, A], values: [Tk, B, V]; v: [A] where score is 'additive', else
   * null; lengths: i32 [B] or null. context: [Tq, B, V], weights: [Tq, B, Tk].
   */
  attention(
    score: AttentionScore,
    queries: N,
    keys: N,
    values: N,
    v: Maybe,
    queryLengths: Maybe,
    memoryLengths: Maybe,
  ): { context: N; weights: N }
  /** sinks: [dqueries, dkeys, dvalues, dv]; weights as forward made them. */
  attentionBackward(
    score: AttentionScore,
    queries: N,
    keys: N,
    values: N,
    v: Maybe,
    queryLengths: Maybe,
    memoryLengths: Maybe,
    weights: N,
    dcontext: Maybe,
    dweights: Maybe,
    sinks: Sinks,
    add: number,
  ): void

  // --- the attentional decoder
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

  // --- search
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

  // --- programs: see native/runtime/program.h
  /** From now on this environment's ops on cuda are recorded and wait for `endProgram`. */
  beginProgram(): void
  /** Forgets the recording, if there is one. */
  cancelProgram(): void
  /**
   * Enqueues what was recorded and gives it as a program. `updates`: [lr, step] of each optimizerStep
   * in it. There is room for as many tokens as these inputs have, to a multiple of `tokenStep`. Ops on
   * inputs that live only on the device, or whose result the host reads, cannot be recorded.
   */
  endProgram(outputs: readonly N[], tokenStep: number, updates: Float64Array): NativeProgram
  /** Enqueues it again with what its inputs hold then, `randomSteps` after its recording. */
  runProgram(program: NativeProgram, randomSteps: number, updates: Float64Array): void
  disposeProgram(program: NativeProgram): void

  // --- optimizers
  /** Scalar: sqrt of the sum of squares over all given tensors. */
  globalNorm(gradients: readonly N[]): N
  /** state: SGD [buf]; Adam(W) [m, v]; RMSProp [v, buf, avg]; Adagrad [sum]; absent ones null. norm: scalar or null. */
  optimizerStep(
    options: OptimizerOptions,
    parameter: N,
    gradient: N,
    state: readonly Maybe[],
    norm: Maybe,
  ): void

  // --- measurement
  /** Scalar: GFLOP/s of multiply-adds in registers on all threads; `ERR_UNSUPPORTED` on reference. */
  peak(device: DeviceName, seconds: number): N
}

type Loader = (dir: string) => NativeAddon

/** RNNATIVE_BINARY names another build (sanitizers); otherwise prebuild first, then build/Release. */
function load(): NativeAddon {
  const override = process.env['RNNATIVE_BINARY']
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  if (override) return require(override) as NativeAddon
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return (require('node-gyp-build') as Loader)(join(__dirname, '..', '..'))
}

/** The addon, with its errors as {@link RnnativeError}. */
export const native: NativeAddon = guardNative(load())
