/**
 * The addon's interface: what native/addon exports and the only thing the TypeScript layer calls.
 * Every function checks its arguments again and throws Errors that become RnnativeErrors here
 * (`code`, message `[op] name: expected …, got …`); none can crash the process.
 *
 * Ops enqueue and return at once; values arrive through {@link NativeAddon.read}. Values of integer
 * tensors are checked when the op runs, so a bad id fails the op's outputs with `ERR_INDEX`.
 */
import { guardNative } from '../errors'
import { loadAddon } from './load'

/** An opaque handle on storage + offset + shape + dtype + device. */
export interface NativeTensor {
  readonly __brand: unique symbol
}

/** An opaque handle on recorded ops. */
export interface NativeProgram {
  readonly __program: unique symbol
}

/** Where tensors are: `reference` computes in double and plain loops, for tests. */
export type DeviceName = 'cpu' | 'reference' | 'cuda'
/** `f32` on cpu and cuda, `f64` on reference; `i32` for ids and lengths everywhere. */
export type DType = 'f32' | 'f64' | 'i32'
/** Those of real numbers. */
export type Real = 'f32' | 'f64'
/** The array that holds numbers of a dtype. */
export interface ArrayOf {
  /** Of single precision. */
  f32: Float32Array
  /** Of double precision, on the device `reference`. */
  f64: Float64Array
  /** Of whole numbers. */
  i32: Int32Array
}
/** What numbers come in and go out as. */
export type TypedArray = ArrayOf[DType]

/** Key of a random stream: see RnRandom in native/abi/backend.h. */
export interface NativeRandom {
  /** From {@link NativeAddon.streamKey}. */
  key: Uint32Array
  step: number
  sampleBase: number
  stream?: number
}

/** What the addon is, and what it found. */
export interface NativeInfo {
  /** The instruction set that its kernels use. */
  isa: string
  /** All the ISAs this build and CPU can run, slowest first. */
  isas: string[]
  /** Threads that compute. */
  threads: number
  /** CPUs the default team was sized from. */
  affinity: number
  /** cgroup CPU quota in CPUs, or null. */
  quota: number | null
  /** Bytes that tensors may take. */
  memoryLimit: number
  /** A hash of the sources that it was built from. */
  buildId: string
  /** The version of Node-API that it asks for. */
  napi: number
  /** What built it. */
  compiler: string
}

export interface NativeDeviceMemory {
  tensors: number
  bytes: number
  peakBytes: number
}

/** What the addon holds. */
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
  /** Bytes on their way from JavaScript to a device. */
  staged: number
  /** Ops that wait for the engine. */
  pendingOps: number
}

/** What one op took on one device. */
export interface NativeProfileRow {
  /** Its name. */
  op: string
  /** Where it ran. */
  device: string
  /** How often. */
  calls: number
  /** For how long, all calls together. */
  milliseconds: number
}

/** A gradient's destination: null to skip it. Bit i of `add` says destination i is added to. */
export type Sinks = readonly (NativeTensor | null)[]
/** Short, for the signatures here and in ts/ops. */
export type N = NativeTensor
export type Maybe = NativeTensor | null

/** Ops are declared beside the functions of ts/ops that call them. */
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
    /** Path of the CUDA backend; empty: there is none. */
    library: string
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

  // --- measurement
  /** Scalar: GFLOP/s of multiply-adds in registers on all threads; `ERR_UNSUPPORTED` on reference. */
  peak(device: DeviceName, seconds: number): N
}

/** The addon, with its errors as {@link RnnativeError}. */
export const native: NativeAddon = guardNative(loadAddon() as NativeAddon)
