/**
 * One op on one backend: what an op test describes ({@link Op}), where it runs ({@link Variant}) and
 * how it is evaluated ({@link evaluate}).
 */
import { native, type DeviceName, type NativeTensor, type TypedArray } from '#dist/native/index.js'
import {
  download,
  guardsIntact,
  upload,
  uploadView,
  valuesOf,
  withGuards,
  type Host,
} from './host.mjs'
import type { Named } from './compare.mjs'

export type Tensors = Record<string, NativeTensor | null>

/** Gradient destinations by input name, in the form the addon takes them. */
export interface Sinks {
  /** The sinks of these inputs in this order, null where skipped. */
  list(...names: string[]): (NativeTensor | null)[]
  /** Bit i says that the i-th of these inputs is added to. */
  bits(...names: string[]): number
  flags(...names: string[]): boolean[]
}

export interface Run {
  /** Real outputs. */
  outputs: Record<string, NativeTensor>
  /** Other tensors that the op made. */
  extra?: (NativeTensor | null)[]
  backward?(upstream: Record<string, NativeTensor>, sinks: Sinks): void
}

export interface Op {
  inputs: Record<string, Host | null>
  /** Names of the inputs that have gradients. */
  differentiable: string[]
  /** Shapes of the outputs that have upstream gradients. */
  shapes: Record<string, readonly number[]>
  forward(inputs: Tensors): Run
}

export interface Variant {
  device: DeviceName
  isa?: string
  threads: number
}

export type GradientMode = 'write' | 'add'

export interface Options {
  /** Upstream gradients by output; without them only outputs are computed. */
  upstream?: Record<string, Host>
  mode?: GradientMode
  /** Inputs whose gradient is wanted; all differentiable ones if absent. */
  only?: string[]
  /** Inputs and sinks are views with guards around them. */
  views?: boolean
}

export const REFERENCE: Variant = { device: 'reference', threads: 1 }

const only = process.env['RNNATIVE_TEST_ISAS']?.split(',')
const chosen = (name: string): boolean => !only || only.includes(name)

/** RNNATIVE_TEST_ISAS=avx2,generic restricts a run. */
export const isas = (): string[] => native.info().isas.filter(chosen)

/**
 * All kernels: of every instruction set, and of a CUDA device where there is one (by the name `cuda`
 * for RNNATIVE_TEST_ISAS).
 */
export const kernels = (threads = 1): Variant[] => [
  ...isas().map((isa) => ({ device: 'cpu', isa, threads }) as const),
  ...(chosen('cuda') && native.cudaProbe().available ? [{ device: 'cuda', threads } as const] : []),
]

/** The reference, and all kernels on two threads. */
export const allVariants = (): Variant[] => [REFERENCE, ...kernels(2)]

/** The devices among them. */
export const DEVICES = [...new Set(allVariants().map(({ device }) => device))]

export const describe = ({ device, isa, threads }: Variant): string =>
  isa ? `${device}/${isa}, ${threads} threads` : device

export function select(variant: Variant): void {
  native.setThreads(variant.threads)
  if (variant.isa) native.setIsa(variant.isa)
}

/** What sinks hold before a gradient is written (it must vanish) or added to. */
export const INITIAL = 2

const initials = new Map<number, Float64Array>()
function initial(length: number): Float64Array {
  let data = initials.get(length)
  if (!data) initials.set(length, (data = new Float64Array(length).fill(INITIAL)))
  return data
}

class SinkSet implements Sinks {
  readonly tensors: Tensors = {}
  readonly mode: GradientMode

  constructor(mode: GradientMode) {
    this.mode = mode
  }

  list(...names: string[]): (NativeTensor | null)[] {
    return names.map((name) => this.tensors[name] ?? null)
  }

  flags(...names: string[]): boolean[] {
    return names.map(() => this.mode === 'add')
  }

  bits(...names: string[]): number {
    return this.mode === 'add' ? 2 ** names.length - 1 : 0
  }
}

/**
 * Ops on cuda are recorded and run as a program, see native/runtime/program.h. It is recorded with other
 * integers, so a kernel that was given a number which follows from them is wrong: with the same
 * ones in reverse order and room for little more tokens than there are, or with smaller ones and room
 * for any number.
 */
const PROGRAMS = process.env['RNNATIVE_TEST_PROGRAMS'] === '1'
interface Recording {
  integers(data: Int32Array): Int32Array
  tokenStep: number
}
const RECORDINGS: readonly Recording[] = [
  { integers: (data) => data.toReversed(), tokenStep: 5 },
  { integers: (data) => data.map((x) => (x > 0 ? x - 1 : x)), tokenStep: 2 ** 20 },
]
/** Always the same for an op, whose results may depend on the room. */
const recordingOf = ({ inputs }: Op): Recording => {
  const integers = Object.values(inputs).flatMap((host) =>
    host?.data instanceof Int32Array ? [...host.data] : [],
  )
  const sum = integers.reduce((all, x) => all + x, 0)
  return RECORDINGS[Math.abs(sum) % RECORDINGS.length] as Recording
}

/** Tensors of one evaluation, and what to write to them before a program's last run. */
class Placed {
  readonly owned: (NativeTensor | null)[] = []
  readonly guarded: NativeTensor[] = []
  private readonly values: [NativeTensor, TypedArray][] = []

  constructor(
    private readonly device: DeviceName,
    private readonly views: boolean,
    private readonly recording: Recording | null,
  ) {}

  place(host: Host): NativeTensor {
    const { recording } = this
    const ints = host.data instanceof Int32Array ? host.data : null
    const isInt = ints !== null
    const given = ints && recording ? { ...host, data: recording.integers(ints) } : host
    if (!this.views) {
      const tensor = upload(this.device, given)
      this.owned.push(tensor)
      if (recording) this.values.push([tensor, valuesOf(host)])
      return tensor
    }
    const { view, whole } = uploadView(this.device, given)
    this.owned.push(view, whole)
    if (!isInt) this.guarded.push(whole)
    if (!recording) return view
    // The host knows integers that were written as a whole.
    if (isInt) this.values.push([whole, withGuards(host.data)])
    else this.values.push([view, valuesOf(host)])
    return view
  }

  write(): void {
    for (const [tensor, data] of this.values) native.writeInto(tensor, data)
  }

  dispose(): void {
    for (const tensor of this.owned) if (tensor) native.dispose(tensor)
  }
}

/** Records the ops, and runs them on what the tensors are to hold. */
function runTwice(
  placed: Placed,
  { tokenStep }: Recording,
  enqueue: () => Record<string, NativeTensor>,
) {
  native.beginProgram()
  try {
    const results = enqueue()
    const program = native.endProgram(Object.values(results), tokenStep, new Float64Array(0))
    placed.write()
    native.runProgram(program, 0, new Float64Array(0))
    native.disposeProgram(program)
    return results
  } finally {
    native.cancelProgram()
  }
}

/**
 * Outputs by name and gradients as `grad name`; with views also `guards`, 0 where intact. Everything
 * up to the reads is enqueued at once, so tests may run side by side.
 */
export async function evaluate(op: Op, variant: Variant, options: Options = {}): Promise<Named> {
  const { upstream, mode = 'write', only = op.differentiable, views = false } = options
  const recorded = PROGRAMS && variant.device === 'cuda'
  const recording = recorded ? recordingOf(op) : null
  const placed = new Placed(variant.device, views, recording)
  select(variant)
  const inputs: Tensors = {}
  for (const [name, host] of Object.entries(op.inputs)) inputs[name] = host && placed.place(host)
  const gradients = Object.entries(upstream ?? {}).map(
    ([name, host]) => [name, placed.place(host)] as const,
  )
  const sinks = new SinkSet(mode)
  for (const name of upstream ? only : []) {
    const host = op.inputs[name]
    if (!host) continue
    sinks.tensors[name] = placed.place({ shape: host.shape, data: initial(host.data.length) })
  }
  const enqueue = (): Record<string, NativeTensor> => {
    const run = op.forward(inputs)
    placed.owned.push(...Object.values(run.outputs), ...(run.extra ?? []))
    const results: Record<string, NativeTensor> = { ...run.outputs }
    if (!upstream || !run.backward) return results
    for (const [name, sink] of Object.entries(sinks.tensors))
      if (sink) results[`grad ${name}`] = sink
    run.backward(Object.fromEntries(gradients), sinks)
    return results
  }

  try {
    const results = recording ? runTwice(placed, recording, enqueue) : enqueue()
    const named: Named = {}
    await Promise.all(
      Object.entries(results).map(async ([name, tensor]) => {
        named[name] = await download(tensor)
      }),
    )
    if (views) {
      const intact = await Promise.all(placed.guarded.map(guardsIntact))
      named['guards'] = Float64Array.from(intact, (ok) => (ok ? 0 : 1))
    }
    return named
  } finally {
    placed.dispose()
  }
}
