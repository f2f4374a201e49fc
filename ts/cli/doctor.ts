import { cpus } from 'node:os'
import type { RnnativeError } from '../errors'
import type { NativeAddon } from '../native/index'
import { printJson, printTable } from '../watch/output'
import { diagnoseMpi } from './mpi'
import { packageVersion } from './version'

const GIBIBYTE = 2 ** 30

const versions = () => ({
  rnnative: packageVersion(),
  node: process.versions.node,
  napi: process.versions.napi,
  platform: `${process.platform}-${process.arch}`,
})

function diagnose(native: NativeAddon) {
  const { isa, isas, threads, affinity, quota, memoryLimit, buildId, compiler } = native.info()
  const cuda = native.cudaProbe()
  return {
    versions: { ...versions(), build: buildId, compiler },
    cpu: { model: cpus()[0]?.model ?? 'unknown', isa, isas, threads, affinity, quota },
    memory: { limit: memoryLimit },
    cuda,
    mpi: diagnoseMpi(),
  }
}

/** 13000 is CUDA 13.0. */
const cudaVersion = (version: number): string =>
  `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`

const cudaRows = ({
  devices,
  memory,
  driver,
  runtime,
  cublas,
}: ReturnType<NativeAddon['cudaProbe']>) => ({
  cuda: `${devices.join(', ')} (${(memory / GIBIBYTE).toFixed(0)} GiB)`,
  '  driver': `for CUDA ${cudaVersion(driver)}; this build has ${cudaVersion(runtime)}`,
  '  cuBLAS': cublas || 'not found: own kernels multiply',
})

function print({ versions, cpu, memory, cuda, mpi }: ReturnType<typeof diagnose>): void {
  printTable({
    rnnative: `${versions.rnnative} (${versions.platform}, ${versions.compiler})`,
    node: `${versions.node} (Node-API ${versions.napi})`,
    cpu: cpu.model,
    'instruction set': `${cpu.isa} (of ${cpu.isas.join(', ')})`,
    threads: `${cpu.threads} (${cpu.affinity} CPUs, cgroup quota ${cpu.quota ?? 'none'})`,
    'memory limit': `${(memory.limit / GIBIBYTE).toFixed(1)} GiB`,
    ...(cuda.available ? cudaRows(cuda) : { cuda: `not available: ${cuda.reason}` }),
    ...(cuda.library === '' ? {} : { '  library': cuda.library }),
    ...(cuda.available || cuda.fix === '' ? {} : { '  fix': cuda.fix }),
    mpi: mpi.name || `not available: ${mpi.reason}`,
    ...(mpi.library === '' ? {} : { '  its library': mpi.library }),
    ...(mpi.fix === '' ? {} : { '  its fix': mpi.fix }),
  })
}

/** Prints the diagnosis; throws what keeps the addon from loading. */
export async function doctor(json: boolean): Promise<void> {
  let native: NativeAddon
  try {
    ;({ native } = await import('../native/index.js'))
  } catch (error) {
    const { message, details } = error as RnnativeError
    const { reason = message, fix } = (details ?? {}) as { reason?: string; fix?: string }
    if (json) printJson({ versions: versions(), error: reason, fix })
    else printTable({ ...versions(), fix })
    throw new Error(`the native addon does not load: ${reason}`, { cause: error })
  }
  const diagnosis = diagnose(native)
  if (json) printJson(diagnosis)
  else print(diagnosis)
}
