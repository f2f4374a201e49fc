/** Ranks that mpirun starts: skipped, by name, where no MPI with its compiler is installed. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { makeText } from './mpi/data.mjs'

const installed = ['mpicxx', 'mpirun'].every(
  (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0,
)
const mpi = installed ? test.serial : test.serial.skip

const folder = mkdtempSync(join(tmpdir(), 'rnnative-mpi-'))
const library = join(folder, 'librnnative_mpi.so')
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  code: number | null
  stdout: string
  stderr: string
  seconds: number
}

/** As root and on few processors, which Open MPI asks to be told, and MPICH does not know of. */
const env = {
  ...process.env,
  RNNATIVE_MPI: library,
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_hwloc_base_binding_policy: 'none',
}

function run(
  command: string,
  args: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...env, ...more } })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject).on('close', (code) => {
      resolve({ code, stdout, stderr, seconds: (performance.now() - began) / 1000 })
    })
  })
}

const mpirun = (ranks: number, args: readonly string[], more?: NodeJS.ProcessEnv) =>
  run('mpirun', ['-np', String(ranks), process.execPath, ...args], more)

interface Learned {
  losses: number[]
  weights: number[]
}

let runs = 0

/** What each rank has learned. */
async function learned(ranks: number, task: object): Promise<Learned[]> {
  const out = join(folder, `run${++runs}`)
  const args = ['dist-test/train/mpi/worker.mjs', JSON.stringify({ ...task, out })]
  const { code, stderr } = await (ranks === 0 ? run(process.execPath, args) : mpirun(ranks, args))
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`)
  return Array.from({ length: Math.max(1, ranks) }, (_, rank) => {
    return JSON.parse(readFileSync(`${out}.${rank}.json`, 'utf8')) as Learned
  })
}

function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity
  const scale = a.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30)
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number)) / scale), 0)
}

mpi('the library is built, and doctor tells which MPI it is of', async (t) => {
  const built = await run(process.execPath, [
    'dist/cli/main.js',
    'build',
    'mpi',
    '--output',
    library,
  ])
  t.is(built.code, 0, built.stderr)
  t.is(built.stdout.trim(), library)
  const { stdout } = await run(process.execPath, ['dist/cli/main.js', 'doctor', '--json'])
  const { mpi: found } = JSON.parse(stdout) as { mpi: Record<string, string> }
  t.is(found['library'], library)
  t.regex(`${found['name']} ${found['reason']}`, /^(Open MPI|MPICH).*, thread level \w+/)
})

const STEPS = 12
let whole: Learned[] = []

async function near(t: ExecutionContext, family: string, ranks: number): Promise<Learned[]> {
  const task = { family, steps: STEPS }
  const [[alone], all] = [await learned(0, task), await learned(ranks, task)]
  for (const one of all) t.deepEqual(one, all[0])
  for (const name of ['losses', 'weights'] as const) {
    const far = distance(alone?.[name] ?? [], all[0]?.[name] ?? [])
    t.true(far <= 1e-5, `${ranks} ranks: ${name} differ by ${far}`)
  }
  return all
}

mpi('2 ranks come to what one process comes to, and to the same bits each time', async (t) => {
  whole = await near(t, 'language', 2)
  t.deepEqual(await learned(2, { family: 'language', steps: STEPS }), whole)
})

mpi(
  '3 ranks come to what one process comes to, of batches whose rows differ in number',
  async (t) => {
    await near(t, 'seq2seq', 3)
  },
)

mpi('gradients may be rounded to bf16 on their way', async (t) => {
  const task = { family: 'language', steps: STEPS, reducePrecision: 'bf16' }
  const [first, second] = await learned(2, task)
  t.deepEqual(first, second)
  const far = distance(whole[0]?.losses ?? [], first?.losses ?? [])
  t.true(far > 0 && far < 0.02, `losses differ by ${far}`)
})

mpi('killed and resumed it goes on bit for bit', async (t) => {
  const checkpoint = join(folder, 'killed')
  const stop = { rank: 1, step: 8, signal: 'SIGKILL' }
  const task = { family: 'language', steps: STEPS, checkpoint }
  const told = JSON.stringify({ ...task, stop, out: join(folder, 'none') })
  const ended = await mpirun(2, ['dist-test/train/mpi/worker.mjs', told])
  t.not(ended.code, 0)
  t.regex(ended.stderr, /rank 1\b|KILLED|signal 9/)
  const [resumed] = await learned(2, task)
  t.deepEqual(resumed?.weights, whole[0]?.weights)
})

mpi('a rank that is stopped ends all, with its name', async (t) => {
  const stop = { rank: 1, step: 3, signal: 'SIGSTOP' }
  const task = { family: 'language', steps: 5000, stop, out: join(folder, 'none') }
  const args = ['dist-test/train/mpi/worker.mjs', JSON.stringify(task)]
  const ended = await mpirun(2, args, { RNNATIVE_MPI_TIMEOUT: '3' })
  t.not(ended.code, 0)
  t.regex(ended.stderr, /rnnative: rank 1 of 2 on \S+ has not been heard of for 3 s; all end/)
  t.true(ended.seconds < 60)
})

mpi('the command line trains in parallel, and tells once', async (t) => {
  const checkpoint = join(folder, 'cli')
  const text = join(folder, 'text.txt')
  writeFileSync(text, makeText())
  const args = ['dist/cli/main.js', 'lm', 'train', '--text', text, '--unit', 'char', '--parallel']
  const size = ['--hidden', '8', '--max-steps', '3', '--checkpoint', checkpoint, '--json']
  const { code, stdout, stderr } = await mpirun(2, [...args, ...size])
  t.is(code, 0, stderr)
  const steps = stdout.split('\n').flatMap((line) => {
    const found = /"step":(\d+)/.exec(line)
    return found && line.includes('"loss"') ? [Number(found[1])] : []
  })
  t.deepEqual([...new Set(steps)], [1, 2, 3])
  t.is(steps.filter((step) => step === 1).length, 1)
  // The directory holds a run: one of them says so.
  const again = await mpirun(2, [...args, ...size])
  t.not(again.code, 0)
  t.is(again.stderr.match(/holds a run/g)?.length, 1)
})

mpi('without the library it is said how to build it', async (t) => {
  const task = { family: 'language', steps: 1, out: join(folder, 'none') }
  const args = ['dist-test/train/mpi/worker.mjs', JSON.stringify(task)]
  const { code, stderr } = await mpirun(2, args, { RNNATIVE_MPI: join(folder, 'missing.so') })
  t.not(code, 0)
  t.regex(stderr, /ERR_UNSUPPORTED|npx rnnative build mpi/)
})
