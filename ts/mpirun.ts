/** Processes that train together, as far as it can be told without any of their means: who was started by mpirun. */
import { join } from 'node:path'

/** What launchers tell of a process's place: Open MPI, MPICH and Intel MPI, Slurm and others by PMIx. */
const RANKS = ['OMPI_COMM_WORLD_RANK', 'PMI_RANK', 'PMIX_RANK']

/** This process's number among those that were started together; null where it was started alone. */
export function launchedRank(): number | null {
  const given = RANKS.map((name) => process.env[name]).find((value) => value !== undefined)
  return given !== undefined && /^\d+$/.test(given) ? Number(given) : null
}

/** What this file is in, unless a bundler has put it elsewhere. */
export const PACKAGE = join(__dirname, '..')

/** Where `rnnative build mpi` puts the library; RNNATIVE_MPI names another. */
export const mpiLibrary = (): string =>
  process.env['RNNATIVE_MPI'] ?? join(PACKAGE, 'build', 'Release', 'librnnative_mpi.so')
