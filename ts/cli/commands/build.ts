import type { Command } from 'commander'
import { text } from '../../schema'
import { addFlags, file, takeFlags, type Flags } from '../arguments'

const mpiFlags = {
  compiler: text({ about: "the MPI's C++ compiler", argument: '<path>', defaultText: 'mpicxx' }),
  output: file('the library to write; RNNATIVE_MPI must name it then'),
}

export function addBuild(program: Command): void {
  const build = program.command('build').description('build what depends on this machine')
  const mpi = build
    .command('mpi')
    .description('build what mpirun and --parallel need, for the MPI that is installed')
  addFlags(mpi, mpiFlags).action(async (flags: Flags) => {
    const { buildMpi } = await import('../mpi.js')
    process.stdout.write(`${buildMpi(takeFlags(mpiFlags, flags))}\n`)
  })
}
