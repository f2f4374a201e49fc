// Ranks over MPI: 200 steps of a character model with dropout and of a ragged Seq2Seq by 2 and 3 ranks against one process
// (losses and weights within 1e-5), the same ranks twice bit for bit, and 20 kills of any rank at random moments, resumed
// bit for bit. Then faults: so many ranks killed, stopped, and cut off by the network between two hosts, of which none may hang
// for 60 s, end with status 0 or without a name, leave a process or lose a checkpoint.
//
//   npm run build:test && node test/acceptance/parallel.mjs [--only equality,kills,faults] [--steps 200] [--kills 20]
//     [--faults 50] [--seed 1] [--json bench/results/parallel-faults.json]
//
// Needs mpirun and `npx rnnative build mpi`; to cut the network off it needs root (bench/measure/two-hosts.mjs).
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { twoHosts } from '../../bench/measure/two-hosts.mjs'

const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries({
      ...{ only: 'equality,kills,faults', steps: '200', kills: '20', faults: '50', seed: '1' },
      json: '',
    }).map(([name, value]) => [name, { type: 'string', default: value }]),
  ),
})
const [steps, kills, faults] = [values.steps, values.kills, values.faults].map(Number)
const only = values.only.split(',')
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
/** More than this is a hang. */
const HANGS = 60
let runs = 0

/** `hosts`: of which each has a rank. `told` is called when a rank says that the moment has come. */
function run(ranks, task, { hosts, told } = {}) {
  const out = path.join(folder, `run${++runs}`)
  const args = [process.execPath, worker, JSON.stringify({ ...task, out })]
  const all = ranks === 1 ? args : ['mpirun', '-np', String(ranks), ...args]
  const [command, rest] = hosts ? hosts.command(args) : [all[0], all.slice(1)]
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { env })
    let stderr = ''
    child.stdout.on('data', () => told?.())
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    // Not when its pipes are closed: what is left on a host that was cut off holds them open.
    child.on('error', reject).on('exit', (code, signal) => {
      setTimeout(() => resolve({ code: code ?? signal, stderr, out }), 200)
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

const TASKS = [
  { family: 'language' },
  { family: 'seq2seq', optimizer: 'sgd' },
  { family: 'seq2seq', optimizer: 'adam' },
]
for (const given of only.includes('equality') ? TASKS : []) {
  const task = { ...given, steps }
  const what = Object.values(given).join(' by ')
  const alone = await learned(1, task)
  // How far apart two runs of one process come whose first weights differ by half a unit in the last place.
  const nudged = await learned(1, { ...task, nudge: 2 ** -24 })
  for (const ranks of [2, 3]) {
    const made = await learned(ranks, task)
    for (const name of ['losses', 'weights']) {
      const far = distance(alone[name], made[name])
      const rounding = distance(alone[name], nudged[name])
      check(
        `${what}, ${ranks} ranks, ${steps} steps: ${name} differ by ${far}, of one process by rounding ${rounding}`,
        far <= 1e-5,
      )
    }
    const again = JSON.stringify(await learned(ranks, task)) === JSON.stringify(made)
    check(`${what}, ${ranks} ranks twice: the same bits`, again)
  }
}

/** The step of the last checkpoint; 0: there is none. */
const lastCheckpoint = (directory) =>
  !existsSync(directory)
    ? 0
    : Math.max(
        0,
        ...readdirSync(directory).map((name) => Number(/^step-(\d+)/.exec(name)?.[1] ?? 0)),
      )

const alive = (pid) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Whether the processes of a run are gone, which those of a host that is cut off may be later than mpirun. */
async function gone(out, until) {
  const pids = [0, 1].map((rank) => Number(readFileSync(`${out}.${rank}.pid`, 'utf8')))
  while (pids.some(alive) && performance.now() < until) await sleep(100)
  return !pids.some(alive)
}

/** Two ranks of which one is lost some time after a step. */
async function trial(kind, stop, checkpoint) {
  const before = lastCheckpoint(checkpoint)
  const hosts = kind === 'cut' ? await twoHosts() : null
  try {
    let moment = null
    const told = () => {
      moment ??= performance.now()
      hosts?.cut()
    }
    const signal = { kill: 'SIGKILL', stop: 'SIGSTOP' }[kind]
    const whole = { family: 'language', steps, checkpoint, stop: { ...stop, signal } }
    const ended = await run(2, whole, { hosts, told })
    const seconds = (performance.now() - moment) / 1000
    const clean = await gone(ended.out, moment + HANGS * 1000)
    const named = /rank \d+\b|signal 9/.test(ended.stderr)
    const checkpoints = [before, lastCheckpoint(checkpoint)]
    return { kind, ...stop, seconds, status: ended.code, named, clean, checkpoints }
  } finally {
    hosts?.close()
  }
}

/** So many runs are on their way at once, each with a checkpoint of its own: most of the time they wait. */
const AT_ONCE = 3

/** One run, which loses a rank `count` times. */
async function series(count, kinds, name) {
  const checkpoint = path.join(folder, name)
  const trials = []
  for (let i = 0; i < count; ++i) {
    const step = 1 + Math.floor(((i + 1) * (steps - 2)) / (count + 1))
    const stop = { rank: draw(2), step, after: draw(60) }
    const made = await trial(kinds[i % kinds.length], stop, checkpoint)
    trials.push(made)
    console.log(name, i, JSON.stringify(made))
  }
  const resumed = await learned(2, { family: 'language', steps, checkpoint })
  return { trials, weights: JSON.stringify(resumed.weights) }
}

async function lose(count, kinds, what) {
  const whole = await learned(2, { family: 'language', steps })
  const made = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) =>
      series(Math.floor((count + i) / AT_ONCE), kinds, `${what}-${i}`),
    ),
  )
  const trials = made.flatMap(({ trials }) => trials)
  const same = made.every(({ weights }) => weights === JSON.stringify(whole.weights))
  check(`${what}: ${count} times, then the same bits`, same)
  const longest = Math.max(...trials.map(({ seconds }) => seconds))
  check(`${what}: ${longest.toFixed(1)} s at most, none above ${HANGS}`, longest < HANGS)
  const none = (problem, holds) => {
    const number = trials.filter(holds).length
    check(`${what}: ${number} ${problem}`, number === 0)
    return number
  }
  return {
    trials: count,
    kinds: Object.fromEntries(
      kinds.map((kind) => {
        const all = trials.filter((one) => one.kind === kind).map(({ seconds }) => seconds)
        return [kind, { trials: all.length, longestSeconds: Math.max(...all) }]
      }),
    ),
    sameBitsInTheEnd: same,
    endedWithStatus0: none('ended with status 0', ({ status }) => status === 0),
    withoutAName: none('without a name', ({ named }) => !named),
    leftAProcess: none('left a process', ({ clean }) => !clean),
    lostACheckpoint: none(
      'lost a checkpoint',
      ({ checkpoints: [before, after] }) => after < before,
    ),
    // `checkpoints`: the last one before and after.
    all: trials,
  }
}

const results = {}
if (only.includes('kills')) results.kills = await lose(kills, ['kill'], 'kills')
if (only.includes('faults')) results.faults = await lose(faults, ['kill', 'stop', 'cut'], 'faults')
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
process.exitCode = failures.length > 0 ? 1 : 0
