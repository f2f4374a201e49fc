/** The library by which ranks train together: built for the MPI that is installed, and looked at by `doctor`. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { RnnativeError } from '../errors'
import { mpiLibrary, PACKAGE } from '../mpirun'

const COMPILERS = ['mpicxx', 'mpic++', 'mpiCC']
const INSTALL =
  'install one with its compiler (Debian: apt-get install openmpi-bin libopenmpi-dev, or mpich libmpich-dev)'
const BUILD = 'npx rnnative build mpi'

const succeeds = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

const findCompiler = (): string | undefined =>
  COMPILERS.find((name) => succeeds(name, ['--version']))

/** Calls `build` with the folder that holds `native/`: that of a checkout, or one that the package's are unpacked to. */
function withSources(build: (root: string) => void): void {
  const source = join('native', 'comm')
  if (existsSync(join(PACKAGE, source))) return build(PACKAGE)
  const folder = mkdtempSync(join(tmpdir(), 'rnnative-mpi-'))
  try {
    const archive = join(PACKAGE, 'sources.tar.gz')
    const { status, stderr } = spawnSync('tar', ['-xzf', archive, '-C', folder, source], {
      encoding: 'utf8',
    })
    if (status !== 0)
      throw new RnnativeError('ERR_IO', `[build] ${archive}: ${stderr || 'tar does not run'}`)
    build(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Builds it; the path. `ERR_UNSUPPORTED` where there is no MPI, or it does not compile. */
export function buildMpi({ compiler = findCompiler(), output = mpiLibrary() }): string {
  if (compiler === undefined)
    throw new RnnativeError(
      'ERR_UNSUPPORTED',
      `[build] no MPI's compiler (${COMPILERS.join(', ')}) is on PATH; ${INSTALL}, or name it by --compiler`,
    )
  const to = resolve(output)
  mkdirSync(dirname(to), { recursive: true })
  // In one move: processes may run with the one before.
  const made = `${to}.${process.pid}`
  try {
    withSources((root) => {
      const source = join(root, 'native', 'comm', 'mpi.cc')
      const args = ['-std=c++20', '-O2', '-fPIC', '-shared', '-pthread', '-I', root, source]
      const { status, stderr, error } = spawnSync(compiler, [...args, '-o', made], {
        encoding: 'utf8',
      })
      if (status === 0) return
      const lines = stderr.trim().split('\n')
      const reason = error?.message ?? lines.find((line) => line.includes('error')) ?? lines[0]
      throw new RnnativeError('ERR_UNSUPPORTED', `[build] ${compiler}: ${reason}`)
    })
    renameSync(made, to)
  } finally {
    rmSync(made, { force: true })
  }
  return to
}

export interface MpiDiagnosis {
  /** Path of the library; empty: there is none. */
  library: string
  /** Such as `Open MPI v4.1.4, thread level multiple`; empty: none that works. */
  name: string
  reason: string
  fix: string
}

/** Loads the library and begins MPI in a process of its own, as a failure there ends the process. */
export function diagnoseMpi(): MpiDiagnosis {
  const library = mpiLibrary()
  if (!existsSync(library)) {
    const compiler = findCompiler()
    const none = { library: '', name: '', fix: compiler ? BUILD : `${INSTALL}, then ${BUILD}` }
    return { ...none, reason: compiler ? 'not built' : 'no MPI was found' }
  }
  // Not as one of the ranks that this process may be of.
  const env = Object.entries(process.env).filter(([name]) => !/^(OMPI|PMI|PMIX)_/.test(name))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(__dirname, 'mpi-probe.js')],
    {
      env: { ...Object.fromEntries(env), RNNATIVE_MPI: library },
      encoding: 'utf8',
      timeout: 30_000,
    },
  )
  if (status === 0) return { library, name: stdout.trim(), reason: '', fix: '' }
  const reason = stderr.trim().split('\n')[0] || 'MPI does not begin'
  return { library, name: '', reason, fix: `${BUILD} builds it again` }
}
