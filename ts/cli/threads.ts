import { availableParallelism } from 'node:os'

/** Sets the engine's threads where a number was given; says so where there are fewer CPUs. */
export async function setThreads(threads: number | undefined): Promise<void> {
  if (threads === undefined) return
  const cpus = availableParallelism()
  if (threads > cpus)
    process.stderr.write(
      `note: --threads ${threads} on ${cpus} CPU${cpus === 1 ? '' : 's'}: slower\n`,
    )
  const tensor = await import('../tensor/index.js')
  tensor.setThreads(threads)
}
