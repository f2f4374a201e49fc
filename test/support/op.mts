/**
 * One op on one backend: what an op test describes ({@link Op}), where it runs ({@link Variant}) and
 * how it is evaluated ({@link evaluate}).
 */
import { native, type DeviceName, type NativeTensor } from '#dist/tensor/native.js'
import { download, guardsIntact, upload, uploadView, type Host } from './host.mjs'
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
 * Outputs by name and gradients as `grad name`; with views also `guards`, 0 where intact. Everything
 * up to the reads is enqueued at once, so tests may run side by side.
 */
export async function evaluate(op: Op, variant: Variant, options: Options = {}): Promise<Named> {
  const { upstream, mode = 'write', only = op.differentiable, views = false } = options
  const { device } = variant
  const owned: (NativeTensor | null)[] = []
  const guarded: NativeTensor[] = []
  const place = (host: Host): NativeTensor => {
    if (!views) {
      const tensor = upload(device, host)
      owned.push(tensor)
      return tensor
    }
    const { view, whole } = uploadView(device, host)
    owned.push(view, whole)
    if (!(host.data instanceof Int32Array)) guarded.push(whole)
    return view
  }

  select(variant)
  const inputs: Tensors = {}
  for (const [name, host] of Object.entries(op.inputs)) inputs[name] = host && place(host)
  const run = op.forward(inputs)
  owned.push(...Object.values(run.outputs), ...(run.extra ?? []))
  const results: Record<string, NativeTensor> = { ...run.outputs }
  if (upstream && run.backward) {
    const gradients = Object.entries(upstream).map(([name, host]) => [name, place(host)] as const)
    const sinks = new SinkSet(mode)
    for (const name of only) {
      const host = op.inputs[name]
      if (!host) continue
      const data = new Float64Array(host.data.length).fill(INITIAL)
      const sink = place({ shape: host.shape, data })
      sinks.tensors[name] = sink
      results[`grad ${name}`] = sink
    }
    run.backward(Object.fromEntries(gradients), sinks)
  }

  try {
    const named: Named = {}
    await Promise.all(
      Object.entries(results).map(async ([name, tensor]) => {
        named[name] = await download(tensor)
      }),
    )
    if (views) {
      const intact = await Promise.all(guarded.map(guardsIntact))
      named['guards'] = Float64Array.from(intact, (ok) => (ok ? 0 : 1))
    }
    return named
  } finally {
    for (const tensor of owned) if (tensor) native.dispose(tensor)
  }
}
