// Ranks over MPI: 200 steps of a character model with dropout and of a ragged Seq2Seq by 2 and 3 ranks against one process
// (losses and weights within 1e-5), the same ranks twice bit for bit, and 20 kills of any rank at random moments, resumed
// bit for bit. Then faults: so many ranks killed or stopped, of which none may hang for 60 s or lose a checkpoint.
//
//   npm run build:test && node test/acceptance/parallel.mjs [--steps 200] [--kills 20] [--faults 50] [--seed 1]
//
// Needs mpirun and `npx rnnative build mpi`.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries({ steps: '200', kills: '20', faults: '50', seed: '1' }).map(([name, value]) => [
      name,
      { type: 'string', default: value },
    ]),
  ),
})
const [steps, kills, faults] = [values.steps, values.kills, values.faults].map(Number)
let state = Number(values.seed)
const draw = (below) => {
  state = (state * 1103515245 + 12345) % 2 ** 31
  return (state >> 8) % below
}

const folder = mkdtempSync(path.join(tmpdir(), 'rnnative-parallel-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const env = {
  ...process.env,
  ...{ OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
  ...{ OMPI_MCA_hwloc_base_binding_policy: 'none', OMPI_MCA_rmaps_base_oversubscribe: '1' },
}
const worker = 'dist-test/train/mpi/worker.mjs'
let runs = 0

function run(ranks, task, more = {}) {
  const began = performance.now()
  const out = path.join(folder, `run${++runs}`)
  const args = [worker, JSON.stringify({ ...task, out })]
  const [command, all] =
    ranks === 1
      ? [process.execPath, args]
      : ['mpirun', ['-np', String(ranks), process.execPath, ...args]]
  return new Promise((resolve, reject) => {
    const child = spawn(command, all, {
      env: { ...env, ...more },
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.on('error', reject).on('close', (code) => {
      resolve({ code, stderr, out, seconds: (performance.now() - began) / 1000 })
    })
  })
}

async function learned(ranks, task) {
  const { code, stderr, out } = await run(ranks, task)
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(readFileSync(`${out}.0.json`, 'utf8'))
}

function distance(a, b) {
  const scale = Math.max(...a.map(Math.abs))
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]) / scale))
}

const failures = []
const check = (what, holds) => {
  console.log(`${holds ? 'ok' : 'NOT OK'}  ${what}`)
  if (!holds) failures.push(what)
}

for (const family of ['language', 'seq2seq']) {
  const alone = await learned(1, { family, steps })
  for (const ranks of [2, 3]) {
    const made = await learned(ranks, { family, steps })
    for (const name of ['losses', 'weights']) {
      const far = distance(alone[name], made[name])
      check(`${family}, ${ranks} ranks, ${steps} steps: ${name} differ by ${far}`, far <= 1e-5)
    }
    const again = JSON.stringify(await learned(ranks, { family, steps })) === JSON.stringify(made)
    check(`${family}, ${ranks} ranks twice: the same bits`, again)
  }
}

const checkpoints = (directory) =>
  readdirSync(directory).filter((name) => name.startsWith('step-')).length

async function killed(count, signals, what) {
  const whole = await learned(2, { family: 'language', steps })
  const checkpoint = path.join(folder, what)
  let [longest, lost] = [0, 0]
  for (let i = 0; i < count; ++i) {
    const signal = signals[i % signals.length]
    const stop = { rank: draw(2), step: 1 + Math.floor(((i + 1) * steps) / (count + 2)), signal }
    const ended = await run(
      2,
      { family: 'language', steps, checkpoint, stop },
      { RNNATIVE_MPI_TIMEOUT: '5' },
    )
    longest = Math.max(longest, ended.seconds)
    if (ended.code === 0) check(`${what} ${i}: ended with 0`, false)
    if (i > 1 && checkpoints(checkpoint) === 0) ++lost
  }
  const resumed = await learned(2, { family: 'language', steps, checkpoint })
  const same = JSON.stringify(resumed.weights) === JSON.stringify(whole.weights)
  check(`${what}: ${count} times, then the same bits`, same)
  check(`${what}: ${longest.toFixed(1)} s at most, none above 60`, longest < 60)
  check(`${what}: ${lost} without a checkpoint`, lost === 0)
}

await killed(kills, ['SIGKILL'], 'kills')
await killed(faults, ['SIGKILL', 'SIGSTOP'], 'faults')
process.exitCode = failures.length > 0 ? 1 : 0
